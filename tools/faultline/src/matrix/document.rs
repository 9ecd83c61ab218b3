// SPDX-License-Identifier: GPL-2.0

//! The results as one JSON document. It is an interface: within one version of the schema, keys are
//! added but never changed or removed.

use super::outcome::{Outcome, Totals, Verdict};
use super::row::{Goal, Place, Row};
use crate::run::report::DRILL;
use serde::Serialize;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

const MATRIX: &str = "faultline.matrix/1";
const ROWS: &str = "faultline.matrix-rows/1";

#[derive(Serialize)]
struct Document<'a> {
    schema: &'static str,
    /// The schema of the rows' own reports.
    drill_schema: &'static str,
    exit_status: u8,
    made_at: String,
    #[serde(flatten)]
    totals: Totals,
    rows: Vec<Entry<'a>>,
}

#[derive(Serialize)]
struct Entry<'a> {
    name: &'a str,
    kernel: &'a str,
    release: Option<&'a str>,
    mode: &'a str,
    cpus: &'a str,
    policy: &'a str,
    detector: &'a str,
    on: Place,
    vm_cpus: u32,
    options: &'a [&'a str],
    expected_stage: Goal,
    result: Verdict,
    reason: &'a str,
    reused: bool,
    took_secs: Option<f64>,
    stage: Option<&'a str>,
    run_id: Option<&'a str>,
    latency_secs: Option<f64>,
    window_secs: Option<[f64; 2]>,
    panicked: Option<bool>,
    dump_bytes: Option<u64>,
    kernel_line: Option<&'a str>,
    folder: &'a Path,
}

impl<'a> Entry<'a> {
    fn of(outcome: &'a Outcome) -> Self {
        let (row, report) = (&outcome.row, outcome.report.as_ref());
        let latency = report.and_then(|report| report.latency.as_ref());
        Entry {
            name: row.name,
            kernel: &outcome.kernel,
            release: outcome.release.as_deref(),
            mode: row.mode,
            cpus: row.cpus,
            policy: row.policy.word(),
            detector: row.detector,
            on: row.place,
            vm_cpus: row.vm_cpus,
            options: &row.options,
            expected_stage: row.goal(),
            result: outcome.verdict,
            reason: &outcome.reason,
            reused: outcome.is_reused,
            took_secs: outcome.took_secs,
            stage: report.map(|report| report.stage.as_str()),
            run_id: report.and_then(|report| report.run_id.as_deref()),
            latency_secs: latency.map(|latency| latency.secs),
            window_secs: latency
                .and_then(|latency| latency.window.as_ref())
                .map(|window| [window.earliest_secs, window.latest_secs]),
            panicked: report.map(|report| report.is_panic()),
            dump_bytes: report.and_then(|report| report.dumped()),
            kernel_line: outcome.line.as_deref(),
            folder: &outcome.folder,
        }
    }
}

pub fn of(outcomes: &[Outcome]) -> anyhow::Result<String> {
    let totals = Totals::of(outcomes);
    let document = Document {
        schema: MATRIX,
        drill_schema: DRILL,
        exit_status: totals.exit_status(),
        made_at: date(now()),
        totals,
        rows: outcomes.iter().map(Entry::of).collect(),
    };
    Ok(serde_json::to_string_pretty(&document)? + "\n")
}

#[derive(Serialize)]
struct List<'a> {
    schema: &'static str,
    rows: Vec<Listed<'a>>,
}

/// A row of the table; without a kernel it is run on that of the matrix.
#[derive(Serialize)]
struct Listed<'a> {
    name: &'a str,
    kernel: Option<&'a str>,
    mode: &'a str,
    cpus: &'a str,
    policy: &'a str,
    detector: &'a str,
    on: Place,
    vm_cpus: u32,
    tags: &'a [&'a str],
    options: &'a [&'a str],
    expected_stage: Goal,
}

impl<'a> Listed<'a> {
    fn of(row: &'a Row) -> Self {
        Listed {
            name: row.name,
            kernel: row.kernel,
            mode: row.mode,
            cpus: row.cpus,
            policy: row.policy.word(),
            detector: row.detector,
            on: row.place,
            vm_cpus: row.vm_cpus,
            tags: &row.tags,
            options: &row.options,
            expected_stage: row.goal(),
        }
    }
}

/// Returns the rows themselves, for `--list`.
pub fn list(rows: &[Row]) -> anyhow::Result<String> {
    let document = List {
        schema: ROWS,
        rows: rows.iter().map(Listed::of).collect(),
    };
    Ok(serde_json::to_string_pretty(&document)? + "\n")
}

/// Returns the seconds since 1970.
pub fn now() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    now.map_or(0, |since| since.as_secs())
}

