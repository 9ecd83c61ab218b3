// SPDX-License-Identifier: GPL-2.0

//! The results as an HTML page: one self-contained file. The template escapes all text.

mod timeline;

use super::document;
use super::drilled::Report;
use super::outcome::{Outcome, Totals, Verdict};
use super::row::{Goal, Row};
use crate::run::timeline::megabytes;
use maud::{html, Markup, PreEscaped, DOCTYPE};
use std::path::Path;

const STYLE: &str = include_str!("style.css");

const VERDICTS: [Verdict; 4] = [
    Verdict::Passed,
    Verdict::Failed,
    Verdict::Skipped,
    Verdict::NotRun,
];

impl Verdict {
    /// Returns the symbol that shows it without a colour.
    fn symbol(self) -> &'static str {
        match self {
            Self::Passed => "✓",
            Self::Failed => "✗",
            Self::Skipped => "–",
            Self::NotRun => "○",
        }
    }

    fn class(self) -> &'static str {
        match self {
            Self::NotRun => "not_run",
            other => other.word(),
        }
    }
}

/// Returns the page, for a file beside the directory `out`; `made` is in seconds since 1970.
pub fn page(outcomes: &[Outcome], out: &Path, made: u64) -> String {
    let totals = Totals::of(outcomes);
    let folder = out.file_name().unwrap_or_default().to_string_lossy();
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { "Fault matrix: " (totals) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                (heading(outcomes, totals, made))
                (overview(outcomes))
                (legend())
                @for mode in firsts(outcomes, |outcome| outcome.row.mode) {
                    h2 id={ "mode-" (mode) } { code { (mode) } }
                    @for outcome in outcomes.iter().filter(|outcome| outcome.row.mode == mode) {
                        (row(outcome, &folder))
                    }
                }
            }
        }
    };
    page.into_string()
}

/// Returns the distinct values of all outcomes, in the order in which they occur first.
fn firsts<T: PartialEq>(outcomes: &[Outcome], of: impl Fn(&Outcome) -> T) -> Vec<T> {
    let mut values = Vec::new();
    for value in outcomes.iter().map(of) {
        if !values.contains(&value) {
            values.push(value);
        }
    }
    values
}

fn heading(outcomes: &[Outcome], totals: Totals, made: u64) -> Markup {
    let count = |verdict| match verdict {
        Verdict::Passed => totals.passed,
        Verdict::Failed => totals.failed,
        Verdict::Skipped => totals.skipped,
        Verdict::NotRun => totals.not_run,
    };
    // Without a zero for the results that are rare.
    let shown = VERDICTS.map(|verdict| (verdict, count(verdict)));
    let shown = || {
        let wanted =
            |(verdict, count): &(Verdict, usize)| *verdict != Verdict::NotRun || *count > 0;
        shown.into_iter().filter(wanted)
    };
    let releases = firsts(outcomes, |outcome| {
        (outcome.kernel.clone(), outcome.release.clone())
    });
    html! {
        header {
            h1 { "Fault matrix" }
            p .faint {
                (outcomes.len()) " faults provoked on purpose, each in a fresh virtual machine; made "
                (document::date(made).replace('T', " ").replace('Z', " UTC"))
            }
            ul .totals {
                @for (verdict, count) in shown() {
                    li class=(verdict.class()) {
                        b { (count) } (verdict.symbol()) " " (verdict.word())
                    }
                }
            }
            div .share role="presentation" {
                @for (verdict, count) in shown().filter(|(_, count)| *count > 0) {
                    i class=(verdict.class()) style={ "flex:" (count) } {}
                }
            }
            p .small {
                @for (at, (kernel, release)) in releases.iter().filter(|(_, release)| release.is_some()).enumerate() {
                    @if at > 0 { " · " }
                    (kernel) ": " code { (release.as_deref().unwrap_or_default()) }
                }
            }
        }
    }
}

