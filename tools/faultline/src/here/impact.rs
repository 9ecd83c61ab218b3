// SPDX-License-Identifier: GPL-2.0

//! The impact of a drill: logged-in users, writable mounts, running services.

use std::fs;
use std::path::Path;

/// The users, mounts and services that a crash of the machine hits.
#[derive(Debug, Default, PartialEq)]
pub struct Impact {
    pub users: Vec<String>,
    pub mounts: Vec<String>,
    pub services: usize,
}

/// File systems that lose nothing in a crash.
const UNREAL: &[&str] = &[
    "autofs",
    "binfmt_misc",
    "bpf",
    "cgroup",
    "cgroup2",
    "configfs",
    "debugfs",
    "devpts",
    "devtmpfs",
    "efivarfs",
    "fuse.portal",
    "fusectl",
    "hugetlbfs",
    "mqueue",
    "nsfs",
    "proc",
    "pstore",
    "ramfs",
    "rpc_pipefs",
    "securityfs",
    "selinuxfs",
    "squashfs",
    "sysfs",
    "tmpfs",
    "tracefs",
];

impl Impact {
    /// Reads it from the machine whose root is `root`.
    pub fn see(root: &Path) -> Self {
        Impact {
            users: users(&root.join("run/systemd/sessions"), &root.join("run/utmp")),
            mounts: mounts(&fs::read_to_string(root.join("proc/self/mounts")).unwrap_or_default()),
            services: services(&root.join("sys/fs/cgroup/system.slice")),
        }
    }
}

/// Returns the users with a session, from logind or else from utmp.
fn users(sessions: &Path, utmp: &Path) -> Vec<String> {
    let mut users: Vec<_> = fs::read_dir(sessions)
        .into_iter()
        .flatten()
        .flatten()
        .filter(|entry| !entry.file_name().to_string_lossy().ends_with(".ref"))
        .filter_map(|entry| session(&fs::read_to_string(entry.path()).ok()?))
        .collect();
    if users.is_empty() {
        users = logins(&fs::read(utmp).unwrap_or_default());
    }
    users.sort();
    users
}

/// Returns the user and place of a session, from logind's file.
fn session(text: &str) -> Option<String> {
    let value = |name: &str| {
        let mut lines = text.lines();
        lines.find_map(|line| line.strip_prefix(name)?.strip_prefix('='))
    };
    let class = value("CLASS")?;
    if !class.starts_with("user") || value("STATE") == Some("closing") {
        return None;
    }
    let place = value("REMOTE_HOST").map(|host| format!(" from {host}"));
    let place = place.or(value("TTY").map(|tty| format!(" on {tty}")));
    Some(format!("{}{}", value("USER")?, place.unwrap_or_default()))
}

/// Returns the users in utmp: records of 384 bytes, of which type 7 is a login.
fn logins(utmp: &[u8]) -> Vec<String> {
    let text = |bytes: &[u8]| {
        let end = bytes
            .iter()
            .position(|byte| *byte == 0)
            .unwrap_or(bytes.len());
        String::from_utf8_lossy(&bytes[..end]).into_owned()
    };
    let records = utmp.chunks_exact(384);
    let logins = records.filter(|record| record[0] == 7 && record[1] == 0);
    logins
        .map(|record| format!("{} on {}", text(&record[44..76]), text(&record[8..40])))
        .collect()
}

/// Returns where writable file systems are mounted.
fn mounts(table: &str) -> Vec<String> {
    let mut mounts: Vec<String> = Vec::new();
    for line in table.lines() {
        let words: Vec<_> = line.split(' ').collect();
        let [_, place, kind, options, ..] = words.as_slice() else {
            continue;
        };
        let is_writable = options.split(',').any(|option| option == "rw");
        if is_writable && !UNREAL.contains(kind) && !mounts.iter().any(|seen| seen == place) {
            mounts.push((*place).into());
        }
    }
    mounts
}

/// Returns the number of running services, by systemd's control groups.
fn services(slice: &Path) -> usize {
    let entries = fs::read_dir(slice).into_iter().flatten().flatten();
    let names = entries.map(|entry| entry.file_name().to_string_lossy().into_owned());
    names.filter(|name| name.ends_with(".service")).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_logged_in() {
        let dir = tempfile::tempdir().unwrap();
        let (sessions, utmp) = (dir.path().join("sessions"), dir.path().join("utmp"));
        fs::create_dir(&sessions).unwrap();
        let mut record = vec![0; 384];
        record[0] = 7;
        record[8..12].copy_from_slice(b"tty1");
        record[44..47].copy_from_slice(b"bob");
        let mut boot = vec![0; 384];
        boot[0] = 2;
        fs::write(&utmp, [boot, record].concat()).unwrap();
        assert_eq!(users(&sessions, &utmp), ["bob on tty1"]);
        let write = |name: &str, text: &str| fs::write(sessions.join(name), text).unwrap();
        write(
            "1",
            "UID=0\nUSER=root\nCLASS=user\nSTATE=active\nREMOTE_HOST=192.0.2.1\n",
        );
        write("2", "USER=ann\nCLASS=user\nSTATE=online\nTTY=tty2\n");
        write("3", "USER=gdm\nCLASS=greeter\nSTATE=online\n");
        write("4", "USER=old\nCLASS=user\nSTATE=closing\n");
        assert_eq!(
            users(&sessions, &utmp),
            ["ann on tty2", "root from 192.0.2.1"]
        );
    }

    #[test]
    fn what_is_written_to() {
        let table = "proc /proc proc rw 0 0\n/dev/vda1 / ext4 rw,relatime 0 0\n\
                     /dev/vda2 /boot ext4 ro 0 0\nhost:/x /srv nfs4 rw,vers=4 0 0\n\
                     tmpfs /run tmpfs rw 0 0\n";
        assert_eq!(mounts(table), ["/", "/srv"]);
    }
}
