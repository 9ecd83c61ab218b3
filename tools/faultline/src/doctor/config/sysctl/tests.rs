// SPDX-License-Identifier: GPL-2.0

//! Files in their order, and words of the command line.

use super::*;
use crate::system::testing::Machine;

fn of(machine: Machine) -> Sysctls {
    let system = machine.system();
    let command_line = system
        .text("/proc/cmdline")
        .map(|text| CommandLine::parse(&text));
    Sysctls::of(&system, &command_line)
}

fn last(all: &Sysctls, key: &str) -> Option<(String, String)> {
    all.last(key)
        .map(|found| (found.value.clone(), found.place()))
}

fn is(value: &str, place: &str) -> Option<(String, String)> {
    Some((value.into(), place.into()))
}

#[test]
fn files_in_the_order_of_their_names() {
    let all = of(Machine::new()
        .file(
            "/etc/sysctl.d/10-a.conf",
            "# x\n\nkernel.softlockup_panic=1\nkernel/panic = 5\n",
        )
        .file(
            "/usr/lib/sysctl.d/99-z.conf",
            "-kernel.softlockup_panic = 0\n;x\n",
        )
        .file("/usr/lib/sysctl.d/10-a.conf", "kernel.hung_task_panic=1\n")
        .file("/etc/sysctl.d/a.conf.bak", "kernel.panic=1\nnonsense\n")
        .link("/etc/sysctl.d/99-null.conf", "/dev/null")
        .file("/usr/lib/sysctl.d/99-null.conf", "kernel.panic=9\n")
        .link("/lib", "usr/lib"));
    assert_eq!(
        last(&all, "kernel.softlockup_panic"),
        is("0", "/usr/lib/sysctl.d/99-z.conf:1")
    );
    assert_eq!(
        last(&all, "kernel.panic"),
        is("5", "/etc/sysctl.d/10-a.conf:4")
    );
    assert_eq!(last(&all, "kernel.hung_task_panic"), None);
    let why = |key: &str| {
        all.unread
            .iter()
            .find(|unread| unread.assignment.key == key)
            .map(|unread| &unread.why)
    };
    assert_eq!(
        why("kernel.hung_task_panic"),
        Some(&Why::Masked("/etc/sysctl.d/10-a.conf".into()))
    );
    assert_eq!(why("nonsense"), Some(&Why::NoValue));
    assert_eq!(why("kernel.panic"), Some(&Why::Name));
    // No /run and no /proc in it.
    let unseen: Vec<_> = all.unseen.iter().map(|(path, _)| path.as_str()).collect();
    assert_eq!(unseen, ["/run/sysctl.d"]);
}

#[test]
fn sysctl_conf_is_read_by_a_link_only() {
    let conf = |machine: Machine| machine.file("/etc/sysctl.conf", "kernel.softlockup_panic = 1\n");
    let all = of(conf(Machine::new()));
    assert_eq!(last(&all, "kernel.softlockup_panic"), None);
    assert_eq!(all.unread[0].why, Why::SysctlConf);
    for target in ["../sysctl.conf", "/etc/sysctl.conf"] {
        let all = of(conf(Machine::new()).link("/etc/sysctl.d/99-sysctl.conf", target));
        assert_eq!(
            last(&all, "kernel.softlockup_panic"),
            is("1", "/etc/sysctl.d/99-sysctl.conf:1")
        );
        assert_eq!(all.unread, []);
    }
}

#[test]
fn words_of_the_command_line_come_first() {
    let line = "quiet oops=panic nmi_watchdog=panic,1 sysctl.kernel.hung_task_panic=1 nowatchdog softlockup_panic=1";
    let all = of(Machine::new()
        .file("/proc/cmdline", line)
        .file("/etc/sysctl.d/a.conf", "kernel.softlockup_panic=0\n"));
    for (key, value) in [
        ("kernel.panic_on_oops", "1"),
        ("kernel.hardlockup_panic", "1"),
        ("kernel.nmi_watchdog", "1"),
        ("kernel.hung_task_panic", "1"),
        ("kernel.watchdog", "0"),
    ] {
        assert_eq!(last(&all, key), is(value, "/proc/cmdline"), "{key}");
    }
    assert_eq!(
        last(&all, "kernel.softlockup_panic"),
        is("0", "/etc/sysctl.d/a.conf:1")
    );
}

