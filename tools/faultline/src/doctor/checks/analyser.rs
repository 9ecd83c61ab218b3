// SPDX-License-Identifier: GPL-2.0

//! The tools that can read a dump of this kernel: this program, makedumpfile and crash.

use super::kdump::{package, About};
use crate::doctor::check::Check;
use crate::doctor::facts::Facts;
use crate::doctor::finding::{Finding, Link};
use crate::system::Seen;

const ABOUT: About = About(Link::Analyser);

/// A version of makedumpfile, and of a kernel.
type Pair = ((u32, u32, u32), (u32, u32));

/// The newest kernel that each makedumpfile supports (LATEST_VERSION in makedumpfile.h).
const NEWEST: &[Pair] = &[
    ((1, 7, 0), (5, 15)),
    ((1, 7, 1), (5, 17)),
    ((1, 7, 2), (6, 0)),
    ((1, 7, 3), (6, 3)),
    ((1, 7, 4), (6, 6)),
    ((1, 7, 5), (6, 8)),
    ((1, 7, 6), (6, 11)),
    ((1, 7, 7), (6, 14)),
    ((1, 7, 8), (6, 17)),
    ((1, 7, 9), (7, 0)),
];

/// The family's checks.
pub const CHECKS: &[Check] = &[Check {
    name: "analyser",
    reads: "the kernel's release, versions of makedumpfile and crash in /var/lib/dpkg/status",
    why: "a dump that no tool can read is useless",
    mend: "install newer tools",
    run: analyser,
}];

/// Returns the numbers at the start of a version.
fn numbers(version: &str) -> Vec<u32> {
    let version = version
        .split_once(':')
        .map_or(version, |(_, version)| version);
    version
        .split(|letter: char| !letter.is_ascii_digit())
        .map_while(|number| number.parse().ok())
        .collect()
}

fn analyser(facts: &Facts) -> Vec<Finding> {
    let system = facts.system;
    let mut findings = vec![ABOUT.fine("'faultline verdict' reads dumps of any kernel release")];
    let Seen::Is(release) = &facts.release else {
        return findings;
    };
    let kernel = numbers(release);
    if let (Seen::Is(version), [major, minor, ..]) =
        (package(system, "makedumpfile"), kernel.as_slice())
    {
        let own = numbers(&version);
        let newest = NEWEST
            .iter()
            .rev()
            .find(|(known, _)| own.as_slice() >= [known.0, known.1, known.2].as_slice());
        if let Some((_, newest)) = newest.filter(|(_, newest)| (*major, *minor) > *newest) {
            findings.push(
                ABOUT
                    .note(format!(
                        "makedumpfile {version} does not support kernels newer than {}.{}, but usually saves their dumps",
                        newest.0, newest.1
                    ))
                    .evidence("/var/lib/dpkg/status", format!("makedumpfile {version}"))
                    .evidence("/proc/sys/kernel/osrelease", release),
            );
        }
    }
    if let Seen::Absent = package(system, "crash") {
        findings.push(
            ABOUT
                .note("crash is not installed; the dump can be examined on another machine")
                .evidence("/var/lib/dpkg/status", "(no crash)"),
        );
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::class::Classes;
    use crate::system::testing::Machine;

    fn says(release: &str, version: &str) -> Vec<String> {
        let status = format!("Package: makedumpfile\nStatus: install ok installed\nVersion: {version}\n\nPackage: crash\nStatus: install ok installed\nVersion: 8\n");
        let system = Machine::new()
            .sysctl("kernel.osrelease", release)
            .file("/var/lib/dpkg/status", &status)
            .system();
        analyser(&Facts::of(&system, Classes::ALL))
            .into_iter()
            .map(|one| one.says)
            .collect()
    }

    #[test]
    fn kernels_that_makedumpfile_knows() {
        assert_eq!(says("6.11.2-amd64", "1:1.7.6-1").len(), 1);
        assert!(says("6.12.118+deb13", "1:1.7.6-1")[1].contains("newer than 6.11"));
        assert!(says("7.3.4", "1:1.7.10-1")[1].contains("newer than 7.0"));
        assert_eq!(says("7.0.1", "1:1.7.10-1").len(), 1);
        assert_eq!(says("6.1.0", "1:1.6.8-4").len(), 1);
    }
}
