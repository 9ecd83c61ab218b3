// SPDX-License-Identifier: GPL-2.0

//! The service that loads the crash kernel at each boot: installed, switched on, enabled, and not
//! masked; and settings that it does not read.

use super::kdump::{number, About, With};
use crate::doctor::check::Check;
use crate::doctor::config::kdump_tools;
use crate::doctor::config::saver::Saver;
use crate::doctor::facts::Facts;
use crate::doctor::finding::{Finding, Link};
use crate::system::{FileType, Seen, System};
use crate::verdict::stage::Stage;

const ABOUT: About = About(Link::CrashKernel);

/// The family's checks.
pub const CHECKS: &[Check] = &[
    Check {
        name: "kdump_installed",
        reads: "kdump-config, kdumpctl, kdumptool, and their settings",
        why: "the kernel itself neither loads a crash kernel nor saves a dump",
        mend: "apt install kdump-tools, dnf install kdump-utils, or zypper install kdump",
        run: installed,
    },
    Check {
        name: "kdump_switched_on",
        reads: "USE_KDUMP in /etc/default/kdump-tools",
        why: "kdump-tools reads it in the crash kernel as well: if switched off after the load, no dump is saved and the machine does not come back",
        mend: "USE_KDUMP=1",
        run: switched_on,
    },
    Check {
        name: "kdump_enabled",
        reads: "links to the unit in /etc/systemd/system, /run/systemd/system and /usr/lib/systemd/system",
        why: "a disabled or masked unit does not load the crash kernel at the next boot; the status commands of kdump do not show it",
        mend: "run systemctl unmask and systemctl enable for the unit",
        run: enabled,
    },
    Check {
        name: "kdump_settings",
        reads: "/etc/default/kdump-tools, /etc/kdump.conf",
        why: "kdump-tools ignores an unknown name; kdumpctl does not start",
        mend: "correct the name",
        run: settings,
    },
];

fn installed(facts: &Facts) -> Vec<Finding> {
    let saver = Saver::of(facts.system);
    vec![match &saver {
        Saver::Nothing => ABOUT
            .wrong(
                Stage::PanicNoCrashKernel,
                "nothing on this machine loads a crash kernel or saves a dump",
            )
            .evidence("/usr/sbin/kdump-config", "(not there)")
            .evidence("/etc/kdump.conf", "(not there)")
            .mend("apt install kdump-tools  # Debian, Ubuntu")
            .mend("dnf install kdump-utils  # Fedora, RHEL")
            .mend("zypper install kdump  # SUSE"),
        Saver::Unreadable { file, why } => ABOUT
            .unknown("cannot read how dumps are saved")
            .evidence(*file, why),
        saver => ABOUT.fine(format!("{} saves dumps", saver.name())),
    }]
}

fn switched_on(facts: &Facts) -> Vec<Finding> {
    let Saver::KdumpTools(own) = Saver::of(facts.system) else {
        return Vec::new();
    };
    let value = own.use_kdump();
    let shown = format!("USE_KDUMP={}", value.text.unwrap_or("..."));
    vec![match value.text {
        None => ABOUT
            .unknown("cannot tell whether kdump-tools is switched on: the setting needs a shell")
            .line(&value.place, shown),
        Some(text) if text.parse::<i64>().is_ok_and(|number| number != 0) => ABOUT
            .fine("kdump-tools is switched on")
            .line(&value.place, shown),
        Some(_) => About(Link::Dump)
            .wrong(
                Stage::DumpFailed,
                "kdump-tools is switched off: it saves no dump, even if a crash kernel is loaded",
            )
            .line(&value.place, shown)
            .mend(format!(
                "sed -i 's/^USE_KDUMP=.*/USE_KDUMP=1/' {}",
                kdump_tools::FILE
            )),
    }]
}

/// The state of a unit in systemd's search path.
enum Unit {
    Enabled(String),
    Disabled,
    Masked(String),
    Unseen(String),
}