#[test]
fn tuned_comes_after_the_distribution_and_before_the_administrator() {
    let machine = || {
        Machine::new()
            .file("/etc/tuned/active_profile", "x\n")
            .file(
                "/etc/tuned/x/tuned.conf",
                "[sysctl]\nkernel.nmi_watchdog=0\nkernel.watchdog=0\n",
            )
            .file("/usr/lib/sysctl.d/99-a.conf", "kernel.nmi_watchdog=1\n")
            .file("/etc/sysctl.d/a.conf", "kernel.watchdog=1\n")
    };
    let all = of(machine());
    assert_eq!(
        last(&all, "kernel.nmi_watchdog"),
        is("0", "/etc/tuned/x/tuned.conf:2")
    );
    assert_eq!(
        last(&all, "kernel.watchdog"),
        is("1", "/etc/sysctl.d/a.conf:1")
    );
    let all = of(machine().file("/etc/tuned/tuned-main.conf", "reapply_sysctl = False\n"));
    assert_eq!(
        last(&all, "kernel.watchdog"),
        is("0", "/etc/tuned/x/tuned.conf:3")
    );
}

#[test]
fn patterns() {
    let all = of(Machine::new().file(
        "/etc/sysctl.d/a.conf",
        "kernel.*lockup_panic = 1\nkernel.hardlockup_panic = 0\n-kernel.*_x\n",
    ));
    assert_eq!(
        last(&all, "kernel.softlockup_panic"),
        is("1", "/etc/sysctl.d/a.conf:1")
    );
    assert_eq!(
        last(&all, "kernel.hardlockup_panic"),
        is("0", "/etc/sysctl.d/a.conf:2")
    );
    assert!(
        !matches("*", "a.b")
            && matches("?.*", "a.b")
            && !matches("**********x", "aaaaaaaaaaaaaaaaaaaaaa")
    );
    let many = "*a".repeat(10_000);
    assert!(!matches(&many, "aaaaaaaaaaaaaaaaaaaaaa") && matches("*a*ab*", "aaab"));
    assert!(matches("**********x", "aaax") && matches("a*", "a") && !matches("a", "ab"));
    assert_eq!(all.unread, []);
}

#[test]
fn what_loads_the_crash_kernel_sets_one() {
    let debian = |program: &str, settings: &str| {
        let machine = Machine::new().file("/usr/sbin/kdump-config", program);
        of(machine.file("/etc/default/kdump-tools", settings))
    };
    let setting = "KDUMP_SYSCTL=\"kernel.panic_on_oops=0 kernel.panic=1\"\n";
    // Debian's reads no such setting.
    let all = debian("sysctl -w kernel.panic_on_oops=1", setting);
    assert_eq!(
        last(&all, "kernel.panic_on_oops"),
        is("1", "/usr/sbin/kdump-config")
    );
    let all = debian("sysctl -w $KDUMP_SYSCTL", setting);
    assert_eq!(
        last(&all, "kernel.panic_on_oops"),
        is("0", "/etc/default/kdump-tools:1")
    );
    let suse = Machine::new().file("/usr/sbin/kdumptool", "");
    let all = of(suse.file("/etc/sysconfig/kdump", ""));
    assert_eq!(
        last(&all, "kernel.panic_on_oops"),
        is("1", "/usr/lib/kdump/load.sh")
    );
    let all = of(Machine::new().file("/etc/kdump.conf", "path /x\n"));
    assert_eq!(last(&all, "kernel.panic_on_oops"), None);
}

#[test]
fn a_file_longer_than_is_read() {
    let is_unseen = |lines: usize| {
        let text = "kernel.panic = 1\n".repeat(lines);
        let all = of(Machine::new().file("/etc/sysctl.d/a.conf", &text));
        all.unseen
            .iter()
            .any(|(path, _)| path == "/etc/sysctl.d/a.conf")
    };
    assert!(!is_unseen(LINES) && is_unseen(LINES + 1));
}
