// SPDX-License-Identifier: GPL-2.0

//! Whether the crash kernel starts the program that saves the dump, and not a shell at its console,
//! which leaves the machine down.

use super::kdump::{number, About, With};
use crate::doctor::check::Check;
use crate::doctor::config::kdump_tools;
use crate::doctor::config::place::Place;
use crate::doctor::config::saver::Saver;
use crate::doctor::facts::Facts;
use crate::doctor::finding::{Finding, Link};
use crate::system::{Seen, System};
use crate::verdict::stage::Stage;

const ABOUT: About = About(Link::CrashKernel);
const LOADED: &str = "/sys/kernel/kexec_crash_loaded";
const UNITS: &[&str] = &[
    "/etc/systemd/system",
    "/run/systemd/system",
    "/usr/lib/systemd/system",
    "/lib/systemd/system",
];
/// systemd's short words for its rescue and emergency targets.
const RESCUE: &[&str] = &["emergency", "-b", "rescue", "single", "-s", "s", "S", "1"];
const SHELLS: &[&str] = &["sh", "bash", "dash", "ash", "zsh"];

/// The family's checks.
pub const CHECKS: &[Check] = &[Check {
    name: "crash_kernel_starts",
    reads: "kexec_cmd in KDUMP_COREDIR, KDUMP_CMDLINE, KDUMP_CMDLINE_APPEND, KDUMP_COMMANDLINE_APPEND, /proc/cmdline",
    why: "a crash kernel that waits at a shell saves no dump, and the machine is down until it is reset",
    mend: "remove the word from the crash kernel's command line, and load the crash kernel again",
    run: starts,
}];

