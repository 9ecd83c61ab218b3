// SPDX-License-Identifier: GPL-2.0

//! Each way to disarm a detector, on a machine where all are armed.

use super::*;
use crate::doctor;
use crate::doctor::answer::Answer;
use crate::system::testing::Machine;

/// A machine on which all detectors are armed.
fn armed() -> Machine {
    Machine::new()
        .sysctl("kernel.osrelease", "6.1")
        .sysctl("kernel.watchdog", "1")
        .sysctl("kernel.soft_watchdog", "1")
        .sysctl("kernel.nmi_watchdog", "1")
        .sysctl("kernel.watchdog_thresh", "10")
        .sysctl("kernel.watchdog_cpumask", "0-3")
        .sysctl("kernel.hung_task_timeout_secs", "120")
        .sysctl("kernel.hung_task_warnings", "10")
        .sysctl("kernel.hung_task_panic", "1")
        .sysctl("kernel.tainted", "4097")
        .file("/proc/cmdline", "quiet\n")
        .file(
            "/boot/config-6.1",
            "CONFIG_HARDLOCKUP_DETECTOR=y\nCONFIG_HARDLOCKUP_DETECTOR_PERF=y\n",
        )
        .file("/sys/bus/event_source/devices/cpu/type", "4\n")
        .file("/sys/devices/system/cpu/online", "0-3\n")
        .file("/sys/devices/system/cpu/nohz_full", "\n")
        .file(
            "/sys/module/rcupdate/parameters/rcu_cpu_stall_suppress",
            "0\n",
        )
        .log("[    0.0] Linux version 6.1\n")
}

fn answer(machine: Machine) -> Answer {
    doctor::examine(&machine.system(), Classes::ALL)
}

fn state(answer: &Answer, class: Class) -> (State, &str) {
    let class = answer.class(class).unwrap();
    (class.chain[0].state, class.chain[0].says.as_str())
}

#[test]
fn all_armed() {
    let answer = answer(armed());
    for class in [Class::Soft, Class::Hard, Class::Hung, Class::Rcu] {
        assert_eq!(state(&answer, class).0, State::Fine, "{class:?}");
    }
}

/// Each change breaks the detection of these classes, and of no other.
#[test]
fn each_way_to_disarm() {
    use Class::{Hard, Hung, Rcu, Soft};
    type Change = fn(Machine) -> Machine;
    let ways: &[(&str, &[Class], Change)] = &[
        ("kernel.watchdog is 0", &[Soft, Hard], |machine| {
            machine.sysctl("kernel.watchdog", "0")
        }),
        ("kernel.soft_watchdog is 0", &[Soft], |machine| {
            machine.sysctl("kernel.soft_watchdog", "0")
        }),
        ("kernel.nmi_watchdog is 0", &[Hard], |machine| {
            machine.sysctl("kernel.nmi_watchdog", "0")
        }),
        ("kernel.watchdog_thresh is 0", &[Soft, Hard], |machine| {
            machine.sysctl("kernel.watchdog_thresh", "0")
        }),
        ("CPU 3 is not watched:", &[Soft, Hard], |machine| {
            machine.sysctl("kernel.watchdog_cpumask", "0-2")
        }),
        (
            "CPUs 2-3 are not watched because",
            &[Soft, Hard],
            |machine| {
                machine
                    .sysctl("kernel.watchdog_cpumask", "0-1")
                    .file("/sys/devices/system/cpu/nohz_full", "2-3\n")
            },
        ),
        ("found no PMU", &[Hard], |machine| {
            machine.log("[    0.0] Linux version 6.1\n[    0.1] NMI watchdog: Perf NMI watchdog permanently disabled\n")
        }),
        ("needs a PMU", &[Hard], |machine| {
            machine
                .without("/sys/bus/event_source/devices/cpu")
                .file("/sys/bus/event_source/devices/software/type", "1\n")
        }),
        ("built without", &[Hard], |machine| {
            machine.file("/boot/config-6.1", "CONFIG_X=y\n")
        }),
        ("kernel.hung_task_timeout_secs is 0", &[Hung], |machine| {
            machine.sysctl("kernel.hung_task_timeout_secs", "0")
        }),
        ("check_count is 0", &[Hung], |machine| {
            machine.sysctl("kernel.hung_task_check_count", "0")
        }),
        ("taint D", &[Hung], |machine| {
            machine.sysctl("kernel.tainted", "4224")
        }),
        ("suppressed", &[Rcu], |machine| {
            machine.file(
                "/sys/module/rcupdate/parameters/rcu_cpu_stall_suppress",
                "1\n",
            )
        }),
        ("no kernel.soft_watchdog", &[Soft], |machine| {
            machine.without("/proc/sys/kernel/soft_watchdog")
        }),
    ];
    for (says, broken, change) in ways {
        let answer = answer(change(armed()));
        for class in [Soft, Hard, Hung, Rcu] {
            let (state, told) = state(&answer, class);
            match broken.contains(&class) {
                true => assert!(
                    state == State::Wrong && told.contains(says),
                    "{says}: {class:?}: {told}"
                ),
                false => assert_eq!(state, State::Fine, "{says}: {class:?}: {told}"),
            }
        }
        let class = answer.class(broken[0]).unwrap();
        assert_eq!(class.stage, Some(Stage::NotDetected), "{says}");
    }
}

