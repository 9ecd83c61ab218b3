// SPDX-License-Identifier: GPL-2.0

//! Finds the files that kdump saved for a run, under the names of each distribution:
//!
//! ```text
//! kdump-tools   202611281200/dump.202611281200       202611281200/dmesg.202611281200
//! kdump-utils   127.0.0.1-2026-11-28-12:00:00/vmcore             .../vmcore-dmesg.txt
//! SUSE's kdump  2026-11-28-12:00/vmcore                          .../dmesg.txt
//! ```
//!
//! The run id in the kernel's log identifies the dump, never the time: other runs, and other
//! machines that dump to the same directory, may have left dumps as well.

use crate::klog::line::Line;
use crate::klog::message;
use rustix::fs::{openat, Mode, OFlags, CWD};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// Depth of the search: dumps lie at `HOST/TIME/vmcore` at the deepest.
const DEPTH: usize = 3;
/// Limit on the number of files.
const MOST: usize = 100_000;
/// Limit on the size of a saved log.
const LONGEST_LOG: u64 = 256 << 20;

/// A file, with what tells whether it has changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Known {
    pub path: PathBuf,
    pub bytes: u64,
    /// The time of its last change, in nanoseconds since 1970.
    pub modified_ns: i128,
}

/// The role of a file, by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileRole {
    Dump,
    /// An unfinished dump.
    Incomplete,
    /// The log of the kernel that crashed.
    Log,
    /// The log of the crash kernel, or of the program that saves the dump.
    Saver,
}

impl FileRole {
    pub fn of(name: &str) -> Option<Self> {
        let is_core = name.starts_with("vmcore") || name.starts_with("dump");
        if name.contains("dmesg") {
            return match name {
                "kexec-dmesg.log" => Some(Self::Saver),
                _ if ["dmesg", "vmcore-dmesg"]
                    .iter()
                    .any(|log| name.starts_with(log)) =>
                {
                    Some(Self::Log)
                }
                _ => None,
            };
        }
        match name {
            "kdump.log" | "README.txt" => Some(Self::Saver),
            _ if is_core && name.contains("incomplete") => Some(Self::Incomplete),
            _ if [".log", ".txt", ".status"]
                .iter()
                .any(|end| name.ends_with(end)) =>
            {
                None
            }
            "dump" => Some(Self::Dump),
            _ if name.starts_with("dump.") || name.starts_with("vmcore") => Some(Self::Dump),
            _ => None,
        }
    }
}

/// A directory with new files.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Place {
    pub directory: PathBuf,
    /// One file, or all parts of a split dump.
    pub dumps: Vec<PathBuf>,
    pub incomplete: Option<PathBuf>,
    pub log: Option<PathBuf>,
    pub savers: Vec<PathBuf>,
}

/// Lists the files in the directories that may belong to a dump.
pub fn look(directories: &[PathBuf]) -> Vec<Known> {
    let mut known = Vec::new();
    for directory in directories {
        walk(directory, DEPTH, &mut known);
    }
    known.sort_by(|one, other| one.path.cmp(&other.path));
    known.dedup_by(|one, other| one.path == other.path);
    known
}

fn walk(directory: &Path, depth: usize, known: &mut Vec<Known>) {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    for entry in entries {
        if known.len() >= MOST {
            return;
        }
        // The entry's own metadata: no link is followed.
        let Ok(metadata) = entry.metadata() else {
            continue;
        };
        if metadata.is_dir() && depth > 1 {
            walk(&entry.path(), depth - 1, known);
        }
        let name = entry.file_name();
        if metadata.is_file() && name.to_str().and_then(FileRole::of).is_some() {
            let seconds = i128::from(metadata.mtime()) * 1_000_000_000;
            known.push(Known {
                path: entry.path(),
                bytes: metadata.len(),
                modified_ns: seconds + i128::from(metadata.mtime_nsec()),
            });
        }
    }
}

/// Returns the files that are new or changed, by directory.
pub fn new_since(before: &[Known], now: &[Known]) -> Vec<Place> {
    let mut places: BTreeMap<PathBuf, Place> = BTreeMap::new();
    for known in now.iter().filter(|known| !before.contains(known)) {
        let (Some(directory), Some(name)) = (known.path.parent(), known.path.file_name()) else {
            continue;
        };
        let place = places.entry(directory.into()).or_insert_with(|| Place {
            directory: directory.into(),
            ..Place::default()
        });
        let path = known.path.clone();
        match name.to_str().and_then(FileRole::of) {
            Some(FileRole::Dump) => place.dumps.push(path),
            Some(FileRole::Incomplete) => place.incomplete = Some(path),
            Some(FileRole::Log) => place.log = Some(path),
            Some(FileRole::Saver) => place.savers.push(path),
            None => {}
        }
    }
    places.into_values().collect()
}

