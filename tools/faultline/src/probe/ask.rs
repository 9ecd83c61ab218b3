// SPDX-License-Identifier: GPL-2.0

//! What a user asks for.

use super::fields::condition::Condition;
use super::fields::template::Template;
use std::time::Duration;

/// What a user asks for, apart from the functions.
#[derive(Debug, Default)]
pub struct Ask {
    /// What to show of each event; none: all arguments, the result and the time.
    pub print: Option<Template>,
    /// Of each `--if`.
    pub conditions: Vec<Condition>,
    pub pid: Option<u32>,
    pub tgid: Option<u32>,
    pub comm: Option<String>,
    pub cpu: Option<u32>,
    pub stack: bool,
    pub json: bool,
    /// Show events as they come.
    pub lines: bool,
    /// Show the summary in the end.
    pub summary: bool,
    /// Show all functions in it.
    pub all: bool,
    pub duration: Option<Duration>,
    pub count: Option<u64>,
    pub max_rate: Option<u64>,
    pub maxactive: Option<u32>,
    pub buffer_kb: Option<u32>,
}

impl Ask {
    /// The conditions that have an option of their own, as the module writes them.
    pub fn filters(&self) -> Vec<String> {
        let number =
            |name: &str, value: Option<u32>| value.map(|value| format!("{name}:==:{value}"));
        let comm = self.comm.as_ref().map(|comm| format!("comm:==:{comm}"));
        let all = [
            number("pid", self.pid),
            number("tgid", self.tgid),
            number("cpu", self.cpu),
            comm,
        ];
        all.into_iter().flatten().collect()
    }

    /// Whether the user says which calls count.
    pub fn has_filters(&self) -> bool {
        !self.conditions.is_empty() || !self.filters().is_empty()
    }

    /// The condition that leaves out what this program itself does, of which each event would make
    /// further ones. Who asks for a process asks for no other.
    pub fn not_own(&self) -> Option<String> {
        let is_wanted = self.lines && self.tgid.is_none() && self.pid.is_none();
        is_wanted.then(|| format!("tgid:!=:{}", std::process::id()))
    }
}
