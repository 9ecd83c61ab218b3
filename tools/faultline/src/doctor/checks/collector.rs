// SPDX-License-Identifier: GPL-2.0

//! The program that copies the dump in the crash kernel: makedumpfile, and its options.

use super::kdump::{is_one_there, package, About, With};
use crate::doctor::check::Check;
use crate::doctor::config::makedumpfile;
use crate::doctor::config::saver::{Goal, Saver};
use crate::doctor::facts::Facts;
use crate::doctor::finding::{Finding, Link};
use crate::system::Seen;
use crate::verdict::stage::Stage;

const ABOUT: About = About(Link::Dump);
/// The paths of makedumpfile.
pub const PROGRAMS: &[&str] = &["/usr/bin/makedumpfile", "/usr/sbin/makedumpfile"];

/// The family's checks.
pub const CHECKS: &[Check] = &[
    Check {
        name: "makedumpfile",
        reads: "/usr/bin/makedumpfile, /usr/sbin/makedumpfile",
        why: "without it all of the memory is copied, or nothing: older kdump-tools leave an empty file with the dump's name",
        mend: "install makedumpfile",
        run: there,
    },
    Check {
        name: "makedumpfile_options",
        reads: "MAKEDUMP_ARGS, core_collector, MAKEDUMPFILE_OPTIONS, KDUMP_DUMPLEVEL",
        why: "makedumpfile refuses wrong options only in the crash kernel; kdump-tools then leaves an empty file with the dump's name, without a message",
        mend: "correct the options",
        run: options,
    },
    Check {
        name: "makedumpfile_kernel",
        reads: "the kernel's release, MAKEDUMP_ARGS, core_collector, KDUMP_DUMPLEVEL, /usr/bin/makedumpfile, its version in /var/lib/dpkg/status",
        why: "makedumpfile up to 1.7.9 takes some kernel pages of Linux 7.1 and later for user pages: if it leaves those out, stacks and modules are missing from the dump",
        mend: "keep user pages in the dump (level 23 instead of 31), or install a newer makedumpfile",
        run: kernel,
    },
];

/// The first kernel that has this field of `struct page`, and the field's name; makedumpfile's
/// commit f50c01594db9 ("Fix wrong exclusion of compound tail pages on Linux 7.1 and later").
const RENAMED: ((u32, u32), &str) = ((7, 1), "compound_info");
/// The bit of a dump level that leaves user pages out.
const USER_PAGES: u8 = 8;

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
            .unknown("cannot tell whether makedumpfile is installed")
            .evidence(PROGRAMS[0], "(not seen)")],
        Some(false) => {
            let says = |what: &str| format!("makedumpfile is not installed: {what}");
            let finding = match &saver {
                Saver::KdumpTools(_) => match package(system, "kdump-tools") {
                    // 1.8.1 does not check for it; 1.10.7 does, and copies all of the memory
                    // instead.
                    Seen::Is(version) if is_before(&version, (1, 10)) => {
                        ABOUT.wrong(Stage::Unreadable, says("the dump is an empty file"))
                    }
                    Seen::Is(_) => ABOUT.note(says(
                        "all of the memory is copied uncompressed, which takes more time and space",
                    )),
                    Seen::Absent | Seen::Unseen(_) => ABOUT.unknown(says(
                        "this kdump-tools either copies all of the memory, or leaves an empty file",
                    )),
                },
                Saver::KdumpUtils { .. } => {
                    ABOUT.wrong(Stage::PanicNoCrashKernel, says("kdumpctl makes no initrd"))
                }
                _ => ABOUT.wrong(Stage::DumpFailed, says("no dump is saved")),
            };
            let install = match saver {
                Saver::KdumpTools(_) => "apt install makedumpfile",
                Saver::KdumpUtils { .. } => "dnf install makedumpfile",
                _ => "zypper install makedumpfile",
            };
            vec![finding.evidence(PROGRAMS[0], "(not there)").mend(install)]
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
            .unknown("cannot tell how makedumpfile is called: the setting needs a shell")
            .line(&place, "...")];
    };
    if arguments.is_empty() {
        return vec![ABOUT
            .note("the dump is not copied by makedumpfile: it is as large as the memory")
            .line(&place, "...")];
    }
    let reload = match saver {
        Saver::KdumpTools(_) => "# correct the line",
        _ => "# correct the line, then rebuild the crash kernel's initrd",
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
            // kdump-tools adds -F itself.
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
                    .fine("makedumpfile accepts its options")
                    .line(&place, &arguments)],
            }
        }
    }
}