fn unit(system: &System, name: &str) -> Unit {
    const DIRS: [&str; 4] = [
        "/etc/systemd/system",
        "/run/systemd/system",
        "/usr/lib/systemd/system",
        "/lib/systemd/system",
    ];
    // The first directory with the unit decides whether it is masked.
    for dir in &DIRS[..2] {
        let path = format!("{dir}/{name}");
        match system.stat(&path) {
            Seen::Is(stat) if stat.link.as_deref() == Some("/dev/null") => {
                return Unit::Masked(path)
            }
            Seen::Is(stat) if stat.file_type == FileType::File && stat.size == 0 => {
                return Unit::Masked(path)
            }
            Seen::Is(_) => break,
            Seen::Absent | Seen::Unseen(_) => {}
        }
    }
    let mut unseen = None;
    for dir in DIRS {
        let names = match system.list(dir) {
            Seen::Is(names) => names,
            Seen::Absent => continue,
            Seen::Unseen(why) => {
                unseen.get_or_insert(why);
                continue;
            }
        };
        for wants in names
            .iter()
            .filter(|one| one.ends_with(".wants") || one.ends_with(".requires"))
        {
            let path = format!("{dir}/{wants}/{name}");
            if matches!(system.stat(&path), Seen::Is(_)) {
                return Unit::Enabled(path);
            }
        }
    }
    match unseen.filter(|_| !matches!(system.list(DIRS[0]), Seen::Is(_))) {
        Some(why) => Unit::Unseen(why),
        None => Unit::Disabled,
    }
}

/// Returns the finding for a unit that the next boot does not start.
fn lost(loaded: bool, stage: Stage, says: String) -> Finding {
    match loaded {
        true => ABOUT.later(stage, says),
        false => ABOUT.wrong(None, says),
    }
}

fn enabled(facts: &Facts) -> Vec<Finding> {
    let system = facts.system;
    let saver = Saver::of(system);
    let loaded = number(system, "/sys/kernel/kexec_crash_loaded") == Seen::Is(1);
    let mut findings: Vec<_> = saver
        .units()
        .iter()
        .map(|name| match unit(system, name) {
            Unit::Enabled(path) => ABOUT
                .fine(format!("{name} is enabled"))
                .evidence(path, "(there)"),
            Unit::Disabled => lost(
                loaded,
                Stage::PanicNoCrashKernel,
                format!("{name} is disabled: the next boot loads no crash kernel"),
            )
            .evidence(
                "/etc/systemd/system",
                format!("(no link to {name} in any .wants)"),
            )
            .mend(format!("systemctl enable {name}")),
            Unit::Masked(path) => lost(
                loaded,
                Stage::PanicNoCrashKernel,
                format!("{name} is masked: the next boot loads no crash kernel"),
            )
            .evidence(path, "-> /dev/null")
            .mend(format!(
                "systemctl unmask {name} && systemctl enable {name}"
            )),
            Unit::Unseen(why) => ABOUT
                .unknown(format!("cannot tell whether {name} is enabled"))
                .evidence("/etc/systemd/system", why),
        })
        .collect();
    // The crash kernel's command line starts the unit that saves the dump.
    if let Saver::KdumpTools(_) = saver {
        let name = "kdump-tools-dump.service";
        if let Unit::Masked(path) = unit(system, name) {
            findings.push(
                About(Link::Dump)
                    .wrong(
                        Stage::DumpFailed,
                        format!("{name} is masked: the crash kernel saves no dump"),
                    )
                    .evidence(path, "-> /dev/null")
                    .mend(format!("systemctl unmask {name}")),
            );
        }
    }
    findings
}

