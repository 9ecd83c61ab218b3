// SPDX-License-Identifier: GPL-2.0

//! The report of a drill as the matrix reads it: the needed parts of the document
//! `faultline.drill/1`, and the kernel's line in the logs beside it.

use crate::klog::line::Line;
use serde::Deserialize;
use std::fs;
use std::path::Path;

/// The report.
#[derive(Debug, Clone, Deserialize)]
pub struct Report {
    pub run_id: Option<String>,
    pub stage: String,
    pub summary: String,
    #[serde(default)]
    pub advice: String,
    #[serde(default)]
    pub evidence: Vec<String>,
    #[serde(default)]
    pub checks: Vec<Check>,
    pub latency: Option<Latency>,
    #[serde(default)]
    pub timeline: Vec<Moment>,
    pub dump: Option<Dump>,
}

#[derive(Debug, Clone, Deserialize)]
pub struct Check {
    pub name: String,
    pub source: String,
    pub result: String,
    pub found: String,
    pub expected: String,
}

#[derive(Debug, Clone, Deserialize)]
pub struct Latency {
    pub secs: f64,
    pub window: Option<Window>,
}

#[derive(Debug, Clone, Deserialize)]
pub struct Window {
    pub earliest_secs: f64,
    pub latest_secs: f64,
    pub tolerance_secs: f64,
}

#[derive(Debug, Clone, Deserialize)]
pub struct Moment {
    pub at_secs: f64,
    pub name: String,
    pub text: String,
}

#[derive(Debug, Clone, Deserialize)]
pub struct Dump {
    pub state: String,
    pub bytes: u64,
}

impl Report {
    /// Returns when `name` happened first.
    pub fn at(&self, name: &str) -> Option<f64> {
        self.moment(name).map(|moment| moment.at_secs)
    }

    fn moment(&self, name: &str) -> Option<&Moment> {
        self.timeline.iter().find(|moment| moment.name == name)
    }

    /// Returns whether a detector reported the fault.
    pub fn is_detected(&self) -> bool {
        ["pass", "detected_no_panic"].contains(&self.stage.as_str())
            || self.at("detected").is_some()
    }

    pub fn is_panic(&self) -> bool {
        self.at("panic").is_some()
    }

    /// Returns the size of the dump, if it is complete.
    pub fn dumped(&self) -> Option<u64> {
        let dump = self.dump.as_ref()?;
        (dump.state == "complete").then_some(dump.bytes)
    }
}

/// The first words of the kernel's messages on a fault.
const REPORTS: &[&str] = &[
    "watchdog: ",
    "BUG: ",
    "INFO: task ",
    "INFO: rcu",
    "rcu: INFO: ",
    "Uhhuh. NMI ",
    "NMI: Not continuing",
    "Oops",
    "Internal error",
    "Unable to handle kernel ",
    "kernel BUG at ",
    "WARNING: ",
    "Out of memory",
    "Kernel panic",
];

/// Returns the kernel's first line on the fault in the logs of a drill, without its time.
pub fn kernel_line(folder: &Path) -> Option<String> {
    ["kernel.log", "console.log"].iter().find_map(|name| {
        let log = fs::read(folder.join(name)).ok()?;
        find_line(&String::from_utf8_lossy(&log))
    })
}

/// Returns the first report after the begin of the fault. Lines of the console begin with the
/// drill's time.
fn find_line(log: &str) -> Option<String> {
    let texts = log.lines().map(|line| {
        Line::parse(line.find('[').map_or(line, |at| &line[at..]))
            .text
            .trim()
    });
    let held = |text: &&str| text.starts_with("lockup: run ") && text.contains(": begin: ");
    let mut after = texts.skip_while(|text| !held(text));
    after
        .find(|text| REPORTS.iter().any(|report| text.starts_with(report)))
        .map(str::to_string)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernels_own_line() {
        let log = include_str!("../../tests/data/soft.log");
        let line = "watchdog: BUG: soft lockup - CPU#1 stuck for 6s! [lockup/1:142]";
        assert_eq!(find_line(log).as_deref(), Some(line));
        let console = "    1.500 [    0.1] BUG: before\n   \
             18.009 [   13.9] lockup: run t1: cpu 1: begin: mode=oops hold_secs=1 mono_ns=1\n   \
             18.019 [   13.9] CPU: 1 [x] BUG: within\n   \
             18.109 [   14.0] Oops: Oops: 0002 [#1] SMP\n";
        assert_eq!(
            find_line(console).as_deref(),
            Some("Oops: Oops: 0002 [#1] SMP")
        );
        assert_eq!(find_line("[ 1.0] BUG: of another\n"), None);
    }

    #[test]
    fn what_a_report_says() {
        let report = |text: &str| serde_json::from_str::<Report>(text).unwrap();
        let passed = report(
            r#"{"run_id": "a", "stage": "pass", "summary": "", "latency": null, "new": 1,
                "timeline": [{"at_secs": 2.5, "name": "panic", "text": "panic: x"}],
                "dump": {"state": "complete", "bytes": 7}}"#,
        );
        assert!(passed.is_detected() && passed.is_panic());
        assert_eq!((passed.dumped(), passed.at("panic")), (Some(7), Some(2.5)));
        let unseen = report(
            r#"{"stage": "not_detected", "summary": "", "dump": {"state": "absent", "bytes": 0}}"#,
        );
        assert!(!unseen.is_detected() && !unseen.is_panic() && unseen.dumped().is_none());
    }
}
