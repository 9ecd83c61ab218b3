// SPDX-License-Identifier: GPL-2.0

//! Whether a detected fault becomes a panic: the current settings.

use crate::doctor::check::Check;
use crate::doctor::facts::Facts;
use crate::doctor::finding::{Finding, Link, State};
use crate::doctor::key::Key;
use crate::fault::class::{Class, Classes};
use crate::system::{sysctl_path, Seen};
use crate::verdict::stage::Stage;

pub const CHECKS: &[Check] = &[
    Check {
        name: "softlockup_panic",
        reads: "/proc/sys/kernel/softlockup_panic",
        why: "if 0, the watchdog only reports a soft lockup; on newer kernels the value is the number of thresholds",
        mend: "kernel.softlockup_panic = 1",
        run: softlockup_panic,
    },
    Check {
        name: "hardlockup_panic",
        reads: "/proc/sys/kernel/hardlockup_panic",
        why: "if 0, the watchdog only reports a hard lockup",
        mend: "kernel.hardlockup_panic = 1",
        run: |facts| vec![switch(facts, "kernel.hardlockup_panic", State::Wrong)],
    },
    Check {
        name: "hung_task_panic",
        reads: "/proc/sys/kernel/hung_task_panic",
        why: "if 0, a hung task is only reported; on newer kernels the value is the number of tasks that must hang",
        mend: "kernel.hung_task_panic = 1",
        run: hung_task_panic,
    },
    Check {
        name: "panic_on_rcu_stall",
        reads: "/proc/sys/kernel/panic_on_rcu_stall, max_rcu_stall_to_panic",
        why: "if 0, an RCU stall is only reported",
        mend: "kernel.panic_on_rcu_stall = 1",
        run: panic_on_rcu_stall,
    },
    Check {
        name: "panic_on_oops",
        reads: "/proc/sys/kernel/panic_on_oops",
        why: "if 0, an oops only kills the current task; the kernel goes on with the locks and data that it leaves",
        mend: "kernel.panic_on_oops = 1",
        run: |facts| {
            let itself = Finding::fine(Class::Oops, Link::Detector, "an oops reports itself");
            vec![itself, switch(facts, "kernel.panic_on_oops", State::Wrong)]
        },
    },
    Check {
        name: "panic_on_warn",
        reads: "/proc/sys/kernel/panic_on_warn",
        why: "if 0, a warning is only printed, which most servers want",
        mend: "kernel.panic_on_warn = 1",
        run: |facts| {
            let itself = Finding::fine(Class::Warning, Link::Detector, "a warning reports itself");
            vec![itself, switch(facts, "kernel.panic_on_warn", State::Off)]
        },
    },
    Check {
        name: "panic_on_oom",
        reads: "/proc/sys/vm/panic_on_oom",
        why: "if 0, the OOM killer kills a process, which most servers want",
        mend: "vm.panic_on_oom = 1",
        run: |facts| {
            let itself = Finding::fine(Class::Oom, Link::Detector, "the OOM killer reports itself");
            vec![itself, switch(facts, "vm.panic_on_oom", State::Off)]
        },
    },
    Check {
        name: "panic_itself",
        reads: "nothing",
        why: "a panic needs neither a detector nor a switch",
        mend: "nothing to fix",
        run: |_| {
            let itself = |link| Finding::fine(Class::Panic, link, "a panic needs no switch");
            vec![itself(Link::Detector), itself(Link::Panic)]
        },
    },
    Check {
        name: "unknown_nmi_panic",
        reads: "/proc/sys/kernel/unknown_nmi_panic, panic_on_unrecovered_nmi, panic_on_io_nmi",
        why: "if 0, an NMI that the management controller or the hypervisor sends to a hung machine only prints a message",
        mend: "kernel.unknown_nmi_panic = 1",
        run: nmi,
    },
];

/// The file for settings in the advice.
pub const SYSCTL_FILE: &str = "/etc/sysctl.d/90-panic.conf";

/// Adds the commands that set a sysctl now and at boot.
pub fn set(finding: Finding, sysctl: &str, value: &str) -> Finding {
    finding
        .mend(format!("echo '{sysctl} = {value}' >> {SYSCTL_FILE}"))
        .mend(format!("sysctl -w {sysctl}={value}"))
}