fn settings(facts: &Facts) -> Vec<Finding> {
    match Saver::of(facts.system) {
        Saver::KdumpTools(own) => own
            .unknown()
            .map(|one| {
                let shown = format!("{}={}", one.name, one.value.as_deref().unwrap_or("..."));
                ABOUT
                    .note(format!("kdump-tools does not read {}", one.name))
                    .line(&one.place, shown)
            })
            .collect(),
        Saver::KdumpUtils { conf, .. } => {
            let shown = |one: &crate::doctor::config::kdump_conf::Directive| {
                format!("{} {}", one.name, one.value)
            };
            let unknown = conf.unknown().map(|one| {
                ABOUT
                    .wrong(
                        None,
                        format!("kdumpctl does not start: unknown directive `{}`", one.name),
                    )
                    .line(&one.place, shown(one))
            });
            let twice = conf.twice().map(|one| {
                ABOUT
                    .wrong(
                        None,
                        format!(
                            "kdumpctl does not start: a second `{}`, or a second target",
                            one.name
                        ),
                    )
                    .line(&one.place, shown(one))
            });
            unknown
                .chain(twice)
                .map(|finding| finding.mend("# correct the line, then: kdumpctl restart"))
                .collect()
        }
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::checks::testing::{found, says};
    use crate::system::testing::Machine;

    fn debian(settings: &str) -> Machine {
        Machine::new()
            .file("/usr/sbin/kdump-config", "")
            .file("/etc/default/kdump-tools", settings)
            .file("/usr/lib/systemd/system/kdump-tools.service", "[Unit]\n")
            .dir("/etc/systemd/system")
    }

    #[test]
    fn on_or_off() {
        assert!(says(debian("USE_KDUMP=1\n"), switched_on)[0].starts_with("Fine"));
        for off in [
            "USE_KDUMP=0\n",
            "",
            "USE_KDUMP=yes\n",
            "USE_KDUMP=1\nUSE_KDUMP=0\n",
        ] {
            let said = found(debian(off), switched_on);
            assert_eq!(said[0].stage, Some(Stage::DumpFailed), "{off}");
        }
        assert_eq!(
            found(debian("USE_KDUMP=1\nUSE_KDUMP=0\n"), switched_on)[0].evidence[0].place,
            "/etc/default/kdump-tools:2"
        );
    }

    #[test]
    fn enabled_or_not() {
        const WANTS: &str = "/etc/systemd/system/basic.target.wants/kdump-tools.service";
        const UNIT: &str = "/usr/lib/systemd/system/kdump-tools.service";
        assert!(says(debian("").link(WANTS, UNIT), enabled)[0].starts_with("Fine"));
        assert!(says(debian(""), enabled)[0].contains("is disabled"));
        for dir in ["/etc/systemd/system", "/run/systemd/system"] {
            let masked = debian("")
                .link(WANTS, UNIT)
                .link(&format!("{dir}/kdump-tools.service"), "/dev/null");
            let masked = found(masked, enabled);
            assert!(masked[0].says.contains("is masked"), "{masked:?}");
            assert_eq!(
                masked[0].evidence[0].place,
                format!("{dir}/kdump-tools.service")
            );
        }
        let own = debian("")
            .link(WANTS, UNIT)
            .file("/etc/systemd/system/kdump-tools.service", "[Unit]\n");
        assert!(says(own, enabled)[0].starts_with("Fine"));
        let saver = debian("")
            .link(WANTS, UNIT)
            .link("/etc/systemd/system/kdump-tools-dump.service", "/dev/null");
        assert!(says(saver, enabled)[1].contains("saves no dump"));
    }

    #[test]
    fn what_nothing_reads() {
        assert_eq!(
            says(debian("KDUMP_CORE_DIR=/x\n"), settings),
            ["Note: kdump-tools does not read KDUMP_CORE_DIR"]
        );
        let redhat = Machine::new().file("/etc/kdump.conf", "path /x\npathh /y\n");
        assert!(says(redhat, settings)[0].contains("unknown directive `pathh`"));
    }

    #[test]
    fn nothing_is_there() {
        assert!(says(
            Machine::new()
                .file("/usr/sbin/init", "")
                .file("/usr/bin/sh", "")
                .file("/etc/fstab", "")
                .dir("/etc/default")
                .dir("/etc/sysconfig"),
            installed
        )[0]
        .starts_with("Wrong"));
        assert!(says(debian(""), installed)[0].starts_with("Fine"));
    }
}
