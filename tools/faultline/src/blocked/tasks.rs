// SPDX-License-Identifier: GPL-2.0

//! The tasks that are in uninterruptible sleep, as /proc shows them.

use crate::files::text::read;
use crate::klog::line::Line;
use crate::klog::stack::{demangled, frame, Frame};
use anyhow::Context;
use std::fs;
use std::path::PathBuf;

/// As many frames of a stack are taken; the kernel gives 64.
const MOST_FRAMES: usize = 64;
/// As many tasks are shown, and the others counted.
pub const MOST_TASKS: usize = 1000;

/// A task, as it is at a moment.
#[derive(Debug, Clone, PartialEq)]
pub struct Task {
    pub pid: i32,
    pub process: i32,
    pub comm: String,
    pub state: char,
    /// The CPU on which it last ran.
    pub cpu: u32,
    /// How often it has slept. One that sleeps still, and has not slept more often, has not run.
    pub sleeps: Option<u64>,
}

/// Its kernel stack, innermost first; or why there is none.
pub type Stack = Result<Vec<Frame>, String>;

/// Tasks that are blocked.
#[derive(Debug, Default)]
pub struct Found {
    pub tasks: Vec<Task>,
    /// So many more.
    pub others: usize,
    /// So many tasks were looked at.
    pub looked_at: usize,
}

/// `/proc`.
pub struct Proc(PathBuf);

impl Default for Proc {
    fn default() -> Self {
        Proc("/proc".into())
    }
}

impl Proc {
    #[cfg(test)]
    pub fn at(root: &std::path::Path) -> Self {
        Proc(root.into())
    }

    /// Finds all tasks in state D.
    ///
    /// # Errors
    ///
    /// /proc cannot be read.
    pub fn blocked(&self) -> anyhow::Result<Found> {
        let mut found = Found::default();
        let processes = fs::read_dir(&self.0).with_context(|| self.0.display().to_string())?;
        for process in numbers(processes) {
            // One that has ended meanwhile has no tasks.
            let threads = fs::read_dir(self.0.join(format!("{process}/task")));
            for pid in threads.into_iter().flat_map(numbers) {
                let Some(task) = self.task(process, pid) else {
                    continue;
                };
                found.looked_at += 1;
                if task.state != 'D' {
                    continue;
                }
                match found.tasks.len() < MOST_TASKS {
                    true => found.tasks.push(task),
                    false => found.others += 1,
                }
            }
        }
        found.tasks.sort_by_key(|task| task.pid);
        Ok(found)
    }

    /// Any task, by its number.
    pub fn any(&self, pid: i32) -> Option<Task> {
        let status = read(&self.0.join(pid.to_string()).join("status")).ok()?;
        self.task(field(&status, "Tgid")?.parse().ok()?, pid)
    }

    fn folder(&self, process: i32, pid: i32) -> PathBuf {
        self.0.join(format!("{process}/task/{pid}"))
    }

    fn task(&self, process: i32, pid: i32) -> Option<Task> {
        let folder = self.folder(process, pid);
        let (comm, state, cpu) = stat(&read(&folder.join("stat")).ok()?)?;
        // What is asked of many is asked of the few that it is about.
        let sleeps = (state == 'D')
            .then(|| read(&folder.join("status")).ok())
            .flatten()
            .and_then(|status| {
                field(&status, "voluntary_ctxt_switches").and_then(|count| count.parse().ok())
            });
        Some(Task {
            pid,
            process,
            comm,
            state,
            cpu,
            sleeps,
        })
    }

    /// Whether a task is still as it was: in the same sleep, if it slept.
    pub fn is_still(&self, task: &Task) -> bool {
        self.task(task.process, task.pid).is_some_and(|now| {
            (now.state, now.sleeps) == (task.state, task.sleeps) && now.comm == task.comm
        })
    }

    pub fn stack(&self, task: &Task) -> Stack {
        let path = self.folder(task.process, task.pid).join("stack");
        let text = read(&path).map_err(|error| format!("{error:#}"))?;
        Ok(stack(&text))
    }

    /// The function in which it sleeps, as far as the kernel says.
    pub fn wchan(&self, task: &Task) -> Option<String> {
        let wchan = read(&self.folder(task.process, task.pid).join("wchan")).ok()?;
        let wchan = wchan.trim();
        (!wchan.is_empty() && wchan != "0").then(|| demangled(wchan))
    }

    /// The CPUs that are online.
    pub fn cpus(&self) -> Vec<u32> {
        let text = read(&self.0.join("stat")).unwrap_or_default();
        text.lines()
            .filter_map(|line| line.strip_prefix("cpu")?.split(' ').next()?.parse().ok())
            .collect()
    }
}

fn numbers(entries: fs::ReadDir) -> impl Iterator<Item = i32> {
    entries
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
}

fn field<'a>(status: &'a str, key: &str) -> Option<&'a str> {
    let mut values = status
        .lines()
        .filter_map(|line| line.strip_prefix(key)?.strip_prefix(':'));
    values.next().map(str::trim)
}

