// SPDX-License-Identifier: GPL-2.0

//! What a user asks for.

use super::fields::condition::Comparison;
use super::fields::template::Template;
use std::time::Duration;

/// What a user asks for, apart from the functions.
#[derive(Debug, Default)]
pub struct Ask {
    /// What to show of each event; none: all arguments, the result and the time.
    pub print: Option<Template>,
    /// Of each `--if`.
    pub conditions: Vec<Vec<Comparison>>,
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
}
