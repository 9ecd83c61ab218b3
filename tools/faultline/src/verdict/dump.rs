// SPDX-License-Identifier: GPL-2.0

//! The verdict on a dump, or on a kernel log alone.

use super::check::{check, skipped, Check, Result, CAUSE, LATENCY, PAGES, STACK};
use super::expected::{Expected, Latency};
use super::facts::Facts;
use super::stage::Stage;
use super::Verdict;
use crate::dump::{Dump, State};
use crate::klog::story::Story;

/// Judges a dump.
pub fn judge(expected: &Expected, dump: &Dump) -> Verdict {
    let case = expected.case;
    let mut verdict = match &dump.state {
        State::Absent => Verdict::of(
            case,
            Stage::DumpFailed,
            "there is no dump on the disk",
            Vec::new(),
        ),
        State::Unreadable(why) => Verdict::of(
            case,
            Stage::Unreadable,
            format!("the dump {why}"),
            Vec::new(),
        ),
        State::GivenUp(why) => Verdict::of(case, Stage::CouldNotTell, why.clone(), Vec::new()),
        State::Incomplete(missing) => {
            Verdict::of(case, Stage::DumpIncomplete, missing.clone(), Vec::new())
        }
        State::Complete { .. } | State::LogAlone => Verdict::of(case, Stage::Pass, "", Vec::new()),
    };
    let Some(story) = &dump.story else {
        if verdict.stage == Stage::Pass {
            verdict = Verdict::of(
                case,
                Stage::CouldNotTell,
                "its kernel log was not read",
                Vec::new(),
            );
        }
        return verdict;
    };
    let told = dump
        .witness
        .as_ref()
        .and_then(|answer| answer.as_ref().ok()?.threshold);
    let facts = Facts::new(expected, story);
    let threshold = facts
        .threshold()
        .or(told)
        .or(expected.threshold)
        .filter(|threshold| *threshold > 0);
    verdict.latency = facts.latency().map(|secs| Latency {
        secs,
        threshold,
        window: facts.window(threshold),
    });
    verdict.checks = [
        vec![complete(dump)],
        facts.by_log(verdict.latency.as_ref()),
        dump.witness
            .as_ref()
            .map(|answer| facts.by_drgn(answer))
            .unwrap_or_default(),
    ]
    .concat();
    if verdict.stage != Stage::Pass {
        return verdict;
    }
    let (stage, summary) = conclude(&facts, story, &verdict.checks);
    verdict.stage = stage;
    verdict.summary = summary;
    if stage == Stage::Pass && dump.state == State::LogAlone {
        verdict.stage = Stage::NoDump;
    }
    verdict.advice = match stage {
        Stage::DumpIncomplete => LEFT_OUT.into(),
        _ => verdict.stage.advice(case),
    };
    verdict
}

/// Checks that the dump is complete.
fn complete(dump: &Dump) -> Check {
    if dump.state == State::LogAlone {
        return skipped("dump", "dump", "a kernel log without a dump");
    }
    let (ok, found) = match &dump.state {
        State::Complete { pages } => (true, format!("complete, {pages} pages")),
        State::Incomplete(missing) => (false, missing.clone()),
        State::Unreadable(why) | State::GivenUp(why) => (false, why.clone()),
        State::Absent | State::LogAlone => (false, "absent".into()),
    };
    check("dump", "dump", ok, found, "complete")
}

/// Returns the stage that the checks of a complete dump, or of a log, show, and a summary.
fn conclude(facts: &Facts<'_>, story: &Story, checks: &[Check]) -> (Stage, String) {
    let with = |result| checks.iter().filter(move |check| check.result == result);
    let named = |check: &&Check| format!("{} ({})", check.name, check.source);
    let failed: Vec<_> = with(Result::Failed).collect();
    let names: Vec<_> = failed.iter().map(named).collect();
    let mut about_us = failed
        .iter()
        .filter(|check| ![CAUSE, LATENCY, PAGES].contains(&check.name));
    if failed.iter().any(|check| check.name == PAGES) {
        let summary = "pages that the kernel uses are missing from the dump".into();
        return (Stage::DumpIncomplete, summary);
    }
    let may_be_ours = facts.is_begin_lost() || facts.has_begun() && facts.is_mode();
    if story.panic.is_none() && may_be_ours {
        return match (facts.is_detected(), about_us.next()) {
            (true, None) => (
                Stage::DetectedNoPanic,
                format!("nothing panicked; reported: {}", passed(facts, checks)),
            ),
            (true, Some(_)) => (
                Stage::WrongCause,
                format!("nothing panicked; failed checks: {}", names.join(", ")),
            ),
            (false, _) => not_detected(facts),
        };
    }
    if let [check] = failed.as_slice() {
        if check.name == LATENCY {
            return (
                Stage::OutsideWindow,
                format!("detected after {}", check.found),
            );
        }
    }
    if !failed.is_empty() {
        let names = names.join(", ");
        // The cause of the panic comes first: the other failed checks follow from it.
        let cause = failed.iter().find(|check| check.name == CAUSE);
        let summary = match (failed.as_slice(), facts.over(), cause) {
            ([check], None, _) => format!("failed checks: {names}: {}", check.found),
            (_, None, Some(cause)) => format!("{}; failed checks: {names}", cause.found),
            (_, Some(over), _) => format!("{over}; failed checks: {names}"),
            (_, None, None) => format!("failed checks: {names}"),
        };
        return (Stage::WrongCause, summary);
    }
    let unknown: Vec<_> = with(Result::Unknown).collect();
    match unknown.first() {
        None => (Stage::Pass, passed(facts, checks)),
        Some(first) => {
            let names: Vec<_> = unknown.iter().map(named).collect();
            let summary = format!("no answer to {}: {}", names.join(", "), first.found);
            (Stage::CouldNotTell, summary)
        }
    }
}

/// Returns the summary for a log that ends with neither a report nor a panic.
fn not_detected(facts: &Facts<'_>) -> (Stage, String) {
    if facts.is_begin_lost() {
        return (
            Stage::CouldNotTell,
            format!("nothing panicked: {}", facts.lost()),
        );
    }
    match facts.over() {
        Some(over) => (
            Stage::NotDetected,
            format!("nothing panicked and nothing reported {facts}: {over}"),
        ),
        None => (
            Stage::CouldNotTell,
            format!("nothing had reported {facts}, which was still active when the log ended"),
        ),
    }
}

/// Returns the summary of a pass.
fn passed(facts: &Facts<'_>, checks: &[Check]) -> String {
    let shown = checks
        .iter()
        .find(|check| check.name == STACK && check.result == Result::Ok);
    let shown = match shown {
        Some(check) => format!("its stack shows {}", check.found),
        None => "its stack is not shown".into(),
    };
    format!("{facts}; {shown}")
}

const LEFT_OUT: &str = "makedumpfile left out too much: it may not know this kernel. Leave user \
                        pages in (-d 23 instead of -d 31), or take a newer one.";
