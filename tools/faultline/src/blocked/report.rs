// SPDX-License-Identifier: GPL-2.0

//! What is known of the tasks that are blocked, and of those who hold what they wait for.

use super::chain::{self, Chain};
use super::kernel::{Kernel, Lock};
use super::memory::Memory;
use super::tasks::{Proc, Stack, Task};
use super::waits::{self, Wait, WaitType};
use serde::ser::{SerializeMap, Serializer};
use serde::Serialize;
use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

/// The schema of the JSON.
const SCHEMA: &str = "faultline.blocked/1";

/// A task with what is known of it.
#[derive(Debug)]
pub struct Shown {
    pub task: Task,
    /// How long it has not run, in seconds.
    pub secs: Option<f64>,
    pub wchan: Option<String>,
    pub wait: Wait,
    pub stack: Stack,
    /// None where the kernel's memory cannot be read.
    pub chain: Option<Chain>,
}

/// All of it.
#[derive(Debug)]
pub struct Report {
    pub blocked: Vec<Shown>,
    /// Who holds what those wait for, and is not blocked: by number.
    pub holders: BTreeMap<i32, Shown>,
    /// So many more are blocked.
    pub others: usize,
    pub looked_at: usize,
    /// What could not be told of any of them, and why.
    pub limits: Vec<String>,
    at: SystemTime,
}

impl Report {
    /// Looks at all tasks, but those that are known to have run within `min_secs`. What the kernel's
    /// memory tells is asked for only where a task is blocked.
    ///
    /// # Errors
    ///
    /// /proc cannot be read.
    pub fn make<M: Memory>(
        proc: &Proc,
        kernel: impl FnOnce() -> anyhow::Result<Kernel<M>>,
        min_secs: f64,
    ) -> anyhow::Result<Self> {
        let found = proc.blocked()?;
        let kernel = (!found.tasks.is_empty()).then(kernel).transpose();
        let mut limits = Vec::new();
        match &kernel {
            Ok(Some(kernel)) if !kernel.notes_locks() => limits.push(
                "this kernel does not note which lock a task waits for, before 6.16 or without \
                 CONFIG_DETECT_HUNG_TASK_BLOCKER: mutexes, and rw_semaphores that are held for \
                 writing, are found by their lists of waiters; who holds others could not be told"
                    .into(),
            ),
            Ok(_) => {}
            Err(error) => limits.push(format!(
                "since when tasks are blocked, for which lock, and who holds it could not be told: \
                 {error:#}"
            )),
        }
        let kernel = kernel.ok().flatten();
        let cpus = proc.cpus();
        let show = |task: Task| Shown::look(proc, kernel.as_ref(), &cpus, task);
        let mut blocked: Vec<_> = found.tasks.into_iter().map(show).collect();
        blocked.retain(|shown| {
            // What was told of one that ran meanwhile belongs to two sleeps.
            shown.secs.is_none_or(|secs| secs >= min_secs) && proc.is_still(&shown.task)
        });
        let is_blocked = |pid: i32| blocked.iter().any(|shown| shown.task.pid == pid);
        let chains = blocked.iter().filter_map(|shown| shown.chain.as_ref());
        let links = chains.flat_map(|chain| &chain.links);
        let pids = links.filter_map(|link| Some(link.holder?.0));
        let holders = pids
            .filter(|pid| !is_blocked(*pid))
            .filter_map(|pid| proc.any(pid))
            .map(|task| (task.pid, show(task)))
            .collect();
        Ok(Report {
            blocked,
            holders,
            others: found.others,
            looked_at: found.looked_at,
            limits,
            at: SystemTime::now(),
        })
    }

    /// The name of a task that is part of this.
    pub fn name(&self, pid: i32) -> Option<&str> {
        let mut known = self.blocked.iter().chain(self.holders.values());
        let shown = known.find(|shown| shown.task.pid == pid)?;
        Some(&shown.task.comm)
    }

    pub fn is_any(&self) -> bool {
        !self.blocked.is_empty() || self.others > 0
    }
}