/// Returns whether makedumpfile distinguishes this kernel's user pages from kernel pages.
fn kernel(facts: &Facts) -> Vec<Finding> {
    let (system, (since, word)) = (facts.system, RENAMED);
    let saver = Saver::of(system);
    let (Some(arguments), place) = saver.collector() else {
        return Vec::new();
    };
    let (Seen::Is(release), Ok(call)) = (&facts.release, makedumpfile::call(&arguments)) else {
        return Vec::new();
    };
    if arguments.is_empty() || is_before(release, since) || call.level & USER_PAGES == 0 {
        return Vec::new();
    }
    let version = package(system, "makedumpfile");
    let is_there = |path: &&&str| !matches!(system.stat(path), Seen::Absent);
    let program = PROGRAMS.iter().find(is_there).unwrap_or(&PROGRAMS[0]);
    let knows = match (system.has_word(program, word), &version) {
        (Seen::Is(knows), _) => Some(knows),
        (_, Seen::Is(version)) if is_before(version, (1, 8)) => Some(false),
        _ => None,
    };
    let level = call.level;
    let finding = match knows {
        Some(true) => ABOUT.fine("makedumpfile knows the pages of this kernel"),
        Some(false) => ABOUT.wrong(
            Stage::DumpIncomplete,
            format!("makedumpfile takes pages that this kernel uses for user pages, and leaves them out (-d {level})"),
        ),
        None => ABOUT.unknown(format!(
            "cannot tell whether makedumpfile leaves out only user pages of this kernel (-d {level})"
        )),
    };
    let text = match (knows, version) {
        (Some(true), _) => format!("has {word}"),
        (Some(false), Seen::Is(version)) => format!("{version}, without {word}"),
        (Some(false), _) => format!("without {word}"),
        (None, _) => "(not seen)".into(),
    };
    let finding = finding
        .line(&place, &arguments)
        .evidence("/proc/sys/kernel/osrelease", release)
        .evidence(*program, text);
    let level = level & !USER_PAGES;
    vec![match (knows, &saver) {
        (Some(true), _) => finding,
        (_, Saver::KdumpTools(_)) => finding.mend(format!(
            "echo 'MAKEDUMP_ARGS=\"-c -d {level}\"' >> /etc/default/kdump-tools"
        )),
        (_, Saver::KdumpUtils { .. }) => finding.mend(format!(
            "# -d {level} in core_collector in /etc/kdump.conf, then kdumpctl restart"
        )),
        _ => finding.mend(format!(
            "# KDUMP_DUMPLEVEL={level} in /etc/sysconfig/kdump, then systemctl restart kdump"
        )),
    }]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::checks::testing::found;
    use crate::doctor::finding::State;
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
        for (version, state, stage) in [
            ("1:1.8.1", State::Wrong, Some(Stage::Unreadable)),
            ("1:1.10.7", State::Note, None),
        ] {
            let machine = debian("").file("/var/lib/dpkg/status", &status(version));
            let said = &found(machine, there)[0];
            assert_eq!((said.state, said.stage), (state, stage), "{version}");
        }
        assert_eq!(found(debian(""), there)[0].state, State::Unknown);
    }

    #[test]
    fn a_kernel_that_it_does_not_know() {
        let of = |release: &str, level: u8, program: &str| {
            let machine = debian(&format!("MAKEDUMP_ARGS=\"-c -d {level}\"\n"))
                .sysctl("kernel.osrelease", release)
                .file("/usr/bin/makedumpfile", program);
            found(machine, kernel)
        };
        let (old, new) = (
            "OFFSET(page.compound_head)=",
            "\0OFFSET(page.compound_info)=\0",
        );
        let wrong = of("7.3.4+deb13-amd64", 31, old);
        assert_eq!(wrong[0].stage, Some(Stage::DumpIncomplete));
        assert_eq!(wrong[0].evidence[0].place, "/etc/default/kdump-tools:1");
        assert_eq!(
            wrong[0].mend,
            ["echo 'MAKEDUMP_ARGS=\"-c -d 23\"' >> /etc/default/kdump-tools"]
        );
        assert_eq!(of("7.1.0", 31, new)[0].state, State::Fine);
        assert!(of("7.0.9", 31, old).is_empty() && of("7.1.0", 23, old).is_empty());
        // Where the program is not seen, by its version.
        let status = "Package: makedumpfile\nStatus: install ok installed\nVersion: 1:1.7.6-1\n";
        let state = |machine: Machine| {
            let machine = machine.sysctl("kernel.osrelease", "7.1.0");
            found(machine.without("/usr/bin"), kernel)[0].state
        };
        assert_eq!(state(debian("")), State::Unknown);
        let known = debian("").file("/var/lib/dpkg/status", status);
        assert_eq!(state(known), State::Wrong);
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
            .contains("needs a shell"));
        assert_eq!(
            found(debian(""), options)[0].state,
            crate::doctor::finding::State::Fine
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
            crate::doctor::finding::State::Fine
        );
    }
}
