// SPDX-License-Identifier: GPL-2.0

//! The report: one document, printed as text or as JSON. The JSON form is an interface: within one
//! version of the schema, keys are added but never changed or removed.

use super::plan::Plan;
use super::timeline::{megabytes, Moment};
use crate::dump::{Dump, Format, State};
use crate::terminal::layout::{painted, wrapped, ASIDE, BAD, DOUBT, GOOD};
use crate::terminal::{escape, out};
use crate::verdict::check::Result;
use crate::verdict::stage::{Outcome, Stage};
use crate::verdict::Verdict;
use serde::Serialize;
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// The schema of `faultline drill`'s document.
pub const DRILL: &str = "faultline.drill/1";
/// The schema of `faultline verdict`'s document.
pub const VERDICT: &str = "faultline.verdict/1";

/// The words that lines of the text begin with.
const WORDS: [(&str, anstyle::Style); 8] = [
    ("ok", GOOD),
    ("FAILED", BAD),
    ("skipped", ASIDE),
    ("unknown", DOUBT),
    ("PASS:", GOOD),
    ("FAIL:", BAD),
    ("NO DUMP:", DOUBT),
    ("COULD NOT TELL:", DOUBT),
];

/// Everything that a command found out.
#[derive(Debug, Serialize)]
pub struct Report {
    pub schema: &'static str,
    pub outcome: Outcome,
    pub exit_status: u8,
    pub mode: &'static str,
    /// The detector expected to report it.
    pub detector: &'static str,
    pub run_id: Option<String>,
    #[serde(flatten)]
    pub verdict: Verdict,
    pub timeline: Vec<Moment>,
    /// The drill's plan; null for a verdict on a dump alone.
    pub plan: Option<Plan>,
    pub dump: Option<DumpFacts>,
    pub files: Files,
}

/// The dump in the report.
#[derive(Debug, Serialize)]
pub struct DumpFacts {
    pub state: &'static str,
    pub bytes: u64,
    pub pages: Option<u64>,
    pub format: Option<Format>,
    pub release: Option<String>,
    pub build_id: Option<String>,
    pub machine: Option<String>,
    pub dump_level: Option<i32>,
}

impl DumpFacts {
    pub fn of(dump: &Dump) -> Self {
        let (state, pages) = match &dump.state {
            State::Absent => ("absent", None),
            State::Unreadable(_) => ("unreadable", None),
            State::Incomplete(_) => ("incomplete", None),
            State::GivenUp(_) => ("not_read", None),
            State::LogAlone => ("log_alone", None),
            State::Complete { pages } => ("complete", Some(*pages)),
        };
        let facts = dump.facts.as_ref();
        DumpFacts {
            state,
            bytes: dump.bytes,
            pages,
            format: facts.map(|facts| facts.format),
            release: facts.map(|facts| facts.release.clone()),
            build_id: facts.and_then(|facts| facts.vmcoreinfo.get("BUILD-ID").cloned()),
            machine: facts.map(|facts| facts.machine.clone()),
            dump_level: facts.and_then(|facts| facts.dump_level),
        }
    }
}

/// The drill's files; null for a file that does not exist.
#[derive(Debug, Default, Serialize)]
pub struct Files {
    pub vmcore: Option<PathBuf>,
    pub kernel_log: Option<PathBuf>,
    pub console: Option<PathBuf>,
    pub record: Option<PathBuf>,
    pub report: Option<PathBuf>,
}