/// Formats seconds since 1970 as an ISO 8601 date and time.
pub fn date(secs: u64) -> String {
    // Years are counted from March on, so that a leap day is the last day of a year.
    let (days, time) = (secs / 86400 + 719_468, secs % 86400);
    let (era, day) = (days / 146_097, days % 146_097);
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let (day, month) = (day - (153 * month + 2) / 5 + 1, (month + 2) % 12 + 1);
    let year = era * 400 + year + u64::from(month <= 2);
    let (hour, minute, second) = (time / 3600, time / 60 % 60, time % 60);
    format!("{year}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

#[cfg(test)]
pub mod tests {
    use super::*;
    use crate::matrix::drilled::Report;
    use crate::matrix::row;

    #[test]
    fn the_list_has_the_rows_as_they_are_in_the_table() {
        let rows = row::all().unwrap();
        let document: serde_json::Value = serde_json::from_str(&list(&rows).unwrap()).unwrap();
        assert_eq!(document["schema"], ROWS);
        let listed = document["rows"].as_array().unwrap();
        assert_eq!(listed.len(), rows.len());
        let row = |name: &str| listed.iter().find(|row| row["name"] == name).unwrap();
        let report = row("soft-1-report");
        assert_eq!(report["policy"], "report");
        assert_eq!(report["expected_stage"], "detected_no_panic");
        assert_eq!(report["tags"], serde_json::json!(["quick"]));
        assert_eq!(report["options"], serde_json::json!(["--hold-secs", "20"]));
        assert_eq!(report["kernel"], serde_json::Value::Null);
        assert_eq!(
            row("hard-1-buddy-off")["kernel"],
            "debian-13-backports-buddy"
        );
    }

    /// Returns one outcome of each kind, with text that HTML has to escape.
    pub fn outcomes() -> Vec<Outcome> {
        let rows = row::all().unwrap();
        let row = |name| rows.iter().find(|row| row.name == name).unwrap();
        let folder = Path::new("/none");
        let report = |text: &str| serde_json::from_str::<Report>(text).unwrap();
        let passed = report(
            r#"{"run_id": "r1", "stage": "pass", "summary": "soft lockup",
                "latency": {"secs": 5.25, "threshold": 2, "window":
                    {"earliest_secs": 4.0, "latest_secs": 6.4, "tolerance_secs": 1.0}},
                "timeline": [
                    {"at_secs": 4.5, "name": "up", "text": "guest up"},
                    {"at_secs": 8.0, "name": "injected", "text": "lockup/1 <spins>"},
                    {"at_secs": 13.2, "name": "detected", "text": "detected"},
                    {"at_secs": 13.3, "name": "panic", "text": "panic: soft"},
                    {"at_secs": 18.0, "name": "crash_kernel_up", "text": "up"},
                    {"at_secs": 24.0, "name": "dumped", "text": "dump written"},
                    {"at_secs": 25.5, "name": "down", "text": "VM down"}],
                "dump": {"state": "complete", "bytes": 94000000}}"#,
        );
        let failed = report(r#"{"stage": "wrong_cause", "summary": "<b>&\"", "latency": null}"#);
        let of = |name, verdict, why| Outcome::without_report(row(name), "k", folder, verdict, why);
        vec![
            Outcome {
                line: Some("watchdog: <BUG>".into()),
                took_secs: Some(31.0),
                ..Outcome::judged(row("soft-1"), "k", "7.3", folder, passed)
            },
            Outcome::judged(row("soft-0"), "k", "7.3", folder, failed),
            of("spin-1", Verdict::Skipped, "it is <not>\nthere"),
            of("rcu-1", Verdict::NotRun, "interrupted"),
        ]
    }

    #[test]
    fn dates() {
        assert_eq!(date(0), "1970-01-01T00:00:00Z");
        assert_eq!(date(951_782_399), "2000-02-28T23:59:59Z");
        assert_eq!(date(951_782_400), "2000-02-29T00:00:00Z");
        assert_eq!(date(4_107_542_400), "2100-03-01T00:00:00Z");
        assert_eq!(date(1_798_761_599), "2026-12-31T23:59:59Z");
    }

    #[test]
    fn what_programs_read() {
        let document: serde_json::Value = serde_json::from_str(&of(&outcomes()).unwrap()).unwrap();
        assert_eq!(document["schema"], MATRIX);
        assert_eq!(document["exit_status"], 1);
        for total in ["passed", "failed", "skipped", "not_run"] {
            assert_eq!(document[total], 1, "{total}");
        }
        let rows = document["rows"].as_array().unwrap();
        let results: Vec<_> = rows
            .iter()
            .map(|row| row["result"].as_str().unwrap())
            .collect();
        assert_eq!(results, ["passed", "failed", "skipped", "not_run"]);
        assert_eq!(rows[0]["latency_secs"], 5.25);
        assert_eq!(rows[0]["window_secs"][1], 6.4);
        assert_eq!(rows[0]["dump_bytes"], 94_000_000);
        assert_eq!(
            (&rows[1]["stage"], &rows[1]["expected_stage"]),
            (&"wrong_cause".into(), &"pass".into())
        );
        assert!(rows[2]["release"].is_null());
    }
}
