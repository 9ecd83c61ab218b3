// SPDX-License-Identifier: GPL-2.0

//! What a view of a machine must tell apart, and what must not lead it astray.

use super::testing::Machine;
use super::*;

#[test]
fn a_link_stays_in_the_root() {
    let machine = Machine::new()
        .file("/etc/sysctl.conf", "kernel.panic = 1\n")
        .link("/etc/sysctl.d/99-sysctl.conf", "../sysctl.conf")
        .link("/etc/absolute", "/etc/sysctl.conf")
        .link("/etc/out", "/../../../../../../../../../etc/passwd")
        .link("/etc/above", "../../../../../../etc/sysctl.conf")
        .link("/etc/loop", "loop")
        .link("/etc/dangling", "/nowhere")
        .link("/usr/etc", "/etc");
    let system = machine.system();
    for path in [
        "/etc/sysctl.d/99-sysctl.conf",
        "/etc/absolute",
        "/etc/above",
        "/usr/etc/sysctl.conf",
        "/etc/../../etc/./sysctl.conf",
    ] {
        assert_eq!(
            system.text(path),
            Seen::Is("kernel.panic = 1\n".into()),
            "{path}"
        );
    }
    // Outside of the tree there is one.
    assert_eq!(system.text("/etc/out"), Seen::Absent);
    assert_eq!(
        system.text("/etc/loop"),
        Seen::Unseen("too many links".into())
    );
    let stat = system.stat("/etc/dangling").is().unwrap();
    assert_eq!(
        (stat.file_type, stat.link.as_deref()),
        (FileType::Dangling, Some("/nowhere"))
    );
    let stat = system.stat("/etc/absolute").is().unwrap();
    assert_eq!((stat.file_type, stat.size), (FileType::File, 17));
}

#[test]
fn only_regular_files_of_some_size_are_read() {
    let machine = Machine::new().dir("/etc/dir");
    let fifo = machine.place("/etc/fifo");
    rustix::fs::mkfifoat(
        rustix::fs::CWD,
        &fifo,
        rustix::fs::Mode::from_raw_mode(0o600),
    )
    .unwrap();
    let huge = std::fs::File::create(machine.place("/etc/huge")).unwrap();
    huge.set_len(1 << 40).unwrap();
    std::fs::write(machine.place("/etc/latin1"), b"caf\xe9").unwrap();
    let system = machine.system();
    assert_eq!(
        system.text("/etc/fifo"),
        Seen::Unseen("not a regular file".into())
    );
    assert_eq!(
        system.text("/etc/huge"),
        Seen::Unseen("larger than 16 MiB".into())
    );
    assert_eq!(
        system.text("/etc/dir"),
        Seen::Unseen("a directory, not a file".into())
    );
    assert_eq!(system.text("/etc/latin1"), Seen::Is("caf\u{fffd}".into()));
    assert_eq!(system.text("/etc/latin1/x"), Seen::Absent);
    assert!(system.text("/etc/shadow").is_unseen());
    assert_eq!(
        system.list("/etc").is().unwrap(),
        ["dir", "fifo", "huge", "latin1"]
    );
    assert_eq!(system.list("/etc/fifo"), Seen::Absent);
    assert!(System::at(&fifo).is_err());
}

#[test]
fn what_is_not_in_a_tree() {
    let system = Machine::new()
        .file("/etc/os-release", "ID=debian\n")
        .sysctl("kernel.panic", "0")
        .system();
    assert_eq!(system.text("/etc/kdump.conf"), Seen::Absent);
    assert_eq!(system.list("/etc/sysctl.d"), Seen::Absent);
    assert!(system.list("/usr/lib/sysctl.d").is_unseen());
    assert_eq!(system.sysctl("kernel.panic"), Seen::Is("0".into()));
    assert_eq!(system.sysctl("kernel.softlookup_panic"), Seen::Absent);
    assert!(system.sysctl("vm.panic_on_oom").is_unseen());
    assert!(system.text("/proc/cmdline").is_unseen());
    assert!(system.log().is_unseen());
    assert!(system.record().unseen().contains_key("/proc/cmdline"));
    let other = Machine::new().dir("/photos/2011");
    assert!(System::at(&other.place("/photos")).is_err());
}

