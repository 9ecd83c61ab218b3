// SPDX-License-Identifier: GPL-2.0

//! Single lines of a kernel log: the module's messages on its fault, a detector's report, a panic.

use super::line::Line;
use crate::fault::case::Case;
use crate::template;
use serde::Serialize;
use std::collections::BTreeMap;

/// The module's announcement of a fault.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Announced {
    pub run_id: String,
    pub mode: String,
    pub cpus: String,
}

/// The begin of a fault.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Begin {
    pub time: Option<f64>,
    pub run_id: String,
    pub cpu: u32,
    pub mode: String,
    /// The numbers in its line, with the detectors' thresholds.
    pub numbers: BTreeMap<String, u64>,
    /// The time of its end, if that came before a panic.
    pub ended: Option<Ended>,
}

/// The end of a fault.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Ended {
    pub time: Option<f64>,
    pub line: String,
}

/// A thread's message on its locks.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Locks {
    pub cpu: u32,
    pub has: String,
    pub wants: String,
}

/// A detector's report, with the culprit that its line names.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Detection {
    pub time: Option<f64>,
    pub cpu: Option<u32>,
    pub thread: Option<String>,
    pub pid: Option<i32>,
    pub line: String,
}

const ANNOUNCED: &str = "lockup: run {run}: plan: mode={mode} cpus={cpus} ";
const BEGIN: &str = "lockup: run {run}: cpu {cpu}: begin: mode={mode} {numbers}";
const END: &str = "lockup: run {run}: cpu {cpu}: end: {how}";
const RELEASED: &str = "lockup: run {run}: released after {how}";
const CANCELLED: &str = "lockup: run {run}: cancelled {how}";
pub const OURS: &str = "lockup: run {run}: ";
const PANIC: &str = "Kernel panic - not syncing: {message}";
const LOCKS: &str = "lockup: run {run}: cpu {cpu}: holds lock {has}, wants lock {wants}";
/// No kernel is built for more CPUs.
pub const MOST_CPUS: u32 = 8192;

/// Returns the run id of `line`, if it is the module's.
pub fn run(line: Line<'_>) -> Option<&str> {
    let found = template::find(OURS, line.text).filter(|_| line.text.starts_with("lockup: run "));
    found.map(|found| found.text("run"))
}

/// Parses the module's announcement, if `line` is one.
pub fn announced(line: Line<'_>) -> Option<Announced> {
    let found = template::find(ANNOUNCED, line.text)?;
    Some(Announced {
        run_id: found.text("run").into(),
        mode: found.text("mode").into(),
        cpus: found.text("cpus").into(),
    })
}

/// Parses the begin of a fault, if `line` is one.
pub fn begin(line: Line<'_>) -> Option<Begin> {
    let found = template::find(BEGIN, line.text)?;
    Some(Begin {
        time: line.time,
        run_id: found.text("run").into(),
        cpu: found.number("cpu").filter(|cpu| *cpu < MOST_CPUS)?,
        mode: found.text("mode").into(),
        numbers: found
            .text("numbers")
            .split_whitespace()
            .filter_map(|word| word.split_once('='))
            .filter_map(|(name, value)| Some((name.into(), value.parse().ok()?)))
            .collect(),
        ended: None,
    })
}

/// Parses the end of a hold, if `line` is one: the run, and the CPU or none for all CPUs.
pub fn end(line: Line<'_>) -> Option<(&str, Option<u32>)> {
    if let Some(found) = template::find(END, line.text) {
        return Some((found.text("run"), Some(found.number("cpu")?)));
    }
    [RELEASED, CANCELLED]
        .iter()
        .find_map(|over| template::find(over, line.text))
        .map(|found| (found.text("run"), None))
}

/// Parses a thread's message on its locks, if `line` is one.
pub fn locks(line: Line<'_>) -> Option<Locks> {
    let found = template::find(LOCKS, line.text)?;
    Some(Locks {
        cpu: found.number("cpu")?,
        has: found.text("has").into(),
        wants: found.text("wants").into(),
    })
}

/// Parses a report of the case's detector, if `line` is one.
pub fn detection(case: Case, line: Line<'_>) -> Option<Detection> {
    let found = case
        .reports()
        .iter()
        .find_map(|report| template::find(report, line.text))?;
    // A report with both names them as `thread:pid` in one word.
    let task = found.text("task").rsplit_once(':');
    let (thread, pid) = task.unwrap_or((found.text("thread"), found.text("pid")));
    let thread = thread.rsplit(": ").next().unwrap_or(thread);
    Some(Detection {
        time: line.time,
        cpu: found.number("cpu"),
        thread: Some(thread.trim().to_string()).filter(|name| !name.is_empty()),
        pid: pid.parse().ok(),
        line: line.text.trim().into(),
    })
}

/// Returns the message of a panic, if `line` is one.
pub fn panic_message(line: Line<'_>) -> Option<&str> {
    template::find(PANIC, line.text).map(|found| found.text("message"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::mode;

    #[test]
    fn a_reported_thread_with_blanks_and_colons() {
        let soft = Case::new(mode::find("soft").unwrap(), None).unwrap();
        let line =
            Line::parse("[1.0] watchdog: BUG: soft lockup - CPU#3 stuck for 5s! [kworker/3:1:77]");
        let found = detection(soft, line).unwrap();
        assert_eq!(
            (found.thread.as_deref(), found.pid),
            (Some("kworker/3:1"), Some(77))
        );
    }
}
