// SPDX-License-Identifier: GPL-2.0

//! The outcome of a row: its drill's report, judged by the row's expected stage.

use super::drilled::{self, Report};
use super::row::Row;
use anyhow::Context;
use serde::{Deserialize, Serialize};
use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};

/// The result of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    Passed,
    Failed,
    /// A need of the row is missing, on this machine or in this project.
    Skipped,
    /// The matrix was interrupted before its end.
    NotRun,
}

impl Verdict {
    pub fn word(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Failed => "failed",
            Self::Skipped => "skipped",
            Self::NotRun => "not run",
        }
    }
}

/// A row and its outcome.
#[derive(Debug, Clone)]
pub struct Outcome {
    pub row: Row,
    /// The row of scripts/kernels.
    pub kernel: String,
    pub release: Option<String>,
    pub verdict: Verdict,
    /// Why it did not pass.
    pub reason: String,
    pub report: Option<Report>,
    /// The kernel's line on the fault.
    pub line: Option<String>,
    /// Whether it passed in an earlier run.
    pub is_reused: bool,
    pub took_secs: Option<f64>,
    pub folder: PathBuf,
}

impl Outcome {
    pub fn without_report(
        row: &Row,
        kernel: &str,
        folder: &Path,
        verdict: Verdict,
        why: &str,
    ) -> Self {
        Outcome {
            row: row.clone(),
            kernel: kernel.into(),
            release: None,
            verdict,
            reason: why.into(),
            report: None,
            line: None,
            is_reused: false,
            took_secs: None,
            folder: folder.into(),
        }
    }

    /// Returns whether the drill had no result at all.
    pub fn tells_nothing(&self) -> bool {
        let report = self.report.as_ref();
        report.is_some_and(|report| report.stage == "could_not_tell")
    }

    /// Judges the report of a drill.
    pub fn judged(row: &Row, kernel: &str, release: &str, folder: &Path, report: Report) -> Self {
        let wanted = row.goal().stage();
        let (verdict, reason) = if report.stage == wanted {
            (Verdict::Passed, String::new())
        } else {
            let reason = format!(
                "ended as {}, expected {wanted}: {}",
                report.stage, report.summary
            );
            (Verdict::Failed, reason)
        };
        Outcome {
            release: Some(release.into()),
            report: Some(report),
            line: drilled::kernel_line(folder),
            ..Self::without_report(row, kernel, folder, verdict, &reason)
        }
    }
}

/// The number of each result.
#[derive(Debug, Default, Clone, Copy, PartialEq, Serialize)]
pub struct Totals {
    pub passed: usize,
    pub failed: usize,
    pub skipped: usize,
    pub not_run: usize,
}

impl Totals {
    pub fn of(outcomes: &[Outcome]) -> Self {
        let count = |verdict| {
            let of = outcomes.iter().filter(|outcome| outcome.verdict == verdict);
            of.count()
        };
        Totals {
            passed: count(Verdict::Passed),
            failed: count(Verdict::Failed),
            skipped: count(Verdict::Skipped),
            not_run: count(Verdict::NotRun),
        }
    }

    /// Returns 0 only if no row failed, all were run, and there was at least one.
    pub fn exit_status(self) -> u8 {
        match self {
            Totals { failed: 1.., .. } => 1,
            Totals { not_run: 1.., .. } | Totals { passed: 0, .. } => 3,
            _ => 0,
        }
    }
}

impl std::fmt::Display for Totals {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Totals {
            passed,
            failed,
            skipped,
            not_run,
        } = self;
        if *not_run > 0 {
            write!(f, "{not_run} not run, ")?;
        }
        write!(f, "{passed} passed, {failed} failed, {skipped} skipped")
    }
}

/// Returns the key of a pass: the row, the kernel with everything that its drills depend on, and
/// this program.
pub fn key(row: &Row, release: &str, built: u64, program: u64) -> String {
    let mut hasher = DefaultHasher::new();
    (row, release, built, program).hash(&mut hasher);
    format!("{:016x}", hasher.finish())
}

/// The file in a row's directory that records a pass.
#[derive(Serialize, Deserialize)]
struct Proof {
    key: String,
    took_secs: f64,
}

const PROOF: &str = "passed.json";

