// SPDX-License-Identifier: GPL-2.0

//! Causes of an interrupted dump: a hardware watchdog, the panic notifiers, a cluster's fencing.

use super::kdump::{dump_size, is_one_there, number, About, With, MIB};
use crate::doctor::check::Check;
use crate::doctor::config::makedumpfile;
use crate::doctor::config::place::Place;
use crate::doctor::config::saver::Saver;
use crate::doctor::facts::Facts;
use crate::doctor::finding::{Finding, Link};
use crate::system::{Seen, System};
use crate::verdict::stage::Stage;

const ABOUT: About = About(Link::Dump);
/// The best speed of a dump in bytes per second, that of a fast disk.
const FAST: u64 = 400 * MIB;
/// The shortest time from the panic until the crash kernel can feed a watchdog, if this boot's log
/// does not tell.
const BOOT_SECS: u64 = 5;

/// The family's checks.
pub const CHECKS: &[Check] = &[
    Check {
        name: "hardware_watchdog",
        reads: "/sys/class/watchdog, systemd's RuntimeWatchdogSec, parameters of hpwdt and ipmi_watchdog, the kernel log's times",
        why: "a hardware watchdog keeps counting in the crash kernel, and may reset the machine during the dump",
        mend: "set a longer timeout",
        run: watchdog,
    },
    Check {
        name: "post_notifiers",
        reads: "/sys/module/kernel/parameters/crash_kexec_post_notifiers",
        why: "the panic notifiers then run before the crash kernel, and each of them may hang",
        mend: "leave crash_kexec_post_notifiers off, unless something needs it",
        run: post_notifiers,
    },
    Check {
        name: "fencing",
        reads: "/etc/corosync/corosync.conf, fence_kdump_nodes in kdump.conf",
        why: "a cluster fences a node that does not answer, and a node does not answer while it saves a dump",
        mend: "configure fence_kdump, or timeouts longer than the dump",
        run: fencing,
    },
];

/// Parses one of systemd's time spans to seconds; 0 for `off`.
fn span(text: &str) -> Option<u64> {
    let text = text.trim();
    if matches!(text, "off" | "0" | "") {
        return Some(0);
    }
    if let Ok(secs) = text.parse() {
        return Some(secs);
    }
    let mut secs = 0.0;
    let mut rest = text;
    while !rest.is_empty() {
        let digits = rest.find(|letter: char| !letter.is_ascii_digit() && letter != '.')?;
        let number: f64 = rest[..digits].parse().ok()?;
        let after = rest[digits..].trim_start();
        let end = after
            .find(|letter: char| !letter.is_alphabetic())
            .unwrap_or(after.len());
        secs += number
            * match &after[..end] {
                "ms" | "msec" => 0.001,
                "s" | "sec" | "second" | "seconds" => 1.0,
                "m" | "min" | "minute" | "minutes" => 60.0,
                "h" | "hr" | "hour" | "hours" => 3600.0,
                _ => return None,
            };
        rest = after[end..].trim_start();
    }
    Some(secs as u64)
}

/// Returns the effective value of a setting of systemd's manager, and its line.
fn manager(system: &System, name: &str) -> Option<(String, Place)> {
    let of = |file: &str| {
        let text = system.text(file).is()?;
        let lines = text.lines().enumerate().filter_map(|(index, line)| {
            let value = line
                .trim()
                .strip_prefix(name)?
                .trim_start()
                .strip_prefix('=')?;
            Some((value.trim().to_owned(), Place::at(file, index + 1)))
        });
        lines.last()
    };
    // The main file, then the drop-ins of all directories by name; one in /etc hides its namesake.
    let mut found = [
        "/etc/systemd/system.conf",
        "/run/systemd/system.conf",
        "/usr/lib/systemd/system.conf",
    ]
    .iter()
    .find_map(|file| of(file));
    let dirs = [
        "/usr/lib/systemd/system.conf.d",
        "/run/systemd/system.conf.d",
        "/etc/systemd/system.conf.d",
    ];
    let mut parts = std::collections::BTreeMap::new();
    for dir in dirs {
        for part in system
            .list(dir)
            .is()
            .unwrap_or_default()
            .into_iter()
            .filter(|part| part.ends_with(".conf"))
        {
            parts.insert(part.clone(), format!("{dir}/{part}"));
        }
    }
    for file in parts.values() {
        found = of(file).or(found);
    }
    found
}

/// Returns the seconds until this boot's init ran; the crash kernel's takes as long.
fn boot_secs(facts: &Facts) -> u64 {
    let Seen::Is(log) = facts.log() else {
        return BOOT_SECS;
    };
    let first = |text: &str| log.lines().find(|line| line.contains(text));
    // Preferably the line of systemd, which feeds a watchdog.
    let line = first("systemd[1]:").or_else(|| first("Run /init as init process"));
    let stamp = line.and_then(|line| {
        line.trim_start_matches(|letter: char| letter != '[')
            .strip_prefix('[')?
            .split(['.', ']'])
            .next()?
            .trim()
            .parse()
            .ok()
    });
    stamp.unwrap_or(BOOT_SECS).max(1)
}

