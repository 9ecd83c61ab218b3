// SPDX-License-Identifier: GPL-2.0

//! The crash kernel: loaded, of the running kernel's release, and with the configured command line.

use super::kdump::{is_one_there, number, About, With};
use crate::doctor::check::Check;
use crate::doctor::config::crashkernel::fadump;
use crate::doctor::config::images::LINKS;
use crate::doctor::config::kdump_tools::{self, KdumpTools};
use crate::doctor::config::place::Place;
use crate::doctor::config::saver::Saver;
use crate::doctor::facts::Facts;
use crate::doctor::finding::{Finding, Link};
use crate::system::{FileType, Seen};
use crate::verdict::stage::Stage;

const LOADED: &str = "/sys/kernel/kexec_crash_loaded";
const SIZE: &str = "/sys/kernel/kexec_crash_size";
const DISABLED: &str = "/proc/sys/kernel/kexec_load_disabled";
const LIMIT: &str = "/proc/sys/kernel/kexec_load_limit_panic";
const ABOUT: About = About(Link::CrashKernel);

/// The family's checks.
pub const CHECKS: &[Check] = &[
    Check {
        name: "crash_kernel_loaded",
        reads: "/sys/kernel/kexec_crash_loaded",
        why: "a panic starts the loaded crash kernel; without one there is no dump",
        mend: "kdump-config load, kdumpctl start, or systemctl start kdump",
        run: loaded,
    },
    Check {
        name: "kexec_load_disabled",
        reads: "kernel.kexec_load_disabled, kernel.kexec_load_limit_panic",
        why: "it stays set until the next boot: no crash kernel can be loaded, and a loaded one cannot be changed",
        mend: "remove the setting and reboot; some hardening guides set it, which rules out kdump",
        run: load_disabled,
    },
    Check {
        name: "crash_kernel_release",
        reads: "the targets of KDUMP_KERNEL and KDUMP_INITRD, KDUMP_KERNELVER",
        why: "an initrd of another release has no modules for the crash kernel: it finds no disk",
        mend: "kdump-config unload; kdump-config load",
        run: release,
    },
    Check {
        name: "crash_kernel_command_line",
        reads: "kexec_cmd in KDUMP_COREDIR, KDUMP_CMDLINE, KDUMP_CMDLINE_APPEND, /proc/cmdline",
        why: "changed settings take effect when the crash kernel is loaded again",
        mend: "kdump-config reload",
        run: command_line,
    },
];

fn loaded(facts: &Facts) -> Vec<Finding> {
    let system = facts.system;
    // Without reserved memory that is the finding, not this; fadump needs no crash kernel.
    if matches!(number(system, SIZE), Seen::Is(0) | Seen::Absent) || fadump(system).is_some() {
        return Vec::new();
    }
    let seen = number(system, LOADED);
    let finding = match &seen {
        Seen::Is(1) => ABOUT.fine("a crash kernel is loaded"),
        Seen::Is(_) => {
            let saver = Saver::of(system);
            let load = match saver {
                Saver::KdumpTools(_) => "systemctl restart kdump-tools",
                Saver::KdumpUtils { .. } => "kdumpctl restart",
                Saver::Suse(_) => "systemctl restart kdump",
                _ => "# install kdump-tools, kdump-utils or kdump, which loads one",
            };
            ABOUT
                .wrong(Stage::PanicNoCrashKernel, "no crash kernel is loaded")
                .mend(load)
        }
        Seen::Absent => ABOUT.wrong(
            Stage::PanicNoCrashKernel,
            "this kernel cannot load a crash kernel",
        ),
        Seen::Unseen(_) => ABOUT.unknown("cannot tell whether a crash kernel is loaded"),
    };
    vec![finding.seen(LOADED, &seen.map(|loaded| loaded.to_string()))]
}

fn load_disabled(facts: &Facts) -> Vec<Finding> {
    let system = facts.system;
    let is_loaded = number(system, LOADED) == Seen::Is(1);
    let disabled = number(system, DISABLED);
    let mut findings = Vec::new();
    let limit = system.sysctl("kernel.kexec_load_limit_panic");
    if matches!(disabled, Seen::Is(value) if value != 0) {
        findings.push(match is_loaded {
            true => ABOUT.note("the loaded crash kernel cannot be changed before the next boot"),
            false => ABOUT
                .wrong(
                    Stage::PanicNoCrashKernel,
                    "no crash kernel can be loaded before the next boot",
                )
                .mend("# remove kernel.kexec_load_disabled from the sysctl files, and reboot"),
        });
    } else if limit == Seen::Is("0".into()) && !is_loaded {
        findings.push(
            ABOUT
                .wrong(Stage::PanicNoCrashKernel, "no crash kernel can be loaded before the next boot: kexec_load_limit_panic is used up")
                .evidence(LIMIT, "0"),
        );
    }
    findings
        .into_iter()
        .map(|finding| finding.seen(DISABLED, &disabled.as_ref().map(u64::to_string)))
        .collect()
}

