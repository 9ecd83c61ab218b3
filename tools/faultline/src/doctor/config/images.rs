// SPDX-License-Identifier: GPL-2.0

//! Where the crash kernel's kernel and its initrd are: the files that the next load takes.

use super::saver::Saver;
use crate::system::{FileType, Seen, Stat, System};

/// The links that kdump-config makes anew, for the kernel that runs, each time it loads: what they
/// lead to now says nothing of the crash kernel that is loaded, nor of the next one.
pub const LINKS: [&str; 2] = ["/var/lib/kdump/vmlinuz", "/var/lib/kdump/initrd.img"];

/// The first of the initrd's places that has one, or could not be seen.
pub fn initrd(system: &System, saver: &Saver, release: &str) -> (String, Seen<Stat>) {
    let paths = saver.initrds(release);
    let mut found = (paths.first().cloned().unwrap_or_default(), Seen::Absent);
    for path in paths {
        match system.stat(&path) {
            Seen::Is(stat) if stat.file_type == FileType::Dangling => found = (path, Seen::Absent),
            Seen::Absent => {}
            seen => return (path, seen),
        }
    }
    found
}

/// The initrd that the next load takes, which is the one that is loaded if nothing changed since:
/// where kdump-config makes the link anew, what that will lead to.
pub fn of_next_load(system: &System, saver: &Saver, release: &str) -> (String, Seen<Stat>) {
    let found = initrd(system, saver, release);
    let is_made = matches!(saver, Saver::KdumpTools(_)) && LINKS.contains(&found.0.as_str());
    if !is_made || !matches!(found.1, Seen::Absent) {
        return found;
    }
    let path = format!("/var/lib/kdump/initrd.img-{release}");
    let stat = system.stat(&path);
    (path, stat)
}
