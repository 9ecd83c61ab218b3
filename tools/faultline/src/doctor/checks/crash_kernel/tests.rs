// SPDX-License-Identifier: GPL-2.0

//! Tests of the checks of the crash kernel.

use super::*;
use crate::doctor::checks::testing::says;
use crate::system::testing::Machine;

fn machine(loaded: &str) -> Machine {
    Machine::new()
        .file(SIZE, "1048576")
        .file(LOADED, loaded)
        .sysctl("kernel.osrelease", "6.1-2")
}

#[test]
fn loaded_or_not() {
    assert_eq!(
        says(machine("1"), loaded),
        ["Fine: a crash kernel is loaded"]
    );
    assert_eq!(
        says(machine("0"), loaded),
        ["Wrong: no crash kernel is loaded"]
    );
    assert!(says(machine("0").file(SIZE, "0"), loaded).is_empty());
    assert!(says(machine("0").file("/proc/cmdline", "fadump=on"), loaded).is_empty());
}

#[test]
fn loading_switched_off() {
    let off = |loaded| machine(loaded).sysctl("kernel.kexec_load_disabled", "1");
    assert!(says(off("1"), load_disabled)[0].starts_with("Note"));
    assert!(says(off("0"), load_disabled)[0].starts_with("Wrong"));
    assert!(says(
        machine("0").sysctl("kernel.kexec_load_disabled", "0"),
        load_disabled
    )
    .is_empty());
    let used = machine("0")
        .sysctl("kernel.kexec_load_disabled", "0")
        .sysctl("kernel.kexec_load_limit_panic", "0");
    assert!(says(used, load_disabled)[0].contains("used up"));
}

fn debian(kernel: &str, initrd: &str) -> Machine {
    machine("1")
        .file("/usr/sbin/kdump-config", "")
        .file(
            "/etc/default/kdump-tools",
            "KDUMP_KERNEL=/var/lib/kdump/vmlinuz\nKDUMP_INITRD=/var/lib/kdump/initrd.img\n",
        )
        .file(&format!("/boot/vmlinuz-{kernel}"), "")
        .file(&format!("/var/lib/kdump/initrd.img-{initrd}"), "")
        .link("/var/lib/kdump/vmlinuz", &format!("/boot/vmlinuz-{kernel}"))
        .link(
            "/var/lib/kdump/initrd.img",
            &format!("/var/lib/kdump/initrd.img-{initrd}"),
        )
}

#[test]
fn of_which_kernel() {
    assert!(says(debian("6.1-2", "6.1-2"), release)[0].starts_with("Fine"));
    // The links are made anew by each load: a load cannot have been of 6.1-1.
    let said = says(
        debian("6.1-1", "6.1-1").file("/boot/vmlinuz-6.1-2", ""),
        release,
    );
    assert!(
        said[0]
            .starts_with("Note: /var/lib/kdump/vmlinuz, /var/lib/kdump/initrd.img link to another"),
        "{said:?}"
    );
    let said = says(debian("6.1-2", "6.1-1"), release);
    assert!(
        said[0].starts_with("Note: /var/lib/kdump/initrd.img link"),
        "{said:?}"
    );
    let named = |kernel: &str, initrd: &str| {
        debian("6.1-1", "6.1-1").file(
            "/etc/default/kdump-tools",
            &format!("KDUMP_KERNEL={kernel}\nKDUMP_INITRD={initrd}\n"),
        )
    };
    let old = ("/boot/vmlinuz-6.1-1", "/var/lib/kdump/initrd.img-6.1-1");
    assert_eq!(
        says(named(old.0, old.1), release),
        ["Note: the crash kernel is 6.1-1, but the running kernel is 6.1-2"]
    );
    assert_eq!(
        says(named(LINKS[0], old.1), release),
        ["Wrong: the crash kernel is 6.1-2, but its initrd is for 6.1-1"]
    );
}

#[test]
fn a_crash_kernel_whose_file_is_gone() {
    let others = |machine: Machine| machine.file("/boot/config-6.1-2", "");
    let link = || others(debian("6.1-1", "6.1-1")).without("/boot/vmlinuz-6.1-1");
    let said = says(link().file("/boot/vmlinuz-6.1-2", ""), release);
    assert!(
        said[0].starts_with("Note") && said[0].ends_with("sets the link again"),
        "{said:?}"
    );
    assert!(says(link(), release)[0].starts_with("Later"));
    assert!(says(link().file(LOADED, "0"), release)[0].starts_with("Wrong"));
    let named =
        || debian("6.1-2", "6.1-2").file("/etc/default/kdump-tools", "KDUMP_KERNEL=/boot/other\n");
    assert!(says(named(), release)[0].starts_with("Later"));
    assert!(says(named().file(LOADED, "0"), release)[0].starts_with("Wrong"));
}

#[test]
fn with_which_command_line() {
    let with = |line: &str, settings: &str| {
        machine("1")
            .file("/proc/cmdline", "root=/dev/vda ro crashkernel=1M quiet\n")
            .file("/usr/sbin/kdump-config", "")
            .file("/etc/default/kdump-tools", settings)
            .file(
                "/var/crash/kexec_cmd",
                &format!("/sbin/kexec -p --command-line=\"{line}\" --initrd=/i /k\n"),
            )
    };
    let usual = format!("root=/dev/vda ro quiet {}", kdump_tools::APPEND);
    assert!(says(with(&usual, ""), command_line)[0].starts_with("Fine"));
    let said = says(
        with(&usual.replace("nr_cpus=1", "nr_cpus=2"), ""),
        command_line,
    );
    assert!(
        said[0].ends_with("; it lacks `nr_cpus=1`; it has `nr_cpus=2`"),
        "{said:?}"
    );
    let said = says(
        with(
            "root=/dev/vda ro quiet nr_cpus=1",
            "KDUMP_CMDLINE_APPEND=\"nr_cpus=1\"\n",
        ),
        command_line,
    );
    assert!(
        said[0].starts_with("Fine") && said[1].starts_with("Note"),
        "{said:?}"
    );
    assert!(says(with(&usual, "KDUMP_CMDLINE=$(cat /x)"), command_line)[0].starts_with("Unknown"));
}