/// Returns the release in the name of a kernel or initrd.
fn release_in(path: &str) -> Option<&str> {
    let name = path.rsplit('/').next()?;
    ["vmlinuz-", "vmlinux-", "initrd.img-", "initrd-"]
        .iter()
        .find_map(|start| name.strip_prefix(start))
}

fn release(facts: &Facts) -> Vec<Finding> {
    let Seen::Is(running) = &facts.release else {
        return Vec::new();
    };
    match Saver::of(facts.system) {
        Saver::KdumpTools(own) => of_links(facts, &own, running),
        Saver::KdumpUtils { sysconfig, .. } => match sysconfig.last("KDUMP_KERNELVER") {
            Some(one) => match one.value.as_deref() {
                Some("") => Vec::new(),
                Some(version) if version == running => Vec::new(),
                Some(version) => vec![ABOUT
                    .note(format!(
                        "the crash kernel is {version}, as configured, and the running kernel {running}"
                    ))
                    .line(&one.place, format!("KDUMP_KERNELVER=\"{version}\""))],
                None => vec![ABOUT
                    .unknown("cannot tell which kernel is the crash kernel: the setting needs a shell")
                    .line(&one.place, "KDUMP_KERNELVER=...")],
            },
            None => Vec::new(),
        },
        _ => Vec::new(),
    }
}

/// A kernel or an initrd that the settings name.
struct Named {
    path: String,
    target: String,
    release: String,
    place: Place,
    is_made: bool,
}

impl Named {
    /// The release that the next load takes.
    fn next<'a>(&'a self, running: &'a str) -> &'a str {
        match self.is_made {
            true => running,
            false => &self.release,
        }
    }

    fn shows(&self, finding: Finding) -> Finding {
        finding.evidence(&self.path, format!("-> {}", self.target))
    }
}

fn of_links(facts: &Facts, own: &KdumpTools, running: &str) -> Vec<Finding> {
    let system = facts.system;
    let mut found = Vec::new();
    for (name, value) in [
        ("KDUMP_KERNEL", own.kernel()),
        ("KDUMP_INITRD", own.initrd()),
    ] {
        let Some(path) = value.text.filter(|path| !path.is_empty()) else {
            continue;
        };
        let target = match system.stat(path) {
            // The initrd has its own check.
            Seen::Is(stat) if stat.file_type == FileType::Dangling && name == "KDUMP_KERNEL" => {
                let says = format!("no crash kernel: {path} is a dangling link");
                let finding = missing(facts, path, running, says);
                return vec![
                    finding.evidence(path, format!("-> {}", stat.link.unwrap_or_default()))
                ];
            }
            Seen::Absent if name == "KDUMP_KERNEL" => {
                let says = format!("no crash kernel: {path} does not exist");
                let finding = missing(facts, path, running, says);
                return vec![finding.line(&value.place, format!("{name}={path}"))];
            }
            Seen::Is(stat) if stat.file_type != FileType::Dangling => {
                stat.link.unwrap_or_else(|| path.to_owned())
            }
            _ => return Vec::new(),
        };
        let Some(release) = release_in(&target) else {
            return Vec::new();
        };
        found.push(Named {
            path: path.to_owned(),
            release: release.to_owned(),
            target,
            place: value.place.clone(),
            is_made: LINKS.contains(&path),
        });
    }
    let [kernel, initrd] = found.as_slice() else {
        return Vec::new();
    };
    let (of_kernel, of_initrd) = (kernel.next(running), initrd.next(running));
    if of_kernel != of_initrd {
        let says = format!("the crash kernel is {of_kernel}, but its initrd is for {of_initrd}");
        let finding = ABOUT.wrong(Stage::CrashKernelDied, says);
        return vec![initrd
            .shows(kernel.shows(finding))
            .mend("# set KDUMP_KERNEL and KDUMP_INITRD to the same release")
            .mend("kdump-config unload; kdump-config load")];
    }
    if of_kernel != running {
        let says = format!("the crash kernel is {of_kernel}, but the running kernel is {running}");
        return vec![ABOUT
            .note(says)
            .line(&kernel.place, format!("KDUMP_KERNEL={}", kernel.path))
            .evidence("/proc/sys/kernel/osrelease", running)];
    }
    let stale = found.iter().filter(|one| one.release != running);
    let stale: Vec<_> = stale.collect();
    if !stale.is_empty() {
        let says = format!(
            "{} link to another kernel than the running {running}: they changed since the last load, and the next load sets them again",
            stale.iter().map(|one| one.path.as_str()).collect::<Vec<_>>().join(", ")
        );
        let finding = stale
            .iter()
            .fold(ABOUT.note(says), |finding, one| one.shows(finding));
        return vec![finding.mend("kdump-config unload; kdump-config load")];
    }
    vec![kernel.shows(ABOUT.fine("the crash kernel has the release of the running kernel"))]
}