/// Returns the run ids in a kernel's log, in their order.
pub fn runs(log: &str) -> Vec<&str> {
    let mut runs = Vec::new();
    for run in log
        .lines()
        .filter_map(|line| message::run(Line::parse(line)))
    {
        if !runs.contains(&run) {
            runs.push(run);
        }
    }
    runs
}

/// Reads a log that was saved beside a dump. No link is followed.
pub fn read_text(path: &Path) -> Option<String> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file = File::from(openat(CWD, path, flags, Mode::empty()).ok()?);
    if !file.metadata().ok()?.is_file() {
        return None;
    }
    let mut bytes = Vec::new();
    file.take(LONGEST_LOG).read_to_end(&mut bytes).ok()?;
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(root: &Path, path: &str, text: &str) {
        let path = root.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// Returns the names of the files of a place, relative to the root.
    fn names(root: &Path, places: &[Place]) -> Vec<String> {
        let mut names = Vec::new();
        for place in places {
            let all = place.dumps.iter().map(|path| ("dump", path));
            let all = all.chain(place.incomplete.iter().map(|path| ("incomplete", path)));
            let all = all.chain(place.log.iter().map(|path| ("log", path)));
            for (kind, path) in all.chain(place.savers.iter().map(|path| ("saver", path))) {
                let path = path.strip_prefix(root).unwrap().display();
                names.push(format!("{kind} {path}"));
            }
        }
        names
    }

    #[test]
    fn trees_of_three_families() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path();
        let directories = [root.to_path_buf(), root.join("202611281200")];
        put(root, "202611271200/dump.202611271200", "old");
        put(root, "202611271200/dmesg.202611271200", "old");
        put(root, "kexec_cmd", "x");
        let before = look(&directories);
        assert_eq!(before.len(), 2);
        assert!(new_since(&before, &look(&directories)).is_empty());
        put(root, "202611281200/dump.202611281200", "new");
        put(root, "202611281200/dmesg.202611281200", "new");
        put(root, "127.0.0.1-2026-11-28-12:00:00/vmcore", "new");
        put(
            root,
            "127.0.0.1-2026-11-28-12:00:00/vmcore-dmesg.txt",
            "new",
        );
        put(root, "127.0.0.1-2026-11-28-12:00:00/kexec-dmesg.log", "new");
        put(root, "2026-11-28-12:00/vmcore1", "new");
        put(root, "2026-11-28-12:00/vmcore2", "new");
        put(root, "2026-11-28-12:00/dmesg.txt", "new");
        put(root, "2026-11-28-12:00/README.txt", "new");
        put(root, "2026-11-28-12:00/System.map-6.12", "new");
        put(root, "host/2026-11-28/vmcore.flat", "new");
        put(root, "x/vmcore-incomplete", "new");
        put(root, "y/dump-incomplete", "new");
        put(root, "y/vmcore-dmesg-incomplete.txt", "new");
        // A dump of the same minute overwrites the older one.
        put(root, "202611271200/dump.202611271200", "newer");
        std::os::unix::fs::symlink("/dev/zero", root.join("x/vmcore")).unwrap();
        let places = new_since(&before, &look(&directories));
        assert_eq!(
            names(root, &places),
            [
                "dump 127.0.0.1-2026-11-28-12:00:00/vmcore",
                "log 127.0.0.1-2026-11-28-12:00:00/vmcore-dmesg.txt",
                "saver 127.0.0.1-2026-11-28-12:00:00/kexec-dmesg.log",
                "dump 2026-11-28-12:00/vmcore1",
                "dump 2026-11-28-12:00/vmcore2",
                "log 2026-11-28-12:00/dmesg.txt",
                "saver 2026-11-28-12:00/README.txt",
                "dump 202611271200/dump.202611271200",
                "dump 202611281200/dump.202611281200",
                "log 202611281200/dmesg.202611281200",
                "dump host/2026-11-28/vmcore.flat",
                "incomplete x/vmcore-incomplete",
                "incomplete y/dump-incomplete",
                "log y/vmcore-dmesg-incomplete.txt",
            ]
        );
    }

    #[test]
    fn a_run_id_that_is_a_prefix_of_another() {
        let log = "[   1.0] [ T1] lockup: run abc: plan: mode=soft cpus=1 \n\
                   [   2.0] user: lockup: run abcd: plan: quoted by somebody\n\
                   [   3.0] lockup: run abcde: cpu 1: begin: mode=soft hold_secs=1\n";
        assert_eq!(runs(log), ["abc", "abcde"]);
    }
}
