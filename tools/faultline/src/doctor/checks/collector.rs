// SPDX-License-Identifier: GPL-2.0

//! What copies the dump in the crash kernel: makedumpfile, and how it is called.

use super::kdump::{is_one_there, package, About, With};
use crate::doctor::check::Check;
use crate::doctor::config::makedumpfile;
use crate::doctor::config::saver::{Goal, Saver};
use crate::doctor::{Facts, Finding, Link};
use crate::system::Seen;
use crate::verdict::Stage;

const ABOUT: About = About(Link::Dump);
/// Where makedumpfile is.
pub const PROGRAMS: &[&str] = &["/usr/bin/makedumpfile", "/usr/sbin/makedumpfile"];

/// The family's checks.
pub const CHECKS: &[Check] = &[
    Check {
        name: "makedumpfile",
        reads: "/usr/bin/makedumpfile, /usr/sbin/makedumpfile",
        why: "without it all of the memory is copied, or nothing: older kdump-tools leave an empty file under the dump's name",
        mend: "install makedumpfile",
        run: there,
    },
    Check {
        name: "makedumpfile_options",
        reads: "MAKEDUMP_ARGS, core_collector, MAKEDUMPFILE_OPTIONS, KDUMP_DUMPLEVEL",
        why: "what makedumpfile refuses it refuses in the crash kernel; kdump-tools then leaves an empty file under the dump's name, and says nothing",
        mend: "correct the options",
        run: options,
    },
];

fn there(facts: &Facts) -> Vec<Finding> {
    let system = facts.system;
    let saver = Saver::of(system);
    let calls_it =
        matches!(saver.collector().0.as_deref(), Some(arguments) if !arguments.is_empty());
    if !calls_it {
        return Vec::new();
    }
    match is_one_there(system, PROGRAMS) {
        Some(true) => Vec::new(),
        None => vec![ABOUT
            .unknown("whether makedumpfile is installed could not be seen")
            .evidence(PROGRAMS[0], "(not seen)")],
        Some(false) => {
            let (stage, what) = match &saver {
                Saver::KdumpTools(_) => match package(system, "kdump-tools") {
                    // 1.8.1 does not look for it; 1.10.7 does, and copies all of the memory instead.
                    Seen::Is(version) if is_before(&version, (1, 10)) => {
                        (Stage::Unreadable, "the dump is an empty file")
                    }
                    _ => (
                        Stage::DumpIncomplete,
                        "all of the memory is copied as it is",
                    ),
                },
                Saver::KdumpUtils { .. } => (Stage::PanicNoCrashKernel, "kdumpctl makes no initrd"),
                _ => (Stage::DumpFailed, "no dump is saved"),
            };
            let install = match saver {
                Saver::KdumpTools(_) => "apt install makedumpfile",
                Saver::KdumpUtils { .. } => "dnf install makedumpfile",
                _ => "zypper install makedumpfile",
            };
            vec![ABOUT
                .wrong(stage, format!("makedumpfile is not installed: {what}"))
                .evidence(PROGRAMS[0], "(not there)")
                .mend(install)]
        }
    }
}

/// Returns whether a Debian version is before `(major, minor)`.
fn is_before(version: &str, than: (u32, u32)) -> bool {
    let version = version
        .split_once(':')
        .map_or(version, |(_, version)| version);
    let mut numbers = version
        .split(|letter: char| !letter.is_ascii_digit())
        .map(|number| number.parse().unwrap_or(0));
    let number = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
    number < than
}

