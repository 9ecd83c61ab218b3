// SPDX-License-Identifier: GPL-2.0

//! What is told of a signal: who sent it to whom, and what came of it.

use super::exits::Status;
use super::names;
use crate::tracing::line::Head;
use serde::ser::{SerializeMap, Serializer};
use serde::Serialize;

/// A thread, or a process by its first thread.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Task {
    pub pid: i32,
    /// What it calls itself, where the kernel told.
    pub comm: Option<String>,
}

/// What came of a signal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// At once: nobody wants it. Or, when it was taken: by then, nobody did.
    Ignored,
    /// One of the kind waited already, and both are one now.
    AlreadyPending,
    /// The target's queue was full, and the sender was told.
    Refused,
    /// A handler of the program runs.
    Handled,
    /// The default action, which is nothing.
    NoAction,
    Stopped,
    Continued,
    /// The process has ended by it.
    Terminated,
    /// The process has ended by it, with a core dump.
    CoreDumped,
    /// It ends the process, which has not ended yet.
    Terminating,
    /// It waits, since the target blocks it.
    Blocked,
    /// It waits for the target to run.
    Pending,
    /// It waits no more, and neither a handler nor the default action was seen: sigwait(3), signalfd(2),
    /// a debugger, or a lost event.
    Taken,
    /// The target ended before it took it.
    TargetEnded,
    /// Too many signals waited to follow each.
    NotFollowed,
}

impl Outcome {
    /// Returns whether something may come of it yet.
    pub fn is_open(self) -> bool {
        matches!(
            self,
            Outcome::Blocked | Outcome::Pending | Outcome::Terminating
        )
    }

    /// Returns whether a process ends by it.
    pub fn is_end(self) -> bool {
        matches!(
            self,
            Outcome::Terminated | Outcome::CoreDumped | Outcome::Terminating
        )
    }
}

/// A signal, and what came of it until now.
#[derive(Debug, Clone, PartialEq)]
pub struct Signal {
    pub id: u64,
    /// It was told before, with what had come of it by then.
    pub again: bool,
    /// When it was sent; of one that was sent before we looked, when it was taken.
    pub time_us: u64,
    pub cpu: u32,
    pub signal: i32,
    pub code: i32,
    pub errno: i32,
    /// The task in which it was sent; none if that was before we looked.
    pub from: Option<Task>,
    pub to: Task,
    /// The target's process, if that could be told.
    pub process: Option<i32>,
    pub to_process: bool,
    pub without_data: bool,
    /// The OOM killer sent it.
    pub oom_killer: bool,
    /// The thread that took it, and when.
    pub taken: Option<(i32, u64)>,
    /// The handler's address.
    pub handler: Option<u64>,
    /// A core dump was begun.
    pub core_begun: bool,
    /// The target's state, where it waits for that.
    pub state: Option<char>,
    pub outcome: Outcome,
    /// How the process ended.
    pub status: Option<Status>,
}

impl Signal {
    /// A signal of which nothing is known but that a thread takes it: it was sent before we looked.
    pub fn sent_before(id: u64, head: &Head, signal: i32, code: i32) -> Self {
        Signal {
            id,
            again: false,
            time_us: head.time_us,
            cpu: head.cpu,
            signal,
            code,
            errno: 0,
            from: None,
            to: Task {
                pid: head.pid,
                comm: head.comm.clone(),
            },
            process: None,
            to_process: false,
            without_data: false,
            oom_killer: false,
            taken: None,
            handler: None,
            core_begun: false,
            state: None,
            outcome: Outcome::Pending,
            status: None,
        }
    }

    pub fn reason(&self) -> names::Reason {
        names::reason(self.signal, self.code, self.to_process)
    }