/// The grid: fault and detector, by expected result.
fn overview(outcomes: &[Outcome]) -> Markup {
    let goals = [
        (Goal::Pass, "a dump that names it", "all is armed"),
        (Goal::DetectedNoPanic, "a report only", "panic is off"),
        (
            Goal::NotDetected,
            "nothing",
            "detector off, or none reports it",
        ),
    ];
    html! {
        h2 { "Results by fault" }
        div .grid {
            table {
                thead {
                    tr {
                        th scope="col" { "fault" }
                        th scope="col" { "reported by" }
                        @for (_, what, when) in goals {
                            th scope="col" { "→ " (what) br; span .faint.small { (when) } }
                        }
                    }
                }
                @for mode in firsts(outcomes, |outcome| outcome.row.mode) {
                    @let of_mode: Vec<_> = outcomes.iter().filter(|outcome| outcome.row.mode == mode).collect();
                    @let detectors = {
                        let mut detectors: Vec<_> = Vec::new();
                        for outcome in &of_mode {
                            if !detectors.contains(&outcome.row.detector) {
                                detectors.push(outcome.row.detector);
                            }
                        }
                        detectors
                    };
                    tbody .mode {
                        @for (at, detector) in detectors.iter().enumerate() {
                            tr {
                                @if at == 0 {
                                    th scope="rowgroup" rowspan=(detectors.len()) {
                                        a href={ "#mode-" (mode) } { (breakable(mode)) }
                                    }
                                }
                                td { (detector.replace('-', " ")) }
                                @for (goal, ..) in goals {
                                    td {
                                        div .chips {
                                            @for outcome in of_mode.iter().filter(|outcome|
                                                outcome.row.detector == *detector && outcome.row.goal() == goal)
                                            {
                                                (chip(outcome))
                                            }
                                        }
                                    }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn chip(outcome: &Outcome) -> Markup {
    let verdict = outcome.verdict;
    html! {
        a .chip.(verdict.class()) href={ "#" (outcome.row.name) }
            title={ (outcome.row.name) ": " (verdict.word()) } {
            (verdict.symbol()) " " (cpus(&outcome.row)) span .word { " " (verdict.word()) }
            @for more in differences(&outcome.row) { small { (more) } }
        }
    }
}

/// Returns a name with optional breaks after its underscores.
fn breakable(name: &str) -> Markup {
    html! {
        @for part in name.split_inclusive('_') { (part) wbr; }
    }
}

fn cpus(row: &Row) -> String {
    match row.cpus {
        "all" => format!("all {} CPUs", row.vm_cpus),
        list if list.contains(['-', ',']) => format!("CPUs {list} of {}", row.vm_cpus),
        one => format!("CPU {one}"),
    }
}

/// Returns the differences of a row from its neighbours: its place, its kernel, and named settings.
fn differences(row: &Row) -> Vec<&'static str> {
    let options = row.options.iter().filter(|option| option.contains('='));
    let place = row.place.named().into_iter();
    place.chain(row.kernel).chain(options.copied()).collect()
}

fn legend() -> Markup {
    let phases = [
        ("boot", "boots"),
        ("ready", "arms, counts down"),
        ("held", "is held"),
        ("after", "after the fault"),
        ("crash", "crash kernel boots"),
        ("dump", "dumps"),
    ];
    html! {
        h2 { "Timelines" }
        p .small.faint { "Seconds since power-on; each drill has its own scale." }
        ul .legend.small {
            @for (class, what) in phases {
                li { svg { rect class=(class) width="26" height="12" rx="2" {} } (what) }
            }
            li {
                svg {
                    rect .window width="26" height="12" {}
                    line .bound x1="0" x2="0" y1="0" y2="12" {}
                    line .bound x1="26" x2="26" y1="0" y2="12" {}
                }
                "the documented window of the report"
            }
        }
    }
}

fn row(outcome: &Outcome, folder: &str) -> Markup {
    let (row, verdict) = (&outcome.row, outcome.verdict);
    html! {
        article .row.{ "is-" (verdict.class()) } id=(row.name) {
            header {
                span .badge.(verdict.class()) { (verdict.symbol()) " " (verdict.word()) }
                h3 { (row.name) }
                span .small {
                    (cpus(row)) " · policy " b { (row.policy.word()) }
                    " · " (row.detector.replace('-', " ")) " → " (expected(row))
                    @for more in differences(row) { " · " code { (more) } }
                }
                span .end.small.faint {
                    @if let Some(took) = outcome.took_secs { (format!("{took:.0} s")) }
                    @if outcome.is_reused { ", in an earlier run" }
                }
            }
            @if !outcome.reason.is_empty() {
                p .why.(verdict.class()) { (outcome.reason) }
            }
            @if let Some(line) = &outcome.line {
                p .line { code { (line) } }
            }
            @if let Some(report) = &outcome.report {
                (timeline::drawn(report))
                (facts(report))
                (checks(report))
                (details(outcome, report, folder))
            }
        }
    }
}

fn expected(row: &Row) -> &'static str {
    match row.goal() {
        Goal::Pass => "a dump that names it",
        Goal::DetectedNoPanic => "a report, no panic",
        Goal::NotDetected => "nothing",
    }
}

fn facts(report: &Report) -> Markup {
    html! {
        p .small {
            @if let Some(latency) = &report.latency {
                "reported after " b { (format!("{:.1} s", latency.secs)) }
                @if let Some(window) = &latency.window {
                    (format!(", documented: {:.1} to {:.1} s", window.earliest_secs, window.latest_secs))
                }
                ". "
            }
            @if let Some(bytes) = report.dumped() { "Dump: " (megabytes(bytes)) ". " }
            span .faint { (report.summary) }
        }
    }
}

fn checks(report: &Report) -> Markup {
    let count = |result: &str| {
        let of = report.checks.iter().filter(|check| check.result == result);
        of.count()
    };
    let heading = [("ok", "ok"), ("failed", "failed"), ("skipped", "skipped")]
        .into_iter()
        .map(|(result, word)| (count(result), word))
        .filter(|(count, _)| *count > 0)
        .map(|(count, word)| format!("{count} {word}"))
        .collect::<Vec<_>>();
    html! {
        @if !report.checks.is_empty() {
            details open[count("failed") > 0] {
                summary { "checks of the dump: " (heading.join(", ")) }
                table {
                    @for check in &report.checks {
                        @let (class, symbol) = match check.result.as_str() {
                            "ok" => ("passed", "✓"),
                            "failed" => ("failed", "✗"),
                            _ => ("skipped", "–"),
                        };
                        tr {
                            td { span .badge.(class) { (symbol) " " (check.result) } }
                            td { (check.name) br; span .faint { (check.source) } }
                            td {
                                (check.found)
                                @if class == "failed" { br; "expected: " (check.expected) }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn details(outcome: &Outcome, report: &Report, folder: &str) -> Markup {
    html! {
        details open[outcome.verdict == Verdict::Failed && !report.evidence.is_empty()] {
            summary { "evidence and logs" }
            @if !report.evidence.is_empty() {
                pre { @for line in &report.evidence { (line) "\n" } }
            }
            @if outcome.verdict == Verdict::Failed && !report.advice.is_empty() {
                p { (report.advice) }
            }
            pre {
                @for moment in &report.timeline {
                    (format!("{:8.1} s  {}\n", moment.at_secs, moment.text))
                }
            }
            p .small {
                @for name in ["kernel.log", "console.log", "report.json"] {
                    @if outcome.folder.join(name).exists() {
                        a href={ (folder) "/" (outcome.row.name) "/" (name) } { (name) } " "
                    }
                }
                @if let Some(id) = &report.run_id { span .faint { "run id " code { (id) } } }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::matrix::document::tests::outcomes;

    fn made() -> String {
        page(&outcomes(), Path::new("/tmp/matrix"), 0)
    }

    #[test]
    fn every_row_is_in_the_grid_and_has_its_place() {
        let page = made();
        for outcome in outcomes() {
            let name = outcome.row.name;
            assert_eq!(page.matches(&format!("id=\"{name}\"")).count(), 1, "{name}");
            assert_eq!(
                page.matches(&format!("href=\"#{name}\"")).count(),
                1,
                "{name}"
            );
        }
        for (verdict, word) in [
            ("passed", "✓ CPU 1<span class=\"word\"> passed</span>"),
            ("failed", "✗ CPU 0<span class=\"word\"> failed</span>"),
        ] {
            assert!(
                page.contains(&format!("class=\"chip {verdict}\"")),
                "{verdict}"
            );
            assert!(page.contains(word), "{word}");
        }
    }

    #[test]
    fn what_others_wrote_is_text() {
        let page = made();
        for (raw, escaped) in [
            ("<BUG>", "watchdog: &lt;BUG&gt;"),
            ("<b>&\"", "&lt;b&gt;&amp;&quot;"),
            ("<not>", "it is &lt;not&gt;"),
            ("<spins>", "lockup/1 &lt;spins&gt;"),
        ] {
            assert!(!page.contains(raw) && page.contains(escaped), "{raw}");
        }
    }

    #[test]
    fn it_needs_nothing_else() {
        let page = made();
        for other in ["http:", "https:", "src=", "<script", "@import", "url("] {
            assert!(!page.contains(other), "{other}");
        }
    }
}
