// SPDX-License-Identifier: GPL-2.0

//! The files of the crash kernel and its initrd that the next load takes.

use super::saver::Saver;
use crate::system::{FileType, Seen, Stat, System};

/// The links that kdump-config sets to the running kernel at each load: their current targets say
/// nothing about the loaded crash kernel, nor about the next one.
pub const LINKS: [&str; 2] = ["/var/lib/kdump/vmlinuz", "/var/lib/kdump/initrd.img"];

/// Returns the first of the initrd's paths that exists or could not be read.
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

/// Returns the initrd of the next load, which is the loaded one if nothing has changed: for a link
/// that kdump-config sets again, its next target.
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
