// SPDX-License-Identifier: GPL-2.0

//! Tests of the checks of memory for the crash kernel.

use super::*;
use crate::doctor::checks::testing::says;
use crate::fault::class::Classes;
use crate::system::testing::Machine;

fn machine(size: &str, line: &str) -> Machine {
    Machine::new()
        .file(SIZE, size)
        .file(CMDLINE, line)
        .sysctl("kernel.osrelease", "6.1")
        .file("/proc/iomem", "00000000-7fffffff : System RAM\n  01000000-037fffff : Kernel code\n  03800000-03ffffff : Kernel bss\n")
}

#[test]
fn why_nothing_is_reserved() {
    for (line, part) in [
        ("ro quiet", "has no crashkernel="),
        ("crashkernel=auto", "refuses `crashkernel=auto`"),
        ("crashkernel=4G-:512M", "for a machine of this size"),
        ("crashkernel=256M", "no contiguous 256 MiB"),
    ] {
        let said = says(machine("0", line), reserved);
        assert!(
            said[0].starts_with("Wrong") && said[0].contains(part),
            "{line}: {said:?}"
        );
    }
    assert_eq!(
        says(machine("201326592", "crashkernel=192M"), reserved),
        ["Fine: 192 MiB reserved"]
    );
    assert!(says(machine("x", ""), reserved)[0].starts_with("Unknown"));
}

#[test]
fn what_the_next_boot_has() {
    let grub = |line: &str| {
        format!("set default=\"0\"\nmenuentry 'Debian' $x 'y' {{\n\tlinux /vmlinuz {line}\n}}\n")
    };
    let with = |line: &str, settings: &str| {
        machine("201326592", "ro crashkernel=192M")
            .file("/boot/grub/grub.cfg", &grub(line))
            .file(
                "/etc/default/grub",
                &format!("GRUB_CMDLINE_LINUX=\"{settings}\"\n"),
            )
    };
    let said = says(with("ro crashkernel=192M", "crashkernel=192M"), next_boot);
    assert_eq!(said, ["Fine: the next boot has crashkernel=192M as well"]);
    let said = says(with("ro", ""), next_boot);
    assert_eq!(
        said,
        ["Later: the next boot reserves nothing: its entry has no crashkernel="]
    );
    let said = says(with("ro crashkernel=192M", ""), next_boot);
    assert!(
        said[1].starts_with("Later: crashkernel=192M is lost when"),
        "{said:?}"
    );
    let said = says(with("ro crashkernel=64M", "crashkernel=64M"), next_boot);
    assert_eq!(
        said,
        ["Note: the next boot has crashkernel=64M, this one crashkernel=192M"]
    );
    let said = says(with("ro", "crashkernel=192M"), next_boot);
    assert_eq!(said.len(), 2);
}

#[test]
fn what_is_set_and_not_yet_booted() {
    let grub = "menuentry 'Debian' {\n\tlinux /vmlinuz ro crashkernel=192M\n}\n";
    let machine = machine("0", "ro").file("/boot/grub/grub.cfg", grub);
    let system = machine.system();
    let found = reserved(&Facts::of(&system, Classes::ALL));
    assert_eq!(found[0].mend, ["reboot"]);
    assert_eq!(found[0].evidence[2].place, "/boot/grub/grub.cfg:2");
}

#[test]
fn whether_it_is_enough() {
    let sized = |reserved: u64| {
        machine(&reserved.to_string(), "crashkernel=x")
            .file("/etc/kdump.conf", "path /var/crash\n")
            .file("/boot/initramfs-6.1kdump.img", &"x".repeat(3 << 20))
            .file("/proc/modules", "ext4 1048576 1 - Live 0x0\n")
    };
    // 48 of the kernel, 9 of the initrd, 1 of modules, 16 besides.
    assert!(says(sized(74 * MIB), size)[0].starts_with("Fine: 74 MiB are enough: 74 MiB"));
    assert!(says(sized(73 * MIB), size)[0].starts_with("Wrong: 73 MiB are not enough"));
    let gone = sized(74 * MIB).without("/boot/initramfs-6.1kdump.img");
    assert!(says(gone, size)[0].starts_with("Unknown"));
}

#[test]
fn what_it_takes_to_unlock_a_disk() {
    let locked = |crypttab: &str, more: u64| {
        let machine = machine(&((74 + more) * MIB).to_string(), "crashkernel=x")
            .file("/etc/kdump.conf", "path /var/crash\n")
            .file("/boot/initramfs-6.1kdump.img", &"x".repeat(3 << 20))
            .file("/proc/modules", "ext4 1048576 1 - Live 0x0\n")
            .file("/etc/crypttab", crypttab);
        says(machine, size)
    };
    let asked = locked("data UUID=1 none luks\n", 0);
    assert!(asked[0].starts_with("Unknown: cannot tell whether 74 MiB are enough"));
    assert!(locked("data UUID=1 none luks\n", 1024)[0].starts_with("Fine"));
    let key = locked("data UUID=1 /etc/keys/data luks\n", 0);
    assert!(key[0].starts_with("Fine") && key[1].starts_with("Note"));
    for needs_none in [
        "swap /dev/x /dev/urandom swap\n",
        "data UUID=1 none link-volume-key=@u::x\n",
    ] {
        let said = locked(needs_none, 0);
        assert!(said.len() == 1 && said[0].starts_with("Fine"), "{said:?}");
    }
}

#[test]
fn dumps_by_the_firmware() {
    let with = |line: &str| says(machine("0", line), reserved)[0].clone();
    assert!(with("crashkernel=1G fadump=on").starts_with("Unknown: the firmware makes the dumps"));
    assert!(with("fadump=on fadump=off").starts_with("Wrong"));
}
