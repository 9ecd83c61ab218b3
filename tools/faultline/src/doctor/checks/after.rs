// SPDX-License-Identifier: GPL-2.0

//! Whether the machine comes back after the dump was saved, or failed.

use super::kdump::{About, With};
use crate::doctor::check::Check;
use crate::doctor::config::kdump_conf::KdumpConf;
use crate::doctor::config::kdump_tools::KdumpTools;
use crate::doctor::config::saver::Saver;
use crate::doctor::config::suse::Suse;
use crate::doctor::facts::Facts;
use crate::doctor::finding::{Finding, Link};
use crate::system::Seen;

const ABOUT: About = About(Link::After);

/// The family's checks.
pub const CHECKS: &[Check] = &[
    Check {
        name: "after_dump",
        reads: "KDUMP_FAIL_CMD, final_action and failure_action, KDUMP_IMMEDIATE_REBOOT and KDUMP_CONTINUE_ON_ERROR",
        why: "a machine that waits at a shell, or is off, is out of service",
        mend: "reboot after the dump, and after a failure",
        run: after_dump,
    },
    Check {
        name: "after_panic",
        reads: "kernel.panic, panic= on the crash kernel's command line",
        why: "a kernel that panics without a crash kernel, or a crash kernel that panics itself, hangs unless it is set to reboot",
        mend: "kernel.panic=10; panic=10 on the crash kernel's command line",
        run: after_panic,
    },
];

fn after_dump(facts: &Facts) -> Vec<Finding> {
    match Saver::of(facts.system) {
        Saver::KdumpTools(own) => of_kdump_tools(&own),
        Saver::KdumpUtils { conf, .. } => of_kdump_utils(&conf),
        Saver::Suse(own) => of_suse(&own),
        // Without a dump there is nothing after it.
        Saver::Nothing => {
            vec![ABOUT.unknown(
                "nothing on this machine saves a dump, so nothing is known about the time after it",
            )]
        }
        Saver::Unreadable { file, why } => vec![ABOUT
            .unknown("cannot read what happens after the dump")
            .evidence(file, why)],
    }
}

fn of_kdump_tools(own: &KdumpTools) -> Vec<Finding> {
    let value = own.fail_cmd();
    let shown = format!("KDUMP_FAIL_CMD=\"{}\"", value.text.unwrap_or("..."));
    let mut findings = vec![ABOUT
        .fine("the machine reboots after the dump")
        .evidence("/etc/init.d/kdump-tools", "reboot -f")];
    // It is run without a shell: only its first word is a command.
    let first = |text: &str| {
        text.split_ascii_whitespace()
            .next()
            .map(|word| word.rsplit('/').next().unwrap_or(word).to_owned())
    };
    match value.text {
        None => findings.push(ABOUT.note("cannot tell what is run when a dump fails: the setting needs a shell").line(&value.place, shown)),
        Some("") => {}
        Some(text) if text.contains([';', '|', '&', '\'', '"']) => findings.push(
            ABOUT
                .note("KDUMP_FAIL_CMD is run without a shell: everything after its first command is arguments, and the machine does not reboot when a dump fails")
                .line(&value.place, shown)
                .mend("# put the commands in a script, and set KDUMP_FAIL_CMD to its path"),
        ),
        Some(text) => {
            if !matches!(first(text).as_deref(), Some("reboot" | "systemctl" | "poweroff" | "halt")) {
                findings.push(ABOUT.note("when a dump fails, the machine does not reboot unless KDUMP_FAIL_CMD does").line(&value.place, shown));
            }
        }
    }
    findings
}

fn of_kdump_utils(conf: &KdumpConf) -> Vec<Finding> {
    let mut findings = Vec::new();
    match conf.last("final_action") {
        Some(one) if one.value != "reboot" => findings.push(
            ABOUT
                .wrong(
                    None,
                    format!(
                        "the machine does not come back after the dump: final_action is {}",
                        one.value
                    ),
                )
                .line(&one.place, format!("final_action {}", one.value))
                .mend("# final_action reboot, then: kdumpctl restart"),
        ),
        Some(one) => findings.push(
            ABOUT
                .fine("the machine reboots after the dump")
                .line(&one.place, "final_action reboot"),
        ),
        None => findings.push(
            ABOUT
                .fine("the machine reboots after the dump, the default of kdump-utils")
                .evidence("/etc/kdump.conf", "(no final_action)"),
        ),
    }
    if let Some(one) = conf.last("failure_action").or_else(|| conf.last("default")) {
        if matches!(one.value.as_str(), "shell" | "halt" | "poweroff") {
            findings.push(
                ABOUT
                    .note(format!(
                        "the machine does not come back when a dump fails: {} is {}",
                        one.name, one.value
                    ))
                    .line(&one.place, format!("{} {}", one.name, one.value)),
            );
        }
    }
    findings
}

