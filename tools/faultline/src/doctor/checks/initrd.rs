// SPDX-License-Identifier: GPL-2.0

//! The crash kernel's initrd: it exists, and is not older than the files it is made from.

use super::kdump::{number, About};
use crate::doctor::check::Check;
use crate::doctor::config::images::{initrd, of_next_load, LINKS};
use crate::doctor::config::saver::Saver;
use crate::doctor::facts::Facts;
use crate::doctor::finding::{Finding, Link};
use crate::system::{Seen, System};
use crate::verdict::stage::Stage;

const ABOUT: About = About(Link::CrashKernel);

/// The family's checks.
pub const CHECKS: &[Check] = &[
    Check {
        name: "crash_initrd",
        reads: "KDUMP_INITRD, or the paths of kdump-utils and SUSE's kdump",
        why: "without it the crash kernel has no drivers, and finds no disk to save the dump on",
        mend: "rebuild it: the kernel's hook of kdump-tools, kdumpctl rebuild, mkdumprd -f",
        run: there,
    },
    Check {
        name: "crash_initrd_age",
        reads: "the time of the crash kernel's initrd, and of the files it is made from: fstab, crypttab, the kernel, kdump's and the initrd's settings",
        why: "an initrd older than these may use disks or settings that no longer exist",
        mend: "rebuild it: the kernel's hook of kdump-tools, kdumpctl rebuild, mkdumprd -f",
        run: age,
    },
];

/// Adds the commands that rebuild it.
fn rebuild(finding: Finding, saver: &Saver, release: &str) -> Finding {
    match saver {
        Saver::KdumpTools(_) => finding
            .mend(format!("/etc/kernel/postinst.d/kdump-tools {release}"))
            .mend("kdump-config unload; kdump-config load"),
        Saver::KdumpUtils { .. } => finding.mend("kdumpctl rebuild && kdumpctl restart"),
        _ => finding.mend("mkdumprd -f && systemctl restart kdump"),
    }
}

fn there(facts: &Facts) -> Vec<Finding> {
    let saver = Saver::of(facts.system);
    let Seen::Is(release) = &facts.release else {
        return Vec::new();
    };
    if matches!(saver, Saver::Nothing | Saver::Unreadable { .. })
        || saver.initrds(release).is_empty()
    {
        return Vec::new();
    }
    // Without reserved memory no initrd is ever made.
    let (path, stat) = initrd(facts.system, &saver, release);
    let finding = match &stat {
        Seen::Is(stat) if stat.size == 0 => rebuild(
            ABOUT.wrong(Stage::CrashKernelDied, "the crash kernel's initrd is empty"),
            &saver,
            release,
        ),
        Seen::Is(_) => ABOUT.fine("the crash kernel's initrd exists"),
        Seen::Absent => rebuild(missing(facts, &saver, &path), &saver, release),
        Seen::Unseen(_) => ABOUT.unknown("cannot tell whether the crash kernel's initrd exists"),
    };
    vec![finding.seen(
        &path,
        &stat.map(|stat| match stat.link {
            Some(link) => format!("-> {link}, {} bytes", stat.size),
            None => format!("{} bytes", stat.size),
        }),
    )]
}

/// Returns the finding for a missing initrd: a loaded crash kernel has it in memory, and the next
/// load makes it, unless the settings name another file.
fn missing(facts: &Facts, saver: &Saver, path: &str) -> Finding {
    let says = "the crash kernel's initrd does not exist";
    let is_made = !matches!(saver, Saver::KdumpTools(_)) || LINKS.contains(&path);
    match number(facts.system, "/sys/kernel/kexec_crash_loaded") {
        _ if is_made => ABOUT.note(format!("{says}; the next load makes it")),
        Seen::Is(1) => ABOUT.later(
            Stage::CrashKernelDied,
            format!("{says}; the loaded crash kernel has it in memory"),
        ),
        _ => ABOUT.wrong(Stage::CrashKernelDied, says),
    }
}

/// Returns the files that the initrd is made from, each with whether an older initrd surely
/// differs. A file that only selects its contents may have changed without an effect.
fn sources(system: &System, saver: &Saver, release: &str) -> Vec<(String, bool)> {
    let has_crypttab = system.text("/etc/crypttab").is().is_some_and(|text| {
        text.lines()
            .any(|line| !line.trim().is_empty() && !line.trim().starts_with('#'))
    });
    let mut files = vec![
        ("/etc/fstab".to_owned(), false),
        ("/etc/crypttab".to_owned(), has_crypttab),
        (format!("/boot/vmlinuz-{release}"), true),
    ];
    let (own, may, dirs): (&[&str], &[&str], &[&str]) = match saver {
        Saver::KdumpTools(_) => (
            &["/etc/kdump/sysctl.conf"],
            &[
                "/etc/initramfs-tools/initramfs.conf",
                "/etc/initramfs-tools/modules",
            ],
            &["/etc/initramfs-tools/conf.d"],
        ),
        Saver::KdumpUtils { .. } => (
            &["/etc/kdump.conf"],
            &[],
            &[
                "/etc/kdump/pre.d",
                "/etc/kdump/post.d",
                "/etc/kdump/emergency.d",
            ],
        ),
        Saver::Suse(_) => (&["/etc/sysconfig/kdump"], &[], &[]),
        Saver::Nothing | Saver::Unreadable { .. } => (&[], &[], &[]),
    };
    files.extend(own.iter().map(|one| ((*one).to_owned(), true)));
    files.extend(may.iter().map(|one| ((*one).to_owned(), false)));
    for dir in dirs {
        let names = system.list(dir).is().unwrap_or_default();
        files.extend(names.iter().map(|name| (format!("{dir}/{name}"), false)));
    }
    files
}