/// Adds the line of the configuration that set a sysctl to its value, if one did.
pub fn cause(facts: &Facts, finding: Finding, sysctl: &str) -> Finding {
    let is_wrong =
        |value: &str| Key::of(sysctl).is_some_and(|key| key.is_right(value) == Some(false));
    let last = facts
        .sysctls()
        .last(sysctl)
        .filter(|last| is_wrong(&last.value));
    let Some(last) = last.filter(|_| matches!(finding.state, State::Wrong | State::Off)) else {
        return finding;
    };
    let finding = finding.evidence(last.place(), &last.text);
    match last.line {
        0 if last.file == COMMAND_LINE => finding.mend(format!(
            "# and remove {} from the kernel's command line",
            last.text
        )),
        _ => finding.mend(format!("# and remove that line from {}", last.file)),
    }
}

/// The file with the command line of the running kernel.
pub const COMMAND_LINE: &str = "/proc/cmdline";

/// Checks a sysctl that makes a report a panic; `off` is the state of the finding if it is 0.
fn switch(facts: &Facts, sysctl: &str, off: State) -> Finding {
    let (value, path) = (facts.system.sysctl(sysctl), sysctl_path(sysctl));
    let (classes, stage, want) = match Key::of(sysctl) {
        Some(key) => (key.classes, key.stage, key.want),
        None => (Classes::NONE, Stage::DetectedNoPanic, "1"),
    };
    let link = Link::Panic;
    let number = value.as_ref().map(|text| text.parse::<u64>());
    let finding = match number {
        Seen::Is(Ok(0)) => {
            let says = format!("{sysctl} is 0: the kernel reports without a panic");
            let finding = Finding {
                stage: Some(stage),
                ..Finding::new(off, classes, link, says)
            };
            set(finding, sysctl, want)
        }
        Seen::Is(Ok(number)) => Finding::fine(classes, link, format!("{sysctl} is {number}")),
        Seen::Is(Err(_)) => Finding::unknown(classes, link, format!("{sysctl} is not a number")),
        Seen::Absent => {
            let says = format!("this kernel has no {sysctl}: it does not panic");
            Finding {
                stage: Some(stage),
                ..Finding::new(off, classes, link, says)
            }
        }
        Seen::Unseen(why) => {
            Finding::unknown(classes, link, format!("cannot read {sysctl}: {why}"))
        }
    };
    cause(facts, finding.seen(&path, &value), sysctl)
}

fn number(facts: &Facts, sysctl: &str) -> Option<u64> {
    facts.system.sysctl(sysctl).is()?.parse().ok()
}

fn softlockup_panic(facts: &Facts) -> Vec<Finding> {
    const KEY: &str = "kernel.softlockup_panic";
    let mut finding = switch(facts, KEY, State::Wrong);
    if let Some(count @ 2..) = number(facts, KEY) {
        let secs =
            number(facts, "kernel.watchdog_thresh").map(|thresh| thresh.saturating_mul(2 * count));
        let after = secs.map(|secs| format!(", {secs} s")).unwrap_or_default();
        finding.says = format!("{KEY} is {count}: a lockup panics after {count} thresholds{after}");
    }
    vec![finding]
}

fn hung_task_panic(facts: &Facts) -> Vec<Finding> {
    const KEY: &str = "kernel.hung_task_panic";
    let finding = switch(facts, KEY, State::Wrong);
    let Some(count @ 2..) = number(facts, KEY) else {
        return vec![finding];
    };
    let says = format!("{KEY} is {count}: only {count} hung tasks at once panic");
    let off = Finding {
        stage: Some(Stage::DetectedNoPanic),
        ..Finding::new(State::Off, Class::Hung, Link::Panic, says)
    };
    vec![set(
        Finding {
            evidence: finding.evidence,
            ..off
        },
        KEY,
        "1",
    )]
}

fn panic_on_rcu_stall(facts: &Facts) -> Vec<Finding> {
    const COUNT: &str = "kernel.max_rcu_stall_to_panic";
    let mut found = vec![switch(facts, "kernel.panic_on_rcu_stall", State::Wrong)];
    if let (State::Fine, Some(count @ 2..)) = (found[0].state, number(facts, COUNT)) {
        let says = format!("{COUNT} is {count}: only report number {count} since boot panics");
        let finding = Finding {
            stage: Some(Stage::DetectedNoPanic),
            ..Finding::new(State::Off, Class::Rcu, Link::Panic, says)
        };
        found.push(set(
            finding.evidence(sysctl_path(COUNT), count.to_string()),
            COUNT,
            "0",
        ));
    }
    found
}