    /// The outcome in words.
    pub fn words(&self) -> String {
        let ended = match self.outcome {
            Outcome::CoreDumped => ", terminated, core dumped".into(),
            Outcome::Terminated if self.core_begun => ", terminated, no core".into(),
            Outcome::Terminated => match self.status {
                None => ", terminated".into(),
                Some(Status::Killed { signal, .. }) if signal == self.signal => {
                    ", terminated".into()
                }
                // It ended otherwise while it was about to.
                Some(status) => format!(", but it {}", ended(status)),
            },
            Outcome::Terminating if self.core_begun => ", dumping core".into(),
            Outcome::Terminating => ", terminating".into(),
            Outcome::NoAction => ", nothing".into(),
            Outcome::Stopped => ", stopped".into(),
            Outcome::Continued => ", continued".into(),
            _ => String::new(),
        };
        let words = match self.outcome {
            Outcome::Ignored if self.signal == names::SIGKILL || self.signal == names::SIGSTOP => {
                // Nobody chooses to ignore these.
                "ignored: ending already, a kernel thread, or init".into()
            }
            Outcome::Ignored if self.signal == names::SIGCONT => {
                "no handler; continued if it was stopped".into()
            }
            Outcome::Ignored if self.taken.is_some() => "delivered: ignored".into(),
            Outcome::Ignored => "ignored".into(),
            Outcome::AlreadyPending => "already pending, merged".into(),
            Outcome::Refused => "not sent: queue full (EAGAIN)".into(),
            Outcome::Handled => "delivered: handled".into(),
            Outcome::Blocked => "pending: blocked by the target".into(),
            Outcome::Pending => match self.state {
                Some('D') => "pending: the target is in uninterruptible sleep".into(),
                Some('T') => "pending: the target is stopped".into(),
                Some('t') => "pending: the target is traced".into(),
                _ => "pending".into(),
            },
            Outcome::Taken => "taken by sigwait, signalfd or a debugger".into(),
            Outcome::TargetEnded => match self.status {
                Some(status) => format!("never delivered: the target {}", self::ended(status)),
                None => "never delivered: the target ended".into(),
            },
            Outcome::NotFollowed => "not followed: too many signals wait".into(),
            _ => format!("delivered: default action{ended}"),
        };
        match self.oom_killer {
            true => format!("OOM killer: {words}"),
            false => words,
        }
    }
}

/// How a process ended, in words.
pub fn ended(status: Status) -> String {
    match status {
        Status::Exited(status) => format!("exited with status {status}"),
        Status::Killed { signal, core } => {
            let core = if core { ", core dumped" } else { "" };
            format!("was terminated by {}{core}", names::signal(signal))
        }
    }
}

impl Serialize for Status {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (status, signal, core) = match *self {
            Status::Exited(status) => (Some(status), None, false),
            Status::Killed { signal, core } => (None, Some(names::signal(signal)), core),
        };
        let mut map = serializer.serialize_map(Some(3))?;
        map.serialize_entry("status", &status)?;
        map.serialize_entry("signal", &signal)?;
        map.serialize_entry("core_dumped", &core)?;
        map.end()
    }
}

impl Serialize for Signal {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let reason = self.reason();
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("id", &self.id)?;
        map.serialize_entry("again", &self.again)?;
        map.serialize_entry("time_us", &self.time_us)?;
        map.serialize_entry("cpu", &self.cpu)?;
        map.serialize_entry("signal", &names::signal(self.signal))?;
        map.serialize_entry("number", &self.signal)?;
        map.serialize_entry("code", &reason.code)?;
        map.serialize_entry("code_number", &self.code)?;
        map.serialize_entry("errno", &self.errno)?;
        map.serialize_entry("sender", &self.from.as_ref().map(|_| reason.sender))?;
        map.serialize_entry("way", &reason.way)?;
        map.serialize_entry("from", &self.from)?;
        map.serialize_entry("to", &self.to)?;
        map.serialize_entry("process", &self.process)?;
        map.serialize_entry("to_process", &self.to_process)?;
        map.serialize_entry("without_data", &self.without_data)?;
        map.serialize_entry("oom_killer", &self.oom_killer)?;
        map.serialize_entry("outcome", &self.outcome)?;
        map.serialize_entry("taken_by", &self.taken.map(|(pid, _)| pid))?;
        map.serialize_entry("taken_us", &self.taken.map(|(_, time)| time))?;
        let handler = self.handler.map(|handler| format!("{handler:#x}"));
        map.serialize_entry("handler", &handler)?;
        map.serialize_entry("exit", &self.status)?;
        map.end()
    }
}

/// A process has ended that had handled a signal not long before.
#[derive(Debug, Clone, PartialEq)]
pub struct End {
    pub time_us: u64,
    pub process: Task,
    pub status: Status,
    /// The signal that it had handled, and when.
    pub after: u64,
    pub signal: i32,
    pub taken_us: u64,
}

impl Serialize for End {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("time_us", &self.time_us)?;
        map.serialize_entry("process", &self.process)?;
        map.serialize_entry("after", &self.after)?;
        map.serialize_entry("signal", &names::signal(self.signal))?;
        map.serialize_entry("exit", &self.status)?;
        map.end()
    }
}
