// SPDX-License-Identifier: GPL-2.0

//! The rows and their outcomes as text.

use super::outcome::{Outcome, Totals, Verdict};
use super::row::Row;
use crate::run::timeline::megabytes;
use crate::terminal::layout::wrapped;
use std::fmt::Write;
use std::path::Path;

/// Returns the list of rows, one per line.
pub fn list(rows: &[Row]) -> String {
    let mut text = format!(
        "{:22} {:14} {:4} {:6} {:17} {}\n",
        "row", "mode", "cpus", "policy", "detector", "tags"
    );
    for row in rows {
        let line = format!(
            "{:22} {:14} {:4} {:6} {:17} {}",
            row.name,
            row.mode,
            row.cpus,
            row.policy.word(),
            row.detector,
            row.tags.join(",")
        );
        let _ = writeln!(text, "{}", line.trim_end());
        let on = [row.place.named(), row.kernel];
        let on: Vec<_> = on.into_iter().flatten().collect();
        if !on.is_empty() {
            let _ = writeln!(text, "{:22} on {}", "", on.join(", "));
        }
    }
    text
}

/// Returns the outcomes, one per line; then the rows that did not pass, with the reasons; then the
/// page's path.
pub fn results(outcomes: &[Outcome], page: &Path) -> String {
    let mut text = format!(
        "{:22} {:17} {:16} {:5} {:6} {}\n",
        "row", "detected by", "after (window), s", "panic", " dump", "result"
    );
    for outcome in outcomes {
        let _ = writeln!(text, "{}", line(outcome));
    }
    text.push('\n');
    for outcome in of(outcomes, Verdict::Failed) {
        let _ = writeln!(text, "failed: {}", outcome.row.name);
        text += &wrapped("  ", &outcome.reason);
        let evidence = outcome.report.iter().flat_map(|report| &report.evidence);
        for line in evidence {
            text += &wrapped("  | ", line);
        }
    }
    let mut told: Vec<&str> = Vec::new();
    for outcome in of(outcomes, Verdict::Skipped) {
        if !told.contains(&outcome.reason.as_str()) {
            told.push(&outcome.reason);
            let names: Vec<_> = of(outcomes, Verdict::Skipped)
                .filter(|other| other.reason == outcome.reason)
                .map(|other| other.row.name)
                .collect();
            text += &wrapped("skipped: ", &names.join(", "));
            text += &wrapped("  ", &outcome.reason);
        }
    }
    let here = std::env::current_dir().unwrap_or_default();
    let page = page.strip_prefix(&here).unwrap_or(page);
    let _ = writeln!(text, "the page: {}", page.display());
    let _ = writeln!(text, "{}", Totals::of(outcomes));
    text
}

fn of(outcomes: &[Outcome], verdict: Verdict) -> impl Iterator<Item = &Outcome> {
    let of = move |outcome: &&Outcome| outcome.verdict == verdict;
    outcomes.iter().filter(of)
}

fn line(outcome: &Outcome) -> String {
    let report = outcome.report.as_ref();
    let detector = report
        .filter(|report| report.is_detected())
        .map_or("-", |_| outcome.row.detector);
    let latency = report.and_then(|report| report.latency.as_ref());
    let latency = latency.map_or("-".into(), |latency| match &latency.window {
        Some(window) => format!(
            "{:.1} ({:.1}-{:.1})",
            latency.secs, window.earliest_secs, window.latest_secs
        ),
        None => format!("{:.1}", latency.secs),
    });
    let panic = report.map_or("-", |report| if report.is_panic() { "yes" } else { "no" });
    let dump = report.and_then(|report| report.dumped());
    let dump = dump.map_or("-".into(), megabytes);
    let result = match outcome.verdict {
        Verdict::Failed => "FAILED",
        verdict => verdict.word(),
    };
    let name = outcome.row.name;
    format!("{name:22} {detector:17} {latency:17} {panic:5} {dump:>6} {result}")
        .trim_end()
        .into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::matrix::document::tests::outcomes;
    use crate::matrix::row;
    use crate::terminal::layout::WIDTH;

    #[test]
    fn the_table_and_the_totals() {
        let text = results(&outcomes(), Path::new("/tmp/matrix.html"));
        assert!(text.contains(
            "soft-1                 soft-lockup       5.2 (4.0-6.4)     yes    94 MB passed\n"
        ));
        assert!(text.contains("failed: soft-0\n  ended as wrong_cause"));
        assert!(text.contains("skipped: spin-1\n  it is <not> there"));
        assert!(text.ends_with("1 not run, 1 passed, 1 failed, 1 skipped\n"));
    }

    #[test]
    fn nothing_is_wider_than_a_terminal() {
        let mut all = list(&row::all().unwrap());
        all += &results(&outcomes(), Path::new("/tmp/matrix.html"));
        for line in all.lines() {
            assert!(line.chars().count() <= WIDTH, "{line}");
        }
    }
}