/// Either of two settings is enough for an NMI that no handler claims.
fn nmi(facts: &Facts) -> Vec<Finding> {
    const OTHER: &str = "kernel.panic_on_unrecovered_nmi";
    let received = Finding::fine(
        Class::Nmi,
        Link::Detector,
        "the NMI is sent from outside, and needs no detector",
    );
    let mut finding = switch(facts, "kernel.unknown_nmi_panic", State::Wrong);
    if finding.state != State::Fine && number(facts, OTHER).is_some_and(|value| value > 0) {
        finding = Finding::fine(Class::Nmi, Link::Panic, format!("{OTHER} is on"))
            .evidence(sysctl_path(OTHER), "1");
    }
    let mut found = vec![received, finding];
    if number(facts, "kernel.panic_on_io_nmi") == Some(0) {
        let says = "kernel.panic_on_io_nmi is 0: an NMI that the hardware marks as an I/O check error does not panic";
        found.push(Finding::note(Class::Nmi, Link::Panic, says));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor;
    use crate::system::testing::Machine;

    /// The state of a class's switch, and what the decisive finding says.
    fn link(machine: Machine, class: Class) -> (State, String) {
        let system = machine.system();
        let facts = Facts::of(&system, Classes::ALL);
        let found = CHECKS.iter().flat_map(|check| (check.run)(&facts));
        let found =
            found.filter(|finding| finding.link == Link::Panic && finding.classes.has(class));
        let found = found.filter(|finding| finding.state != State::Note);
        let worst = found.max_by_key(|finding| finding.state).unwrap();
        (worst.state, worst.says)
    }

    #[test]
    fn switches_on_and_off() {
        for (class, sysctl, off) in [
            (Class::Soft, "kernel.softlockup_panic", State::Wrong),
            (Class::Hard, "kernel.hardlockup_panic", State::Wrong),
            (Class::Hung, "kernel.hung_task_panic", State::Wrong),
            (Class::Rcu, "kernel.panic_on_rcu_stall", State::Wrong),
            (Class::Oops, "kernel.panic_on_oops", State::Wrong),
            (Class::Warning, "kernel.panic_on_warn", State::Off),
            (Class::Oom, "vm.panic_on_oom", State::Off),
            (Class::Nmi, "kernel.unknown_nmi_panic", State::Wrong),
        ] {
            let with = |value: &str| link(Machine::new().sysctl(sysctl, value), class).0;
            assert_eq!(with("1"), State::Fine, "{sysctl}");
            assert_eq!(with("0"), off, "{sysctl}");
            assert_eq!(with("x"), State::Unknown, "{sysctl}");
            // The kernel has its directory, and not the file.
            let without = Machine::new().sysctl("kernel.x", "1").sysctl("vm.x", "1");
            assert_eq!(link(without, class).0, off, "{sysctl}");
            assert_eq!(
                link(Machine::new().file("/etc/x", ""), class).0,
                State::Unknown,
                "{sysctl}"
            );
        }
        assert_eq!(
            link(Machine::new().dir("/etc"), Class::Panic).0,
            State::Fine
        );
    }

    #[test]
    fn counts() {
        let kernel =
            |key: &str, value: &str| Machine::new().sysctl(&format!("kernel.{key}"), value);
        let (state, says) = link(
            kernel("softlockup_panic", "3").sysctl("kernel.watchdog_thresh", "10"),
            Class::Soft,
        );
        assert!(
            state == State::Fine && says.contains("3 thresholds, 60 s"),
            "{says}"
        );
        let (state, says) = link(kernel("hung_task_panic", "3"), Class::Hung);
        assert!(
            state == State::Off && says.contains("hung tasks at once panic"),
            "{says}"
        );
        let stalls = kernel("panic_on_rcu_stall", "1").sysctl("kernel.max_rcu_stall_to_panic", "5");
        assert_eq!(link(stalls, Class::Rcu).0, State::Off);
        let timeout = ("kernel.hung_task_timeout_secs", "120");
        let machine = kernel("hung_task_panic", "3").sysctl(timeout.0, timeout.1);
        let machine = machine.system();
        let answer = doctor::examine(&machine, Class::Hung.into());
        let stage = answer.class(Class::Hung).unwrap().stage;
        assert_eq!(
            (answer.exit_status, stage),
            (1, Some(Stage::DetectedNoPanic))
        );
    }

    #[test]
    fn either_switch_of_an_nmi() {
        let machine = Machine::new()
            .sysctl("kernel.unknown_nmi_panic", "0")
            .sysctl("kernel.panic_on_unrecovered_nmi", "1");
        assert_eq!(link(machine, Class::Nmi).0, State::Fine);
    }
}