#[test]
fn a_buddy_needs_no_pmu() {
    let machine = armed()
        .file(
            "/boot/config-6.1",
            "CONFIG_HARDLOCKUP_DETECTOR=y\nCONFIG_HARDLOCKUP_DETECTOR_BUDDY=y\n",
        )
        .without("/sys/bus/event_source/devices/cpu");
    assert_eq!(state(&answer(machine), Class::Hard).0, State::Fine);
}

#[test]
fn the_word_that_did_it() {
    let machine = armed()
        .sysctl("kernel.watchdog", "0")
        .file("/proc/cmdline", "nowatchdog quiet\n");
    let answer = answer(machine);
    let mut found = answer
        .findings
        .iter()
        .filter(|finding| finding.check == "soft_watchdog");
    let evidence = &found.next().unwrap().evidence;
    assert!(evidence
        .iter()
        .any(|line| line.place == "/proc/cmdline" && line.text == "nowatchdog"));
}

#[test]
fn the_line_that_did_it() {
    let machine = armed()
        .sysctl("kernel.watchdog", "0")
        .file("/etc/sysctl.d/a.conf", "# x\nkernel.watchdog = 0\n");
    let answer = answer(machine);
    let mut found = answer
        .findings
        .iter()
        .filter(|finding| finding.check == "soft_watchdog");
    let finding = found.next().unwrap();
    assert_eq!(finding.evidence[1].place, "/etc/sysctl.d/a.conf:2");
    assert!(finding
        .mend
        .last()
        .unwrap()
        .contains("remove that line from /etc/sysctl.d/a.conf"));
}

#[test]
fn what_could_not_be_seen_is_not_armed() {
    let answer = answer(Machine::new().file("/etc/x", ""));
    for class in [Class::Soft, Class::Hard, Class::Hung, Class::Rcu] {
        assert_eq!(state(&answer, class).0, State::Unknown, "{class:?}");
    }
    assert_eq!(answer.exit_status, 3);
}

#[test]
fn reports_that_are_used_up() {
    let said = |panic: &str| {
        let machine = armed()
            .sysctl("kernel.hung_task_warnings", "0")
            .sysctl("kernel.hung_task_panic", panic);
        let answer = answer(machine);
        let state = state(&answer, Class::Hung).0;
        let mut found = answer
            .findings
            .into_iter()
            .filter(|finding| finding.check == "hung_task_warnings");
        let found = found.next().unwrap();
        (state, found.stage, found.says)
    };
    let (state, stage, says) = said("1");
    assert_eq!((state, stage), (State::Fine, None));
    assert!(says.contains("except the one that panics"), "{says}");
    // Nobody hears of them.
    let (state, stage, says) = said("0");
    assert_eq!((state, stage), (State::Wrong, Some(Stage::NotDetected)));
    assert!(says.ends_with("no longer reported"), "{says}");
}
