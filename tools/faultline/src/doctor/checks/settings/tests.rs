// SPDX-License-Identifier: GPL-2.0

//! A Debian machine, and what may be wrong in its settings.

use super::*;
use crate::doctor;
use crate::system::testing::Machine;
use crate::verdict::stage::Stage;

/// What these checks find: name, state, text, and the places of the evidence.
fn found(machine: Machine) -> Vec<(&'static str, State, String, Vec<String>)> {
    let answer = doctor::examine(&machine.system(), Classes::ALL);
    let is_ours = |finding: &Finding| {
        CHECKS.iter().any(|check| check.name == finding.check) && finding.check != "sysctl_unseen"
    };
    let found = answer.findings.into_iter().filter(is_ours);
    let places = |finding: &Finding| {
        finding
            .evidence
            .iter()
            .map(|line| line.place.clone())
            .collect()
    };
    found
        .map(|finding| {
            (
                finding.check,
                finding.state,
                finding.says.clone(),
                places(&finding),
            )
        })
        .collect()
}

fn debian(panic: &str) -> Machine {
    Machine::new()
        .sysctl("kernel.osrelease", "6.1")
        .sysctl("kernel.softlockup_panic", panic)
        .sysctl("kernel.panic_on_oops", "1")
        .sysctl("kernel.watchdog", "1")
        .file("/boot/config-6.1", "CONFIG_PANIC_ON_OOPS_VALUE=0\n")
        .file("/proc/cmdline", "quiet\n")
        .file("/etc/default/kdump-tools", "USE_KDUMP=1\n")
        .file(
            "/usr/lib/sysctl.d/50-default.conf",
            "kernel.sysrq = 0x01b6\n-net.ipv4.x = 1\n",
        )
}

#[test]
fn nothing_where_all_is_as_configured() {
    assert_eq!(found(debian("0")), []);
    let machine = debian("1").file(
        "/etc/sysctl.d/90-panic.conf",
        "kernel.softlockup_panic = 1\n",
    );
    assert_eq!(found(machine), []);
    // The kernel has it by itself.
    let machine = debian("1").file("/boot/config-6.1", "CONFIG_BOOTPARAM_SOFTLOCKUP_PANIC=1\n");
    assert_eq!(found(machine), []);
}

fn only(machine: Machine) -> (&'static str, State, String, Vec<String>) {
    let mut all = found(machine);
    assert_eq!(all.len(), 1, "{all:?}");
    all.remove(0)
}

#[test]
fn a_key_that_no_kernel_has() {
    let file = |text: &str| debian("0").file("/etc/sysctl.d/a.conf", text);
    let (check, state, says, places) = only(file("# x\nkernel.softlookup_panic = 1\n"));
    assert_eq!((check, state), ("sysctl_unknown_key", State::Wrong));
    assert!(
        says.contains("did you mean kernel.softlockup_panic?"),
        "{says}"
    );
    assert_eq!(places, ["/etc/sysctl.d/a.conf:2"]);
    let (_, state, ..) = only(file("kernel.softlookup_panic = 0\n"));
    assert_eq!(state, State::Note);
    let machine = debian("1").file(
        "/etc/sysctl.d/a.conf",
        "kernel.softlookup_panic=1\nkernel.softlockup_panic=1\n",
    );
    assert_eq!(only(machine).1, State::Note);
}

#[test]
fn a_value_that_a_later_file_takes_back() {
    let files = |now: &str| {
        debian(now)
            .file("/etc/sysctl.d/10-a.conf", "kernel.softlockup_panic = 1\n")
            .file(
                "/usr/lib/sysctl.d/99-b.conf",
                "kernel.softlockup_panic = 0\n",
            )
    };
    let (check, state, _, places) = only(files("0"));
    assert_eq!((check, state), ("sysctl_taken_back", State::Wrong));
    assert_eq!(
        places,
        ["/etc/sysctl.d/10-a.conf:1", "/usr/lib/sysctl.d/99-b.conf:1"]
    );
    assert_eq!(only(files("1")).1, State::Later);
    let machine = files("1").file("/etc/sysctl.d/99-c.conf", "kernel.softlockup_panic = 1\n");
    assert_eq!(found(machine), []);
}