/// Name, state and CPU, from `900 (a name) D 1 ...`.
fn stat(text: &str) -> Option<(String, char, u32)> {
    let (head, rest) = text.rsplit_once(") ")?;
    let (_, comm) = head.split_once('(')?;
    let mut fields = rest.split_ascii_whitespace();
    let state = fields.next()?.chars().next()?;
    // The CPU is field 39, and the state 3.
    Some((comm.into(), state, fields.nth(35)?.parse().ok()?))
}

fn stack(text: &str) -> Vec<Frame> {
    let frames = text.lines().filter_map(|line| {
        let text = line.strip_prefix("[<0>] ")?;
        frame(Line::parse(text))
    });
    frames.take(MOST_FRAMES).collect()
}

#[cfg(test)]
pub mod tests {
    use super::*;
    use std::path::Path;

    pub fn put(root: &Path, task: &Task, stack: &str) {
        let folder = root.join(format!("{}/task/{}", task.process, task.pid));
        fs::create_dir_all(&folder).unwrap();
        let fields = "0 ".repeat(35);
        let stat = format!(
            "{} ({}) {} {fields}{} 0\n",
            task.pid, task.comm, task.state, task.cpu
        );
        fs::write(folder.join("stat"), stat).unwrap();
        let sleeps = task.sleeps.unwrap_or_default();
        let status = format!(
            "Tgid:\t{}\nvoluntary_ctxt_switches:\t{sleeps}\n",
            task.process
        );
        fs::write(folder.join("status"), &status).unwrap();
        let short = root.join(task.pid.to_string());
        fs::create_dir_all(&short).unwrap();
        fs::write(short.join("status"), status).unwrap();
        fs::write(folder.join("stack"), stack).unwrap();
        fs::write(folder.join("wchan"), "0").unwrap();
    }

    pub fn task(pid: i32, state: char) -> Task {
        Task {
            pid,
            process: 900,
            comm: "a) D (b c".into(),
            state,
            cpu: 3,
            sleeps: (state == 'D').then_some(7),
        }
    }

    #[test]
    fn those_that_are_blocked() {
        let root = tempfile::tempdir().unwrap();
        let proc = Proc::at(root.path());
        put(root.path(), &task(900, 'S'), "");
        put(
            root.path(),
            &task(901, 'D'),
            "[<0>] __mutex_lock.constprop.0+0x1a2/0x5d0\n[<0>] 0xffffffff81000000\nx\n\
             [<0>] _RNvNtCs6jbl6CnCMjw_6lockup4soft4spin+0x3a/0x80 [lockup]\n",
        );
        let found = proc.blocked().unwrap();
        assert_eq!((found.looked_at, found.others), (2, 0));
        assert_eq!(found.tasks, [task(901, 'D')]);
        let frames: Vec<_> = proc
            .stack(&found.tasks[0])
            .unwrap()
            .into_iter()
            .map(|frame| (frame.function, frame.module))
            .collect();
        assert_eq!(
            frames,
            [
                ("__mutex_lock.constprop.0".into(), None),
                ("lockup::soft::spin".into(), Some("lockup".into()))
            ]
        );
        assert_eq!(proc.any(900).unwrap().state, 'S');
        assert_eq!(proc.any(902), None);
        assert_eq!(proc.wchan(&found.tasks[0]), None);
        // It slept, ran, and sleeps again.
        assert!(proc.is_still(&found.tasks[0]));
        let later = Task {
            sleeps: Some(8),
            ..task(901, 'D')
        };
        put(root.path(), &later, "");
        assert!(!proc.is_still(&found.tasks[0]));
        assert!(proc.stack(&task(903, 'D')).unwrap_err().contains("903"));
        assert!(Proc::at(Path::new("/nowhere")).blocked().is_err());
    }

    #[test]
    fn more_than_are_shown() {
        let root = tempfile::tempdir().unwrap();
        for pid in 0..MOST_TASKS as i32 + 3 {
            put(root.path(), &task(1000 + pid, 'D'), "");
        }
        let found = Proc::at(root.path()).blocked().unwrap();
        assert_eq!((found.tasks.len(), found.others), (MOST_TASKS, 3));
    }

    #[test]
    fn lines_of_stat() {
        let fields = "0 ".repeat(35);
        assert_eq!(
            stat(&format!("1 (x) D) R {fields}2 0")),
            Some(("x) D".into(), 'R', 2))
        );
        for wrong in ["", "1 (x", "1 (x) ", "1 (x) D 0 0", "1 x) D"] {
            assert_eq!(stat(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn cpus_online() {
        let root = tempfile::tempdir().unwrap();
        fs::write(
            root.path().join("stat"),
            "cpu  1 2\ncpu0 1\ncpu12 1\nintr 5\n",
        )
        .unwrap();
        assert_eq!(Proc::at(root.path()).cpus(), [0, 12]);
    }
}