fn watchdog(facts: &Facts) -> Vec<Finding> {
    let system = facts.system;
    let saver = Saver::of(system);
    let boot = boot_secs(facts);
    let call = saver
        .collector()
        .0
        .and_then(|arguments| makedumpfile::call(&arguments).ok());
    let size = call.and_then(|call| dump_size(system, call.level, call.is_compressed));
    let copy = size.map_or(0, |size| size.least / FAST);
    let runtime = manager(system, "RuntimeWatchdogSec");
    let is_fed = runtime
        .as_ref()
        .is_some_and(|(value, _)| span(value) != Some(0));
    // In kdump-tools' crash kernel the same systemd feeds it, once it runs.
    let (need, until) = match (&saver, is_fed) {
        (Saver::KdumpTools(_), true) => (boot, "systemd runs in the crash kernel and feeds it"),
        _ => (boot + copy, "the dump is saved"),
    };
    let mut findings = Vec::new();
    let dir = "/sys/class/watchdog";
    for name in system.list(dir).is().unwrap_or_default() {
        let state = system
            .text(&format!("{dir}/{name}/state"))
            .is()
            .unwrap_or_default();
        if state.trim() != "active" {
            continue;
        }
        let identity = system
            .text(&format!("{dir}/{name}/identity"))
            .is()
            .unwrap_or_default();
        let path = format!("{dir}/{name}/timeout");
        let finding = match number(system, &path) {
            Seen::Is(timeout) if timeout <= need => ABOUT
                .wrong(Stage::DumpIncomplete, format!("the hardware watchdog {} resets the machine after {timeout} s, but it takes at least {need} s until {until}", identity.trim()))
                .mend("# set a longer RuntimeWatchdogSec in /etc/systemd/system.conf.d, then: systemctl daemon-reexec"),
            Seen::Is(timeout) => ABOUT.note(format!("the hardware watchdog {} resets the machine after {timeout} s unless the crash kernel feeds it: it takes at least {need} s until {until}", identity.trim())),
            _ => ABOUT.unknown(format!("cannot tell when the hardware watchdog {} resets the machine", identity.trim())),
        };
        let mut finding = finding
            .evidence(format!("{dir}/{name}/state"), "active")
            .seen(&path, &system.text(&path));
        if let Some((value, place)) = runtime.as_ref().filter(|_| is_fed) {
            finding = finding.line(place, format!("RuntimeWatchdogSec={value}"));
        }
        findings.push(finding);
    }
    if let (true, Some((value, place))) = (findings.is_empty() && is_fed, &runtime) {
        // systemd arms a watchdog at the next boot, or when its driver is loaded.
        if let Some(timeout) = span(value).filter(|timeout| *timeout <= need) {
            findings.push(ABOUT.note(format!("systemd arms a hardware watchdog for {timeout} s if there is one: it takes at least {need} s until {until}")).line(place, format!("RuntimeWatchdogSec={value}")));
        }
    }
    findings.extend(of_modules(system, need));
    findings
}

/// The watchdog drivers with their own timeout for a panic.
fn of_modules(system: &System, need: u64) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (path, what) in [
        ("/sys/module/hpwdt/parameters/kdumptimeout", "hpwdt"),
        (
            "/sys/module/ipmi_watchdog/parameters/panic_wdt_timeout",
            "ipmi_watchdog",
        ),
    ] {
        let Seen::Is(text) = system.text(path) else {
            continue;
        };
        // A value below 0 stops it.
        let Ok(secs) = text.trim().parse::<i64>() else {
            continue;
        };
        if secs > 0 {
            let secs = secs.unsigned_abs();
            let says = format!("after a panic {what} resets the machine in {secs} s: it takes at least {need} s until the dump is saved");
            findings.push(
                match secs <= need {
                    true => ABOUT
                        .wrong(Stage::DumpIncomplete, says)
                        .mend(format!("# set a longer time for {what} in /etc/modprobe.d")),
                    false => ABOUT.note(says),
                }
                .evidence(path, secs.to_string()),
            );
        }
    }
    findings
}

fn post_notifiers(facts: &Facts) -> Vec<Finding> {
    let path = "/sys/module/kernel/parameters/crash_kexec_post_notifiers";
    let seen = facts.system.text(path);
    let is_on = matches!(&seen, Seen::Is(text) if matches!(text.trim(), "Y" | "1"));
    match is_on {
        true => vec![ABOUT
            .note("the panic notifiers run before the crash kernel: if one hangs, there is no dump")
            .seen(path, &seen)],
        false => Vec::new(),
    }
}