#[test]
fn a_sosreport() {
    let df = "Filesystem 1K-blocks Used Available Use% Mounted on\n\
              /dev/vda1 1000 400 500 44% /\n/dev/vdb 100 90 10 90% /var/crash\n";
    let system = Machine::new()
        .file("/version.txt", "sosreport: 4.8\n")
        .file("/etc/fstab", "")
        .file("/uname", "Linux host 6.1.0-1 #1 SMP x86_64\n")
        .file("/sos_commands/kernel/sysctl_-a", "kernel.panic = 5\n")
        .file("/sos_commands/filesys/df_-al_-x_autofs", df)
        .dir("/var/crash")
        .log("[    0.000000] Linux version 6.1.0-1\n")
        .system();
    assert_eq!(system.sysctl("kernel.panic"), Seen::Is("5".into()));
    assert_eq!(system.sysctl("kernel.softlookup_panic"), Seen::Absent);
    assert!(system.text("/etc/kdump.conf").is_unseen());
    assert_eq!(system.release(), Seen::Is("6.1.0-1".into()));
    assert!(system.log().is().unwrap().contains("Linux version"));
    let room = system.room("/var/crash").is().unwrap();
    assert_eq!((room.mount.as_str(), room.free), ("/var/crash", 10240));
    assert_eq!(system.room("/etc").is().unwrap().mount, "/");
}

#[test]
fn the_machine_that_this_runs_on() {
    let system = System::here().unwrap();
    assert!(system.is_here());
    let release = rustix::system::uname()
        .release()
        .to_string_lossy()
        .into_owned();
    assert_eq!(system.release(), Seen::Is(release));
    assert_eq!(
        system.text("/proc/sys/kernel/softlookup_panic"),
        Seen::Absent
    );
    let room = system.room("/").is().unwrap();
    assert_eq!(room.mount, "/");
    assert!(room.total > 0);
    // It waits for nobody.
    assert!(system.text("/dev/null").is_unseen());
    assert_eq!(
        system.text("/proc/sys/kernel/../../uptime").map(|_| ()),
        Seen::Is(())
    );
}

#[test]
fn the_same_from_a_record() {
    let machine = Machine::new()
        .sysctl("kernel.panic", "7")
        .file("/etc/a", "")
        .log("x\n");
    let place = machine.place("/record.tar");
    let system = machine.system();
    let ask = |system: &System| {
        (
            system.sysctl("kernel.panic"),
            system.text("/etc/b"),
            system.list("/etc"),
            system.stat("/etc/a"),
            system.log(),
            system.release(),
        )
    };
    let told = ask(&system);
    system.record().write(&place).unwrap();
    let again = System::at(&place).unwrap();
    assert_eq!(ask(&again), told);
    assert_eq!(
        again.text("/etc/never"),
        Seen::Unseen("was not collected".into())
    );
}

#[test]
fn names_of_sysctls() {
    for (name, path) in [
        ("kernel.panic", "/proc/sys/kernel/panic"),
        ("kernel/panic", "/proc/sys/kernel/panic"),
        ("net.ipv4.conf.eth0/1.x", "/proc/sys/net/ipv4/conf/eth0.1/x"),
        ("net/ipv4/conf/eth0.1/x", "/proc/sys/net/ipv4/conf/eth0.1/x"),
    ] {
        assert_eq!(sysctl_path(name), path);
    }
}

#[test]
fn files_without_end() {
    let system = Machine::new()
        .file("/etc/a", "12345")
        .file("/etc/b", "x")
        .file("/etc/c", "x")
        .system();
    system.kept.set(MOST - 5);
    assert_eq!(system.text("/etc/a"), Seen::Is("12345".into()));
    assert_eq!(system.text("/etc/b"), Seen::Is("x".into()));
    // What was read stays known; more is not read, and that is no absence.
    assert!(system.text("/etc/c").is_unseen() && !system.text("/etc/b").is_unseen());
    assert!(system.record().unseen().contains_key("/etc/c"));
}

#[test]
fn a_directory_without_end() {
    let machine = Machine::new();
    let dir = machine.place("/etc/many/x");
    for at in 0..=1 << 16 {
        std::fs::File::create(dir.with_file_name(at.to_string())).unwrap();
    }
    let system = machine.system();
    assert_eq!(
        system.list("/etc/many"),
        Seen::Unseen("more than 65536 names".into())
    );
}