fn of_suse(own: &Suse) -> Vec<Finding> {
    let mut findings = Vec::new();
    let (reboots, value) = own.flag("KDUMP_IMMEDIATE_REBOOT", true);
    let shown = format!("KDUMP_IMMEDIATE_REBOOT=\"{}\"", value.text.unwrap_or("..."));
    findings.push(match reboots {
        Some(true) => ABOUT
            .fine("the machine reboots after the dump")
            .line(&value.place, shown),
        Some(false) => ABOUT
            .wrong(
                None,
                "the machine does not come back after the dump: it waits at a shell",
            )
            .line(&value.place, shown)
            .mend("# KDUMP_IMMEDIATE_REBOOT=\"true\", then: mkdumprd -f"),
        None => ABOUT
            .unknown(
                "cannot tell whether the machine reboots after the dump: the setting needs a shell",
            )
            .line(&value.place, shown),
    });
    let (goes_on, value) = own.flag("KDUMP_CONTINUE_ON_ERROR", true);
    if goes_on == Some(false) {
        findings.push(
            ABOUT
                .note("when a dump fails, the machine waits at a shell")
                .line(&value.place, "KDUMP_CONTINUE_ON_ERROR=\"false\""),
        );
    }
    findings
}

fn after_panic(facts: &Facts) -> Vec<Finding> {
    let system = facts.system;
    let panic = system.sysctl("kernel.panic");
    let mut findings = Vec::new();
    if panic == Seen::Is("0".into()) {
        findings.push(
            ABOUT
                .note("kernel.panic is 0: the machine hangs after a panic without a crash kernel")
                .evidence("/proc/sys/kernel/panic", "0")
                .mend("echo 'kernel.panic = 10' >> /etc/sysctl.d/90-panic.conf && sysctl -p /etc/sysctl.d/90-panic.conf"),
        );
    }
    let is_given = |line: &str| {
        line.split_ascii_whitespace().any(|word| {
            word.strip_prefix("panic=")
                .is_some_and(|value| value != "0")
        })
    };
    let (line, place) = match Saver::of(system) {
        Saver::KdumpTools(own) => {
            let now = system.text("/proc/cmdline").is().unwrap_or_default();
            let place = own.append().place;
            match own.command_line(&now) {
                Some(line) => (line, place),
                None => return findings,
            }
        }
        Saver::KdumpUtils { sysconfig, .. } => match sysconfig.last("KDUMP_COMMANDLINE_APPEND") {
            Some(one) => (one.value.clone().unwrap_or_default(), one.place.clone()),
            None => return findings,
        },
        // SUSE's kdump adds panic=1 itself.
        _ => return findings,
    };
    if !is_given(&line) {
        findings.push(
            ABOUT
                .note(
                    "the machine hangs if the crash kernel panics: its command line has no panic=",
                )
                .line(&place, line),
        );
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::checks::testing::says;
    use crate::system::testing::Machine;

    fn debian(settings: &str) -> Machine {
        Machine::new()
            .file("/usr/sbin/kdump-config", "")
            .file("/etc/default/kdump-tools", settings)
            .sysctl("kernel.panic", "0")
            .file("/proc/cmdline", "ro\n")
    }

    #[test]
    fn what_runs_when_a_dump_fails() {
        assert_eq!(says(debian(""), after_dump).len(), 1);
        assert_eq!(
            says(debian("KDUMP_FAIL_CMD=\"reboot -f\"\n"), after_dump).len(),
            1
        );
        for (command, part) in [
            ("echo failed; reboot -f", "without a shell"),
            ("/bin/bash", "does not reboot unless"),
        ] {
            let said = says(
                debian(&format!("KDUMP_FAIL_CMD=\"{command}\"\n")),
                after_dump,
            );
            assert!(said[1].contains(part), "{said:?}");
        }
    }

    #[test]
    fn of_the_others() {
        let redhat = |line: &str| Machine::new().file("/etc/kdump.conf", line);
        assert!(says(redhat("path /x\n"), after_dump)[0].starts_with("Fine"));
        assert!(says(redhat("final_action poweroff\n"), after_dump)[0].starts_with("Wrong"));
        assert!(says(redhat("failure_action shell\n"), after_dump)[1].starts_with("Note"));
        let suse = |line: &str| {
            Machine::new()
                .file("/usr/sbin/kdumptool", "")
                .file("/etc/sysconfig/kdump", line)
        };
        assert!(says(suse("KDUMP_IMMEDIATE_REBOOT=\"no\"\n"), after_dump)[0].starts_with("Wrong"));
        assert!(says(suse(""), after_dump)[0].starts_with("Fine"));
    }

    #[test]
    fn a_panic_without_an_end() {
        let said = says(debian(""), after_panic);
        assert!(
            said[0].contains("kernel.panic is 0") && said[1].contains("has no panic="),
            "{said:?}"
        );
        let set = debian("")
            .sysctl("kernel.panic", "10")
            .file("/proc/cmdline", "ro panic=10\n");
        assert!(says(set, after_panic).is_empty());
    }
}