fn fencing(facts: &Facts) -> Vec<Finding> {
    let system = facts.system;
    let file = "/etc/corosync/corosync.conf";
    if is_one_there(system, &[file]) != Some(true) {
        return Vec::new();
    }
    let sends = match Saver::of(system) {
        Saver::KdumpUtils { conf, .. } => conf.last("fence_kdump_nodes").cloned(),
        _ => None,
    };
    vec![match sends {
        Some(one) => ABOUT.note("this node tells the other nodes that it saves a dump: they must have fence_kdump").line(&one.place, format!("fence_kdump_nodes {}", one.value)),
        None => ABOUT
            .unknown("this is a cluster node: cannot tell whether the others fence it before the dump is saved")
            .evidence(file, "(there)")
            .mend("# configure fence_kdump, or timeouts longer than the dump"),
    }]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::checks::testing::found;
    use crate::system::testing::Machine;

    #[test]
    fn spans_of_systemd() {
        for (text, secs) in [
            ("10", 10),
            ("30s", 30),
            ("1min 30s", 90),
            ("2min", 120),
            ("off", 0),
            ("0", 0),
            ("1.5min", 90),
            ("500ms", 0),
        ] {
            assert_eq!(span(text), Some(secs), "{text}");
        }
        assert_eq!(span("infinity"), None);
        assert_eq!(span("5 parsecs"), None);
    }

    fn armed(timeout: &str) -> Machine {
        Machine::new()
            .file("/usr/sbin/kdump-config", "")
            .file("/sys/class/watchdog/watchdog0/state", "active\n")
            .file("/sys/class/watchdog/watchdog0/timeout", timeout)
            .file("/sys/class/watchdog/watchdog0/identity", "i6300ESB timer\n")
            .log("[    0.000000] Linux version 6\n[   22.250000] systemd[1]: systemd 257 running\n")
    }

    #[test]
    fn a_watchdog_that_is_armed() {
        let short = found(
            armed("10\n").file(
                "/etc/systemd/system.conf.d/w.conf",
                "[Manager]\nRuntimeWatchdogSec=10\n",
            ),
            watchdog,
        );
        assert_eq!(short[0].stage, Some(Stage::DumpIncomplete));
        assert!(
            short[0].says.contains(
                "i6300ESB timer resets the machine after 10 s, but it takes at least 22 s"
            ),
            "{}",
            short[0].says
        );
        assert_eq!(
            short[0].evidence[2].place,
            "/etc/systemd/system.conf.d/w.conf:2"
        );
        assert_eq!(found(armed("60\n"), watchdog)[0].stage, None);
        assert!(found(
            armed("10\n").file("/sys/class/watchdog/watchdog0/state", "inactive\n"),
            watchdog
        )
        .is_empty());
        assert_eq!(
            found(armed("?"), watchdog)[0].state,
            crate::doctor::finding::State::Unknown
        );
    }

    #[test]
    fn the_manager_of_systemd() {
        let machine = Machine::new()
            .file(
                "/etc/systemd/system.conf",
                "[Manager]\n#RuntimeWatchdogSec=off\nRuntimeWatchdogSec=1\n",
            )
            .file(
                "/usr/lib/systemd/system.conf.d/a.conf",
                "RuntimeWatchdogSec=2\n",
            )
            .file("/etc/systemd/system.conf.d/a.conf", "# hidden\n");
        let system = machine.system();
        assert_eq!(
            manager(&system, "RuntimeWatchdogSec")
                .unwrap()
                .1
                .to_string(),
            "/etc/systemd/system.conf:3"
        );
        assert!(manager(&system, "RebootWatchdogSec").is_none());
    }

    #[test]
    fn what_else_cuts_it_short() {
        let on = Machine::new().file(
            "/sys/module/kernel/parameters/crash_kexec_post_notifiers",
            "Y\n",
        );
        assert_eq!(found(on, post_notifiers).len(), 1);
        let off = Machine::new().file(
            "/sys/module/kernel/parameters/crash_kexec_post_notifiers",
            "N\n",
        );
        assert!(found(off, post_notifiers).is_empty());
        let ipmi = Machine::new()
            .file(
                "/sys/module/ipmi_watchdog/parameters/panic_wdt_timeout",
                "3\n",
            )
            .file("/usr/sbin/kdump-config", "");
        assert_eq!(found(ipmi, watchdog)[0].stage, Some(Stage::DumpIncomplete));
        let cluster = || Machine::new().file("/etc/corosync/corosync.conf", "");
        assert_eq!(
            found(cluster(), fencing)[0].state,
            crate::doctor::finding::State::Unknown
        );
        let told = cluster().file("/etc/kdump.conf", "fence_kdump_nodes a b\n");
        assert_eq!(
            found(told, fencing)[0].state,
            crate::doctor::finding::State::Note
        );
    }
}