impl Shown {
    fn look<M: Memory>(proc: &Proc, kernel: Option<&Kernel<M>>, cpus: &[u32], task: Task) -> Self {
        let stack = proc.stack(&task);
        let mut wait = waits::wait(stack.as_deref().unwrap_or_default());
        let chain = kernel.map(|kernel| chain::follow(kernel, task.pid));
        // The kernel's memory knows better than a stack.
        if let Some(link) = chain.as_ref().and_then(|chain| chain.links.first()) {
            wait.wait_type = WaitType::Lock;
            wait.what = link.lock.lock_type.words();
        }
        Shown {
            secs: kernel.and_then(|kernel| kernel.last_ran(task.pid, task.cpu, cpus)),
            wchan: proc.wchan(&task),
            wait,
            stack,
            chain,
            task,
        }
    }
}

impl Serialize for Lock {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(2))?;
        map.serialize_entry("type", &self.lock_type)?;
        map.serialize_entry("address", &format!("{:#x}", self.address))?;
        map.end()
    }
}

/// What is serialized of a task: with the names of those in its chain, and its times.
struct Document<'a>(&'a Report, &'a Shown);

impl Serialize for Document<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Document(report, shown) = self;
        let task = &shown.task;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("pid", &task.pid)?;
        map.serialize_entry("process", &task.process)?;
        map.serialize_entry("comm", &task.comm)?;
        map.serialize_entry("state", &task.state)?;
        map.serialize_entry("cpu", &task.cpu)?;
        map.serialize_entry("blocked_secs", &shown.secs)?;
        let since = shown.secs.and_then(|secs| {
            let at = report
                .at
                .checked_sub(Duration::try_from_secs_f64(secs).ok()?)?;
            Some(humantime::format_rfc3339_millis(at).to_string())
        });
        map.serialize_entry("since", &since)?;
        map.serialize_entry("wchan", &shown.wchan)?;
        map.serialize_entry("waits_for", &shown.wait)?;
        let frames = shown.stack.as_ref().ok().map(|frames| {
            let frames = frames.iter().map(
                |frame| serde_json::json!({ "function": frame.function, "module": frame.module }),
            );
            frames.collect::<Vec<_>>()
        });
        map.serialize_entry("stack", &frames)?;
        map.serialize_entry("stack_error", &shown.stack.as_ref().err())?;
        let chain = shown.chain.as_ref().map(|chain| {
            let links: Vec<_> = chain
                .links
                .iter()
                .map(|link| {
                    let holder = link.holder.map(|(pid, holding)| {
                        serde_json::json!({
                            "pid": pid, "comm": report.name(pid), "holding": holding,
                        })
                    });
                    serde_json::json!({
                        "waiter": link.waiter, "lock": link.lock, "holder": holder,
                    })
                })
                .collect();
            serde_json::json!({ "links": links, "end": chain.end })
        });
        map.serialize_entry("chain", &chain)?;
        map.end()
    }
}

impl Serialize for Report {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        fn of<'a>(report: &'a Report, tasks: impl Iterator<Item = &'a Shown>) -> Vec<Document<'a>> {
            tasks.map(|shown| Document(report, shown)).collect()
        }
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("schema", SCHEMA)?;
        let (outcome, status) = match self.is_any() {
            true => ("blocked", 1),
            false => ("none_blocked", 0),
        };
        map.serialize_entry("outcome", outcome)?;
        map.serialize_entry("exit_status", &status)?;
        map.serialize_entry(
            "time",
            &humantime::format_rfc3339_millis(self.at).to_string(),
        )?;
        map.serialize_entry("looked_at", &self.looked_at)?;
        map.serialize_entry("others", &self.others)?;
        map.serialize_entry("limits", &self.limits)?;
        map.serialize_entry("tasks", &of(self, self.blocked.iter()))?;
        map.serialize_entry("holders", &of(self, self.holders.values()))?;
        map.end()
    }
}