#[test]
fn for_the_next_boot_and_not_now_and_the_reverse() {
    let (check, state, _, places) =
        only(debian("0").file("/etc/sysctl.d/a.conf", "kernel.softlockup_panic=1\n"));
    assert_eq!((check, state), ("sysctl_next_boot", State::Wrong));
    assert_eq!(
        places,
        [
            "/proc/sys/kernel/softlockup_panic",
            "/etc/sysctl.d/a.conf:1"
        ]
    );
    let (check, state, says, _) = only(debian("1"));
    assert_eq!((check, state), ("sysctl_next_boot", State::Later));
    assert!(says.contains("lost in the next boot"), "{says}");
    let (_, state, _, places) =
        only(debian("0").file("/etc/sysctl.d/a.conf", "kernel.watchdog=0\n"));
    assert_eq!(state, State::Later);
    assert_eq!(
        places,
        ["/proc/sys/kernel/watchdog", "/etc/sysctl.d/a.conf:1"]
    );
    // What works now makes no class fail, and is told.
    let machine = debian("1").system();
    let answer = doctor::examine(&machine, Classes::ALL);
    let panic = &answer
        .class(crate::fault::class::Class::Soft)
        .unwrap()
        .chain[1];
    assert_eq!((panic.link, panic.state), (Link::Panic, State::Later));
}

#[test]
fn lines_that_are_not_read() {
    let text = "kernel.softlockup_panic = 1\n";
    for (path, place) in [
        ("/etc/sysctl.conf", "/etc/sysctl.conf:1"),
        ("/etc/sysctl.d/90-panic", "/etc/sysctl.d/90-panic:1"),
    ] {
        let (check, state, _, places) = only(debian("0").file(path, text));
        assert_eq!((check, state), ("sysctl_not_read", State::Wrong), "{path}");
        assert_eq!(places, [place]);
    }
    let machine = debian("0")
        .file("/usr/lib/sysctl.d/a.conf", text)
        .link("/etc/sysctl.d/a.conf", "/dev/null");
    let (_, state, says, _) = only(machine);
    assert!(
        state == State::Wrong && says.contains("/etc/sysctl.d/a.conf has the same name"),
        "{says}"
    );
    let (_, state, says, _) =
        only(debian("0").file("/etc/sysctl.d/a.conf", "kernel.softlockup_panic 1\n"));
    assert!(state == State::Wrong && says.contains("no '='"), "{says}");
    let both = debian("1")
        .file("/etc/sysctl.conf", text)
        .file("/etc/sysctl.d/a.conf", text);
    assert_eq!(only(both).1, State::Note);
    let linked = debian("1")
        .file("/etc/sysctl.conf", text)
        .link("/etc/sysctl.d/99-sysctl.conf", "../sysctl.conf");
    assert_eq!(found(linked), []);
}

#[test]
fn values_that_the_kernel_refuses() {
    for value in ["yes", "1 # panic", "-1", "99999999999"] {
        let line = format!("kernel.softlockup_panic = {value}\n");
        let (check, state, ..) = only(debian("0").file("/etc/sysctl.d/a.conf", &line));
        assert_eq!((check, state), ("sysctl_value", State::Wrong), "{value}");
    }
}

#[test]
fn words_of_the_command_line() {
    let with = |line: &str| debian("0").file("/proc/cmdline", line);
    let (check, state, says, _) = only(with("quiet softlookup_panic=1\n"));
    assert_eq!((check, state), ("command_line_word", State::Wrong));
    assert!(says.contains("did you mean softlockup_panic?"), "{says}");
    assert_eq!(only(with("crashkernal=256M")).1, State::Note);
    let (_, _, says, _) = only(with("hardlockup_panic=1"));
    assert!(says.contains("sysctl.kernel.hardlockup_panic=1"), "{says}");
    assert_eq!(
        found(with("ro quiet panic=5 crashkernel=1M nmi_watchdog=1")),
        []
    );
}

#[test]
fn a_file_that_cannot_be_read_is_told() {
    let machine = debian("0").link("/etc/sysctl.d/a.conf", "a.conf").system();
    let answer = doctor::examine(&machine, Classes::ALL);
    let told = answer.findings.iter().any(|finding| {
        finding.check == "sysctl_unseen"
            && finding
                .evidence
                .iter()
                .any(|line| line.place.ends_with("a.conf"))
    });
    assert!(told);
    assert!(answer
        .unseen
        .iter()
        .any(|unseen| unseen.path == "/etc/sysctl.d/a.conf"));
    assert_eq!(
        Key::of("kernel.watchdog").unwrap().stage,
        Stage::NotDetected
    );
}
