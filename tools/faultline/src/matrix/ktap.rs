// SPDX-License-Identifier: GPL-2.0

//! The results as KTAP, for test harnesses: each row is a test.

use super::outcome::{Outcome, Verdict};
use crate::terminal::escape;
use std::fmt::Write;

pub fn of(outcomes: &[Outcome]) -> String {
    let mut text = format!("KTAP version 1\n1..{}\n", outcomes.len());
    for (at, outcome) in outcomes.iter().enumerate() {
        let (number, name) = (at + 1, outcome.row.name);
        // The reason must be one line, whatever it quotes.
        let reason = outcome
            .reason
            .split_whitespace()
            .collect::<Vec<_>>()
            .join(" ");
        let reason = escape::line(&reason);
        let _ = match outcome.verdict {
            Verdict::Passed => writeln!(text, "ok {number} {name}"),
            Verdict::Skipped => writeln!(text, "ok {number} {name} # SKIP {reason}"),
            Verdict::Failed | Verdict::NotRun => {
                writeln!(text, "# {reason}\nnot ok {number} {name}")
            }
        };
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::matrix::document::tests::outcomes;

    #[test]
    fn a_line_for_each_row_as_planned() {
        let outcomes = outcomes();
        let text = of(&outcomes);
        assert!(text.starts_with(&format!("KTAP version 1\n1..{}\n", outcomes.len())));
        let results: Vec<_> = text
            .lines()
            .skip(2)
            .filter(|line| !line.starts_with('#'))
            .collect();
        assert_eq!(
            results,
            [
                "ok 1 soft-1",
                "not ok 2 soft-0",
                "ok 3 spin-1 # SKIP it is <not> there",
                "not ok 4 rcu-1"
            ]
        );
        let mut hostile = outcomes[1].clone();
        hostile.reason = "\u{1b}[2J\nok 1 soft-0\r".into();
        let text_of_it = of(&[hostile]);
        assert!(text_of_it.ends_with("1..1\n# \\x1b[2J ok 1 soft-0\nnot ok 1 soft-0\n"));
        assert!(text.contains("# ended as wrong_cause, expected pass: <b>&\"\nnot ok 2"));
    }
}