/// The effect of a word of the command line.
#[derive(Debug, PartialEq)]
enum Start {
    /// The crash kernel waits for input; where.
    Waits(&'static str),
    /// The unit does not exist: systemd then starts its rescue target.
    Missing,
    /// Another unit than the one that saves the dump.
    Other,
}

fn starts(facts: &Facts) -> Vec<Finding> {
    let system = facts.system;
    if number(system, LOADED) != Seen::Is(1) {
        return Vec::new();
    }
    let saver = Saver::of(system);
    let Some((line, place)) = given(system, &saver) else {
        return Vec::new();
    };
    let is_debian = matches!(saver, Saver::KdumpTools(_));
    let Some((word, start)) = of_line(&line, is_debian, |unit| is_missing(system, unit)) else {
        return Vec::new();
    };
    let wrong = |says: String| {
        let reload = match is_debian {
            true => "kdump-config reload",
            false => "kdumpctl restart",
        };
        ABOUT
            .wrong(Stage::CrashKernelDied, says)
            .mend(format!("# remove {word} from it, then: {reload}"))
    };
    let finding = match start {
        Start::Waits(what) => wrong(format!(
            "the crash kernel saves no dump: with {word} on its command line it waits {what}, and \
             the machine does not come back"
        )),
        Start::Missing => wrong(format!(
            "the crash kernel saves no dump: {word} on its command line names a missing unit, and \
             the machine does not come back"
        )),
        Start::Other => ABOUT.note(format!(
            "the crash kernel starts the unit of {word} on its command line, not \
             kdump-tools-dump.service"
        )),
    };
    vec![finding.line(&place, line)]
}

/// Returns the command line of the crash kernel, if it is known; another check reports if it is
/// not.
fn given(system: &System, saver: &Saver) -> Option<(String, Place)> {
    let now = system.text("/proc/cmdline").is()?;
    match saver {
        Saver::KdumpTools(own) => {
            let dir = own.core_dir().text.unwrap_or("/var/crash");
            let file = format!("{}/kexec_cmd", dir.trim_end_matches('/'));
            let loaded = system.text(&file).is();
            let loaded = loaded.and_then(|text| kdump_tools::of_kexec_command(&text));
            match loaded {
                Some(line) => Some((line, Place::whole(&file))),
                None => Some((own.command_line(&now)?, own.append().place)),
            }
        }
        Saver::KdumpUtils { sysconfig, .. } => {
            let one = sysconfig.last("KDUMP_COMMANDLINE_APPEND")?;
            Some((one.value.clone()?, one.place.clone()))
        }
        _ => None,
    }
}

/// Returns the word that keeps it from starting the unit that saves the dump.
fn of_line(
    line: &str,
    is_debian: bool,
    is_missing: impl Fn(&str) -> bool,
) -> Option<(&str, Start)> {
    const SHELL: &str = "at a shell of its initrd";
    const RESCUE_TARGET: &str = "for root's password at its console";
    let mut target = None;
    for word in line.split_ascii_whitespace() {
        let (name, value) = word.split_once('=').unwrap_or((word, ""));
        match name {
            // The words of dracut, which both may have; then those of initramfs-tools.
            "rd.break" | "rdbreak" => return Some((word, Start::Waits(SHELL))),
            "break" if is_debian => return Some((word, Start::Waits(SHELL))),
            "rd.systemd.unit" if is_rescue(value) => {
                return Some((word, Start::Waits("in its initrd")))
            }
            "init" if is_debian => {
                let program = value.rsplit('/').next().unwrap_or(value);
                if SHELLS.contains(&program) {
                    return Some((word, Start::Waits("at a shell")));
                }
            }
            // Of these, the last one counts.
            "systemd.unit" if is_debian => {
                target = match value {
                    "kdump-tools-dump.service" => None,
                    _ if is_rescue(value) => Some((word, Start::Waits(RESCUE_TARGET))),
                    _ if is_missing(value) => Some((word, Start::Missing)),
                    _ => Some((word, Start::Other)),
                };
            }
            _ if is_debian && RESCUE.contains(&word) => {
                target = Some((word, Start::Waits(RESCUE_TARGET)));
            }
            _ => {}
        }
    }
    target
}

fn is_rescue(unit: &str) -> bool {
    matches!(
        unit,
        "emergency.target" | "rescue.target" | "emergency.service" | "rescue.service"
    )
}

/// Returns whether a unit certainly does not exist.
fn is_missing(system: &System, unit: &str) -> bool {
    let names: Vec<_> = UNITS.iter().map(|dir| system.list(dir)).collect();
    let is_seen = names.iter().any(|names| matches!(names, Seen::Is(_)))
        && !names.iter().any(|names| matches!(names, Seen::Unseen(_)));
    let mut seen = names.into_iter().filter_map(Seen::is).flatten();
    // The instances of a template have no files.
    is_seen && !unit.contains('@') && !seen.any(|name| name == unit)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::checks::testing::{found, says};
    use crate::system::testing::Machine;

    fn debian(line: &str) -> Machine {
        let machine = UNITS
            .iter()
            .fold(Machine::new(), |machine, dir| machine.dir(dir));
        machine
            .file(LOADED, "1\n")
            .file("/proc/cmdline", "root=/dev/vda ro\n")
            .file("/usr/sbin/kdump-config", "")
            .file("/etc/default/kdump-tools", "")
            .file("/usr/lib/systemd/system/kdump-tools-dump.service", "")
            .file("/usr/lib/systemd/system/multi-user.target", "")
            .file(
                "/var/crash/kexec_cmd",
                &format!("/sbin/kexec -p --command-line=\"root=/dev/vda ro {line}\" /k\n"),
            )
    }

    #[test]
    fn what_waits_for_somebody() {
        for line in [
            "single systemd.unit=kdump-tools-dump.service",
            kdump_tools::APPEND,
            "nr_cpus=1",
        ] {
            assert!(says(debian(line), starts).is_empty(), "{line}");
        }
        for (line, part) in [
            ("systemd.unit=emergency.target", "waits for root's password"),
            (
                "systemd.unit=kdump-tools-dump.service single",
                "single on its command line it waits for root's",
            ),
            (
                "break=mount systemd.unit=kdump-tools-dump.service",
                "break=mount on its command line it waits at a shell of its initrd",
            ),
            ("rd.break", "at a shell of its initrd"),
            ("init=/bin/bash", "at a shell"),
            (
                "systemd.unit=kdump-tool-dump.service",
                "names a missing unit",
            ),
        ] {
            let found = found(debian(line), starts);
            assert!(found[0].says.contains(part), "{}", found[0].says);
            assert_eq!(found[0].stage, Some(Stage::CrashKernelDied));
            assert_eq!(found[0].evidence[0].place, "/var/crash/kexec_cmd");
        }
        let other = says(debian("systemd.unit=multi-user.target"), starts);
        assert!(other[0].starts_with("Note: "), "{other:?}");
        // A tree that lacks a directory of units does not tell.
        let unseen = debian("systemd.unit=x.service").without("/run/systemd/system");
        assert!(says(unseen, starts)[0].starts_with("Note: "));
        // The configured command line, as that of the load is unknown.
        let configured = debian("").without("/var/crash/kexec_cmd").file(
            "/etc/default/kdump-tools",
            "KDUMP_CMDLINE_APPEND=\"rescue\"\n",
        );
        let found = found(configured, starts);
        assert_eq!(found[0].evidence[0].place, "/etc/default/kdump-tools:1");
        assert!(says(debian("rescue").file(LOADED, "0\n"), starts).is_empty());
    }

    #[test]
    fn of_dracut() {
        let redhat = |line: &str| {
            Machine::new()
                .file(LOADED, "1\n")
                .file("/proc/cmdline", "root=/dev/vda ro single\n")
                .file("/etc/kdump.conf", "path /var/crash\n")
                .file(
                    "/etc/sysconfig/kdump",
                    &format!("KDUMP_COMMANDLINE_APPEND=\"{line}\"\n"),
                )
        };
        // Its initrd saves the dump, and heeds only what begins with rd.
        assert!(says(redhat("irqpoll single systemd.unit=rescue.target"), starts).is_empty());
        assert!(says(redhat("irqpoll rd.break=pre-mount"), starts)[0].starts_with("Wrong: "));
        assert!(says(redhat("rd.systemd.unit=rescue.target"), starts)[0].starts_with("Wrong: "));
    }
}
