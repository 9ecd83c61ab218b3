// SPDX-License-Identifier: GPL-2.0

//! What /proc tells of a task whose signals are watched.

use crate::files::text::read;
use std::fs;
use std::path::{Path, PathBuf};

/// What a task makes of a signal that was sent to it, at the moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pending {
    /// It waits, since the task blocks it.
    Blocked,
    /// It waits, though the task does not block it; the task's state.
    Waiting(char),
    /// It does not wait.
    No,
    /// There is no such task, or it has ended.
    Gone,
}

/// Where tasks are looked up.
pub trait Tasks {
    /// The process of a thread.
    fn process_of(&self, pid: i32) -> Option<i32>;
    /// Whether a process has a thread that has not ended.
    fn lives(&self, process: i32) -> bool;
    /// Whether a signal waits, for the thread alone or for its process.
    fn pending(&self, pid: i32, signal: i32, to_process: bool) -> Pending;
}

/// `/proc`.
pub struct Proc(PathBuf);

impl Default for Proc {
    fn default() -> Self {
        Proc("/proc".into())
    }
}

impl Proc {
    fn status(&self, pid: i32) -> Option<String> {
        read(&self.0.join(pid.to_string()).join("status")).ok()
    }
}

fn field<'a>(status: &'a str, key: &str) -> Option<&'a str> {
    let mut values = status
        .lines()
        .filter_map(|line| line.strip_prefix(key)?.strip_prefix(':'));
    values.next().map(str::trim)
}

/// Whether a set of signals has one.
fn has(status: &str, key: &str, signal: i32) -> bool {
    let set = field(status, key).and_then(|set| u64::from_str_radix(set, 16).ok());
    let bit = u32::try_from(signal - 1)
        .ok()
        .and_then(|bit| 1u64.checked_shl(bit));
    set.zip(bit).is_some_and(|(set, bit)| set & bit != 0)
}

fn state(status: &str) -> char {
    field(status, "State")
        .and_then(|state| state.chars().next())
        .unwrap_or('?')
}

impl Tasks for Proc {
    fn process_of(&self, pid: i32) -> Option<i32> {
        field(&self.status(pid)?, "Tgid")?.parse().ok()
    }

    fn lives(&self, process: i32) -> bool {
        let threads = self.0.join(process.to_string()).join("task");
        let threads = fs::read_dir(threads).into_iter().flatten().flatten();
        let ended = |folder: &Path| {
            read(&folder.join("status")).map_or(true, |status| matches!(state(&status), 'Z' | 'X'))
        };
        threads.into_iter().any(|thread| !ended(&thread.path()))
    }

    fn pending(&self, pid: i32, signal: i32, to_process: bool) -> Pending {
        let Some(status) = self.status(pid) else {
            return Pending::Gone;
        };
        let set = if to_process { "ShdPnd" } else { "SigPnd" };
        match state(&status) {
            'Z' | 'X' if !to_process || !self.lives(pid) => Pending::Gone,
            _ if !has(&status, set, signal) => Pending::No,
            _ if has(&status, "SigBlk", signal) => Pending::Blocked,
            state => Pending::Waiting(state),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(root: &Path, pid: &str, text: &str) {
        fs::create_dir_all(root.join(pid)).unwrap();
        fs::write(root.join(pid).join("status"), text).unwrap();
    }

    #[test]
    fn what_waits() {
        let root = tempfile::tempdir().unwrap();
        let proc = Proc(root.path().into());
        put(
            root.path(),
            "900",
            "Name:\ta\nState:\tD (disk sleep)\nTgid:\t900\nSigPnd:\t0000000000000001\n\
             ShdPnd:\t0000000000004200\nSigBlk:\t0000000000000200\n",
        );
        assert_eq!(proc.pending(900, 10, true), Pending::Blocked);
        assert_eq!(proc.pending(900, 15, true), Pending::Waiting('D'));
        assert_eq!(proc.pending(900, 15, false), Pending::No);
        assert_eq!(proc.pending(900, 1, false), Pending::Waiting('D'));
        assert_eq!(proc.pending(900, 64, true), Pending::No);
        assert_eq!(proc.pending(900, 0, true), Pending::No);
        assert_eq!(proc.pending(901, 15, true), Pending::Gone);
        assert_eq!(proc.process_of(900), Some(900));
        assert_eq!(proc.process_of(901), None);
        // The first thread may end before others.
        put(root.path(), "7", "State:\tZ (zombie)\nShdPnd:\t4000\n");
        put(root.path(), "7/task/7", "State:\tZ (zombie)\n");
        assert_eq!(proc.pending(7, 15, true), Pending::Gone);
        assert!(!proc.lives(7) && !proc.lives(8));
        put(root.path(), "7/task/8", "State:\tS (sleeping)\n");
        assert_eq!(proc.pending(7, 15, true), Pending::Waiting('Z'));
        assert!(proc.lives(7));
    }
}