fn options(facts: &Facts) -> Vec<Finding> {
    let saver = Saver::of(facts.system);
    if matches!(saver, Saver::Nothing | Saver::Unreadable { .. }) {
        return Vec::new();
    }
    let (arguments, place) = saver.collector();
    let Some(arguments) = arguments else {
        return vec![ABOUT
            .unknown("how makedumpfile is called: only a shell could tell")
            .line(&place, "...")];
    };
    if arguments.is_empty() {
        return vec![ABOUT
            .note("the dump is not copied by makedumpfile: it is as large as the memory")
            .line(&place, "...")];
    }
    let reload = match saver {
        Saver::KdumpTools(_) => "# correct the line",
        _ => "# correct the line, then make the crash kernel's initrd anew",
    };
    match makedumpfile::call(&arguments) {
        Err(why) => {
            let stage = match saver {
                Saver::KdumpTools(_) => Stage::Unreadable,
                _ => Stage::DumpFailed,
            };
            vec![ABOUT
                .wrong(stage, format!("makedumpfile refuses its options: {why}"))
                .line(&place, &arguments)
                .mend(reload)]
        }
        Ok(call) if !call.files.is_empty() => {
            let says = format!("makedumpfile takes `{}` for a file", call.files.join(" "));
            vec![ABOUT
                .wrong(Stage::DumpFailed, says)
                .line(&place, &arguments)
                .mend(reload)]
        }
        Ok(_) => {
            let is_flat = arguments
                .split_ascii_whitespace()
                .any(|word| word.starts_with('-') && !word.starts_with("--") && word.contains('F'));
            // kdump-tools adds -F by itself.
            match (&saver, saver.goal().0) {
                (
                    Saver::KdumpUtils { .. },
                    Goal::Remote {
                        protocol: "ssh", ..
                    },
                ) if !is_flat => vec![ABOUT
                    .wrong(
                        Stage::DumpFailed,
                        "over ssh makedumpfile must write the flattened format: -F is missing",
                    )
                    .line(&place, &arguments)
                    .mend(reload)],
                _ => vec![ABOUT
                    .fine("makedumpfile has all of its options")
                    .line(&place, &arguments)],
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::checks::testing::found;
    use crate::system::testing::Machine;

    fn debian(settings: &str) -> Machine {
        Machine::new()
            .file("/usr/sbin/kdump-config", "")
            .file("/etc/default/kdump-tools", settings)
            .dir("/usr/bin")
    }

    #[test]
    fn without_it() {
        assert!(found(debian("").file("/usr/bin/makedumpfile", ""), there).is_empty());
        let status = |version: &str| {
            format!("Package: kdump-tools\nStatus: install ok installed\nVersion: {version}\n")
        };
        for (version, stage) in [
            ("1:1.8.1", Stage::Unreadable),
            ("1:1.10.7", Stage::DumpIncomplete),
        ] {
            let machine = debian("").file("/var/lib/dpkg/status", &status(version));
            assert_eq!(found(machine, there)[0].stage, Some(stage), "{version}");
        }
    }

    #[test]
    fn what_it_refuses() {
        let said = found(
            debian("A=1\nMAKEDUMP_ARGS=\"-c -d 31 --compress\"\n"),
            options,
        );
        assert_eq!(
            said[0].says,
            "makedumpfile refuses its options: no option `--compress`"
        );
        assert_eq!(said[0].evidence[0].place, "/etc/default/kdump-tools:2");
        assert_eq!(said[0].stage, Some(Stage::Unreadable));
        assert!(found(debian("MAKEDUMP_ARGS=\"-c -d 31 /x\"\n"), options)[0]
            .says
            .contains("for a file"));
        assert!(found(debian("MAKEDUMP_ARGS=$(x)\n"), options)[0]
            .says
            .contains("only a shell"));
        assert_eq!(
            found(debian(""), options)[0].state,
            crate::doctor::State::Fine
        );
        let redhat = |line: &str| {
            Machine::new().file(
                "/etc/kdump.conf",
                &format!("ssh a@b\ncore_collector {line}\n"),
            )
        };
        assert!(found(redhat("makedumpfile -l -d 31"), options)[0]
            .says
            .contains("-F is missing"));
        assert_eq!(
            found(redhat("makedumpfile -F -l -d 31"), options)[0].state,
            crate::doctor::State::Fine
        );
    }
}