/// Removes the record of a pass.
pub fn forget(folder: &Path) -> anyhow::Result<()> {
    match fs::remove_file(folder.join(PROOF)) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).context("cannot remove an earlier result")
        }
        _ => Ok(()),
    }
}

/// Records a pass, atomically.
pub fn remember(folder: &Path, key: &str, took_secs: f64) -> anyhow::Result<()> {
    let new = folder.join("passed.json.new");
    let proof = Proof {
        key: key.into(),
        took_secs,
    };
    fs::write(&new, serde_json::to_string(&proof)?)
        .and_then(|()| fs::rename(&new, folder.join(PROOF)))
        .with_context(|| format!("cannot write {}", new.display()))
}

/// Returns the report of a recorded pass with the same `key`, and how long it took. A record that
/// cannot be read does not count.
pub fn recall(folder: &Path, key: &str) -> Option<(Report, f64)> {
    let proof: Proof = read(&folder.join(PROOF))?;
    let report = read(&folder.join("report.json"))?;
    (proof.key == key).then_some((report, proof.took_secs))
}

fn read<T: serde::de::DeserializeOwned>(file: &Path) -> Option<T> {
    serde_json::from_str(&fs::read_to_string(file).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::matrix::row;

    fn report(stage: &str) -> Report {
        serde_json::from_str(&format!(
            r#"{{"stage": "{stage}", "summary": "so it was"}}"#
        ))
        .unwrap()
    }

    #[test]
    fn a_row_passes_where_it_should_end_and_nowhere_else() {
        let rows = row::all().unwrap();
        for (name, stage) in [
            ("soft-1", "pass"),
            ("soft-1-report", "detected_no_panic"),
            ("soft-1-off", "not_detected"),
            ("spin-1", "not_detected"),
        ] {
            let row = rows.iter().find(|row| row.name == name).unwrap();
            for ended in [
                "pass",
                "detected_no_panic",
                "not_detected",
                "wrong_cause",
                "could_not_tell",
            ] {
                let outcome = Outcome::judged(row, "k", "r", Path::new("/none"), report(ended));
                let passed = outcome.verdict == Verdict::Passed;
                assert_eq!(passed, ended == stage, "{name}: {ended}");
                assert_eq!(
                    passed,
                    outcome.reason.is_empty(),
                    "{name}: {}",
                    outcome.reason
                );
            }
        }
    }

    #[test]
    fn exit_statuses() {
        let status = |passed, failed, skipped, not_run| {
            let totals = Totals {
                passed,
                failed,
                skipped,
                not_run,
            };
            totals.exit_status()
        };
        assert_eq!((status(1, 0, 0, 0), status(1, 0, 5, 0)), (0, 0));
        assert_eq!((status(5, 1, 0, 0), status(5, 1, 0, 3)), (1, 1));
        assert_eq!((status(0, 0, 5, 0), status(5, 0, 0, 1)), (3, 3));
    }

    #[test]
    fn a_pass_is_of_one_row_kernel_module_and_program() {
        let rows = row::all().unwrap();
        let one = key(&rows[0], "7.3", 1, 1);
        assert_eq!(one, key(&rows[0].clone(), "7.3", 1, 1));
        for other in [
            key(&rows[1], "7.3", 1, 1),
            key(&rows[0], "7.4", 1, 1),
            key(&rows[0], "7.3", 2, 1),
            key(&rows[0], "7.3", 1, 2),
        ] {
            assert_ne!(one, other);
        }
    }

    #[test]
    fn what_is_remembered_and_forgotten() {
        let dir = tempfile::tempdir().unwrap();
        forget(dir.path()).unwrap();
        assert!(recall(dir.path(), "k").is_none());
        remember(dir.path(), "k", 2.5).unwrap();
        assert!(recall(dir.path(), "k").is_none(), "no report");
        let text = r#"{"stage": "pass", "summary": ""}"#;
        fs::write(dir.path().join("report.json"), text).unwrap();
        assert_eq!(recall(dir.path(), "k").unwrap().1, 2.5);
        assert!(recall(dir.path(), "l").is_none());
        forget(dir.path()).unwrap();
        assert!(recall(dir.path(), "k").is_none());
    }
}