impl Report {
    /// Returns the path to show: relative to the current directory for a drill's own file below it,
    /// unchanged for a path that was given.
    fn shown<'p>(&self, path: &'p Path, here: Option<&Path>) -> &'p Path {
        // Relative to / a path would only lose its first character.
        let here = here.filter(|here| self.plan.is_some() && here.parent().is_some());
        here.and_then(|here| path.strip_prefix(here).ok())
            .unwrap_or(path)
    }

    /// Prints the report, and returns its exit status.
    pub fn print(&self, is_json: bool) -> anyhow::Result<ExitCode> {
        let text = match is_json {
            true => escape::json(&serde_json::to_string_pretty(self)?).into_owned() + "\n",
            false => {
                let text = escape::text(&self.for_people()).into_owned();
                match out::colour() {
                    true => painted(&text, &WORDS),
                    false => text,
                }
            }
        };
        out::print(&text)?;
        Ok(ExitCode::from(self.exit_status))
    }

    /// Returns the report as text, without its heading.
    pub fn for_people(&self) -> String {
        let mut text = String::new();
        for moment in &self.timeline {
            let lead = format!("{:8.1} s  ", moment.at_secs);
            text += &wrapped(&lead, &moment.text);
        }
        if !self.timeline.is_empty() {
            text.push('\n');
        }
        for check in &self.verdict.checks {
            let word = match check.result {
                Result::Ok => "ok",
                Result::Failed => "FAILED",
                Result::Skipped => "skipped",
                Result::Unknown => "unknown",
            };
            let lead = format!("  {word:<8}{:<9}{:<6}", check.name, check.source);
            let told = match check.result {
                Result::Failed => format!("{}; expected: {}", check.found, check.expected),
                _ => check.found.clone(),
            };
            text += &wrapped(&lead, &told);
        }
        if !self.verdict.checks.is_empty() {
            text.push('\n');
        }
        let verdict = &self.verdict;
        let headline = match self.outcome {
            Outcome::Pass => format!("PASS: {}", verdict.summary),
            Outcome::Fail => format!("FAIL: {}: {}", verdict.stage.title(), verdict.summary),
            Outcome::Unknown if verdict.stage == Stage::NoDump => {
                format!("NO DUMP: {}", verdict.summary)
            }
            Outcome::Unknown => format!("COULD NOT TELL: {}", verdict.summary),
        };
        text += &wrapped("", &headline);
        for line in &verdict.evidence {
            text += &wrapped("  | ", line);
        }
        if !verdict.advice.is_empty() {
            text += &wrapped("  ", &verdict.advice);
        }
        let size = self
            .dump
            .as_ref()
            .map(|dump| format!(" ({})", megabytes(dump.bytes)))
            .unwrap_or_default();
        let here = std::env::current_dir().ok();
        // The log of a drill lies beside its other files.
        let log = &self
            .files
            .kernel_log
            .clone()
            .filter(|_| self.plan.is_none());
        for (name, path, note) in [
            ("vmcore", &self.files.vmcore, size.as_str()),
            ("log", log, ""),
            ("console", &self.files.console, ""),
            ("report", &self.files.report, ""),
        ] {
            if let Some(path) = path {
                // A path is never wrapped, so that it can be copied.
                let _ = writeln!(
                    text,
                    "  {name:<9}{}{note}",
                    self.shown(path, here.as_deref()).display()
                );
            }
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verdict::check::Check;
    use crate::verdict::stage::Stage;
    use crate::verdict::Verdict;

    fn report(vmcore: &str) -> Report {
        Report {
            schema: VERDICT,
            outcome: Outcome::Unknown,
            exit_status: 3,
            mode: "soft",
            detector: "soft-lockup",
            run_id: None,
            verdict: Verdict {
                stage: Stage::NoDump,
                summary: "a fault".into(),
                advice: String::new(),
                evidence: Vec::new(),
                checks: vec![Check {
                    name: "cause",
                    source: "log",
                    result: Result::Unknown,
                    found: "a reason".into(),
                    expected: String::new(),
                }],
                latency: None,
            },
            timeline: Vec::new(),
            plan: None,
            dump: None,
            files: Files {
                vmcore: Some(vmcore.into()),
                ..Files::default()
            },
        }
    }

    #[test]
    fn a_path_is_shown_as_it_was_given() {
        let here = std::env::current_dir().unwrap().join("vmcore");
        for path in [
            "/var/crash/x/vmcore",
            "x/vmcore",
            "../vmcore",
            here.to_str().unwrap(),
        ] {
            let text = report(path).for_people();
            assert!(text.ends_with(&format!("  vmcore   {path}\n")), "{text}");
        }
        let path = Path::new("/var/crash/x");
        assert_eq!(report("x").shown(path, Some(Path::new("/"))), path);
    }

    #[test]
    fn a_log_alone_says_that_there_is_no_dump() {
        let text = report("dmesg.txt").for_people();
        assert!(text.contains("NO DUMP: a fault"), "{text}");
        assert!(text.contains("  unknown cause    log   a reason"), "{text}");
    }
}
