// SPDX-License-Identifier: GPL-2.0

//! Tests of the checks of where dumps go.

use super::*;
use crate::doctor::checks::testing::{found, says};
use crate::system::testing::Machine;

fn machine(settings: &str, mounts: &str) -> Machine {
    Machine::new()
        .file("/usr/sbin/kdump-config", "")
        .file("/usr/bin/makedumpfile", "")
        .file("/etc/default/kdump-tools", settings)
        .file("/etc/fstab", "/dev/vda / ext4 rw 0 1\n/dev/vdb /srv/dumps ext4 nofail 0 2\n/dev/vdc /mnt ext4 noauto 0 2\n")
        .file("/proc/self/mounts", &format!("/dev/vda / ext4 rw 0 0\n{mounts}"))
        .dir("/var/crash")
}

#[test]
fn mounted_or_not() {
    assert!(says(machine("", ""), target)[0]
        .starts_with("Fine: dumps go to /var/crash, on the file system at /"));
    let there = machine(
        "KDUMP_COREDIR=/srv/dumps/x\n",
        "/dev/vdb /srv/dumps ext4 rw 0 0\n",
    );
    assert!(says(there, target)[0].ends_with("at /srv/dumps"));
    let missing = found(machine("KDUMP_COREDIR=/srv/dumps/x\n", ""), target);
    assert!(missing[0]
        .says
        .starts_with("/srv/dumps is in fstab but not mounted"));
    assert_eq!(missing[0].evidence[0].place, "/etc/fstab:2");
    assert_eq!(missing[0].evidence[1].place, "/etc/default/kdump-tools:1");
    for (mount, part) in [
        ("t /var/crash tmpfs rw 0 0\n", "in memory"),
        ("/dev/x /var/crash ext4 ro,nosuid 0 0\n", "read-only"),
    ] {
        assert!(says(machine("", mount), target)[0].contains(part));
    }
    assert!(says(machine("KDUMP_COREDIR=/mnt/x\n", ""), target)[0].starts_with("Fine"));
    assert!(says(machine("KDUMP_COREDIR=crash\n", ""), target)[0].contains("not a valid target"));
    assert!(says(machine("", "").file("/var/log", ""), target)[0].starts_with("Fine"));
    assert!(says(machine("KDUMP_COREDIR=/etc/fstab\n", ""), target)[0].contains("not a directory"));
}

fn with_room(free_kib: u64) -> Machine {
    machine("", "")
        .file("/proc/iomem", "00000000-7fffffff : System RAM\n")
        .file("/proc/meminfo", "MemTotal: 2000000 kB\nMemFree: 1048576 kB\nCached: 524288 kB\nBuffers: 0 kB\nAnonPages: 102400 kB\n")
        .file("/sos_commands/filesys/df_-al", &format!("Filesystem 1K-blocks Used Available Use% Mounted on\n/dev/vda 4000000 1 {free_kib} 1% /\n"))
}

#[test]
fn room_for_it() {
    // 412 MiB that cannot be left out, a quarter of it at best.
    assert!(says(with_room(500 << 10), room)[0].starts_with("Fine"));
    assert!(says(with_room(300 << 10), room)[0].starts_with("Unknown"));
    let full = found(with_room(50 << 10), room);
    assert_eq!(
        (full[0].stage, full[0].says.as_str()),
        (
            Some(Stage::DumpIncomplete),
            "50 MiB are free on /: not enough for a dump"
        )
    );
    assert!(full[0].evidence[2]
        .text
        .starts_with("103 to 412 MiB expected: 2048 MiB of memory, less 1024 MiB free"));
    // Without makedumpfile all of the memory is copied.
    assert!(
        says(with_room(500 << 10).without("/usr/bin/makedumpfile"), room)[0].starts_with("Wrong")
    );
}

#[test]
fn who_reads_dumps() {
    use std::os::unix::fs::PermissionsExt;
    let with = |mode| {
        let machine = machine("", "").file("/var/crash/202611280800/dump.202611280800", "x");
        let path = machine.place("/var/crash/202611280800/dump.202611280800");
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
        machine
    };
    let open = found(with(0o644), rights);
    assert_eq!(open[0].evidence[0].text, "mode 0644");
    assert!(found(with(0o600), rights).is_empty());
    let unfinished = machine("", "").file("/var/crash/1/dump-incomplete", "x");
    assert!(says(unfinished, rights)[0].contains("unfinished"));
}