/// Returns the finding for a missing file, which only the next load needs.
fn missing(facts: &Facts, path: &str, running: &str, says: String) -> Finding {
    let system = facts.system;
    let of_boot = ["vmlinuz", "vmlinux"].map(|name| format!("/boot/{name}-{running}"));
    let of_boot: Vec<_> = of_boot.iter().map(String::as_str).collect();
    let is_loaded = number(system, LOADED) == Seen::Is(1);
    let load = "kdump-config unload; kdump-config load";
    match (LINKS.contains(&path), is_one_there(system, &of_boot)) {
        (true, Some(true)) => ABOUT
            .note(format!("{says}; the next load sets the link again"))
            .mend(load),
        (true, None) => ABOUT.unknown(format!(
            "{says}; cannot tell whether the next load finds /boot/vmlinuz-{running}"
        )),
        _ if is_loaded => ABOUT.later(
            Stage::PanicNoCrashKernel,
            format!("{says}; the next load fails"),
        ),
        _ => ABOUT.wrong(Stage::PanicNoCrashKernel, says),
    }
}

fn command_line(facts: &Facts) -> Vec<Finding> {
    let system = facts.system;
    let Saver::KdumpTools(own) = Saver::of(system) else {
        return Vec::new();
    };
    if number(system, LOADED) != Seen::Is(1) {
        return Vec::new();
    }
    let Seen::Is(now) = system.text("/proc/cmdline") else {
        return Vec::new();
    };
    let append = own.append();
    let Some(configured) = own.command_line(&now) else {
        return vec![ABOUT
            .unknown("cannot tell the crash kernel's command line: the setting needs a shell")
            .line(&append.place, "KDUMP_CMDLINE_APPEND=...")];
    };
    let mut findings = Vec::new();
    let dir = own.core_dir();
    let file = format!(
        "{}/kexec_cmd",
        dir.text.unwrap_or("/var/crash").trim_end_matches('/')
    );
    match system.text(&file) {
        Seen::Is(text) => match kdump_tools::of_kexec_command(&text) {
            Some(loaded) if loaded == configured => findings.push(
                ABOUT
                    .fine("the crash kernel has the configured command line")
                    .evidence(&file, &loaded),
            ),
            Some(loaded) => {
                let (more, less) = differences(&configured, &loaded);
                let mut says =
                    "the crash kernel was loaded with another command line than the configured one"
                        .to_owned();
                for (words, what) in [(more, "lacks"), (less, "has")] {
                    if !words.is_empty() {
                        says.push_str(&format!("; it {what} `{}`", words.join(" ")));
                    }
                }
                let line = own
                    .settings
                    .last("KDUMP_CMDLINE")
                    .filter(|one| one.value.as_deref() != Some(""))
                    .map_or(append.place, |one| one.place.clone());
                let disabled = number(system, DISABLED);
                let mend = match disabled {
                    Seen::Is(value) if value != 0 => "reboot",
                    _ => "kdump-config reload",
                };
                findings.push(
                    ABOUT
                        .wrong(None, says)
                        .line(&line, &configured)
                        .evidence(&file, loaded)
                        .mend(mend),
                );
            }
            None => findings.push(
                ABOUT
                    .unknown("cannot read the command line of the loaded crash kernel")
                    .evidence(&file, text.trim()),
            ),
        },
        // It lies in the dumps' directory at the time of the load.
        Seen::Absent | Seen::Unseen(_) => {
            findings.push(
                ABOUT
                    .note("the command line of the loaded crash kernel is unknown")
                    .evidence(&file, "(not there)"),
            );
        }
    }
    // Another unit has its own check.
    if !configured.contains("systemd.unit=") {
        let says = "the crash kernel starts the whole system, not only the unit that saves the dump: its command line has no systemd.unit=kdump-tools-dump.service";
        findings.push(
            ABOUT
                .note(says)
                .line(&own.append().place, own.append().text.unwrap_or_default()),
        );
    }
    findings
}

/// Returns the words that only the first line has, and those that only the second has.
fn differences<'a>(one: &'a str, other: &'a str) -> (Vec<&'a str>, Vec<&'a str>) {
    let words = |line: &'a str| line.split_ascii_whitespace().collect::<Vec<_>>();
    let (one, other) = (words(one), words(other));
    let without = |these: &[&'a str], those: &[&'a str]| {
        these
            .iter()
            .copied()
            .filter(|word| !those.contains(word))
            .collect()
    };
    (without(&one, &other), without(&other, &one))
}

#[cfg(test)]
mod tests;