fn age(facts: &Facts) -> Vec<Finding> {
    let system = facts.system;
    let saver = Saver::of(system);
    let Seen::Is(release) = &facts.release else {
        return Vec::new();
    };
    let (path, Seen::Is(made)) = of_next_load(system, &saver, release) else {
        return Vec::new();
    };
    let newer: Vec<_> = sources(system, &saver, release)
        .into_iter()
        .filter_map(|(file, is_sure)| {
            let by = system.stat(&file).is()?.mtime - made.mtime;
            (by > 0).then_some((file, is_sure, by))
        })
        .collect();
    if newer.is_empty() {
        return vec![
            ABOUT.fine("the crash kernel's initrd is newer than the files it is made from")
        ];
    }
    let names: Vec<_> = newer.iter().map(|(file, ..)| file.as_str()).collect();
    let names = names.join(", ");
    let mut finding = match newer.iter().any(|(_, is_sure, _)| *is_sure) {
        true => ABOUT.wrong(
            None,
            format!("the crash kernel's initrd is older than {names}"),
        ),
        false => ABOUT.note(format!(
            "the crash kernel's initrd is older than {names}, and may be stale"
        )),
    };
    for (file, _, by) in &newer {
        finding = finding.evidence(file, format!("{by} s newer than {path}"));
    }
    vec![rebuild(finding, &saver, release)]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::checks::testing::{found, says};
    use crate::system::testing::Machine;

    fn machine() -> Machine {
        Machine::new()
            .sysctl("kernel.osrelease", "6.1")
            .file("/usr/sbin/kdump-config", "")
            .file(
                "/etc/default/kdump-tools",
                "KDUMP_INITRD=/var/lib/kdump/initrd.img\n",
            )
            .file("/etc/fstab", "")
            .file("/var/lib/kdump/initrd.img-6.1", "x")
            .link("/var/lib/kdump/initrd.img", "/var/lib/kdump/initrd.img-6.1")
    }

    fn at(machine: Machine, path: &str, secs: u64) -> Machine {
        let time = std::time::UNIX_EPOCH + std::time::Duration::from_secs(secs);
        std::fs::File::open(machine.place(path))
            .unwrap()
            .set_modified(time)
            .unwrap();
        machine
    }

    #[test]
    fn there_or_not() {
        assert!(says(machine(), there)[0].starts_with("Fine"));
        let gone = says(machine().without("/var/lib/kdump/initrd.img-6.1"), there);
        assert!(gone[0].starts_with("Note: the crash kernel's initrd does not exist; the next"));
        let named = |loaded: &str| {
            machine()
                .file("/boot/config-6.1", "")
                .file("/sys/kernel/kexec_crash_loaded", loaded)
                .file("/etc/default/kdump-tools", "KDUMP_INITRD=/boot/none\n")
        };
        assert!(says(named("1"), there)[0].starts_with("Later"));
        assert!(says(named("0"), there)[0].starts_with("Wrong"));
        assert!(
            says(machine().file("/var/lib/kdump/initrd.img-6.1", ""), there)[0]
                .contains("is empty")
        );
    }

    #[test]
    fn older_than_what_is_in_it() {
        let made = || {
            at(
                at(machine(), "/var/lib/kdump/initrd.img-6.1", 2000),
                "/etc/fstab",
                1000,
            )
        };
        assert!(says(made(), age)[0].starts_with("Fine"));
        let stale = found(at(made(), "/etc/fstab", 2060), age);
        assert_eq!(stale[0].state, crate::doctor::finding::State::Note);
        assert_eq!(
            stale[0].evidence[0],
            crate::doctor::finding::Evidence::new(
                "/etc/fstab",
                "60 s newer than /var/lib/kdump/initrd.img"
            )
        );
        let sure =
            |path: &str, text: &str| found(at(made().file(path, text), path, 2060), age)[0].state;
        assert_eq!(
            sure("/etc/kdump/sysctl.conf", ""),
            crate::doctor::finding::State::Wrong
        );
        assert_eq!(
            sure("/etc/crypttab", "a UUID=1 /key\n"),
            crate::doctor::finding::State::Wrong
        );
        assert_eq!(
            sure("/etc/crypttab", "# nothing\n"),
            crate::doctor::finding::State::Note
        );
    }

    #[test]
    fn nothing_is_asked_of_a_machine_without_kdump() {
        let bare = || {
            Machine::new()
                .sysctl("kernel.osrelease", "6.1")
                .file("/etc/fstab", "")
        };
        assert!(says(bare(), there).is_empty() && says(bare(), age).is_empty());
    }
}
