// SPDX-License-Identifier: GPL-2.0

//! How often which program sent which signal to which, and what came of it.

use super::names::{self, Sender};
use super::outcome::{Outcome, Signal};
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt::Write;

/// As many lines, and one for all others.
const MOST: usize = 500;

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
struct Row {
    signal: i32,
    from: String,
    to: String,
    way: String,
    outcome: Outcome,
}

/// The counts.
#[derive(Debug, Default)]
pub struct Summary {
    rows: BTreeMap<Row, u64>,
    /// Signals for which there was no room.
    others: u64,
}

impl Summary {
    /// Counts a signal, by what came of it in the end. One that was told before is counted anew: as
    /// what it is now.
    pub fn add(&mut self, signal: &Signal, before: Option<Outcome>) {
        let row = |outcome| Row {
            signal: signal.signal,
            from: match (&signal.from, signal.reason().sender) {
                (None, _) => "(sent before)".into(),
                (Some(_), Sender::Kernel) if !names::is_of_child(signal.signal, signal.code) => {
                    "kernel".into()
                }
                (Some(from), _) => from.comm.clone().unwrap_or_else(|| from.pid.to_string()),
            },
            to: signal
                .to
                .comm
                .clone()
                .unwrap_or_else(|| signal.to.pid.to_string()),
            way: signal.reason().way.into(),
            outcome,
        };
        if let Some(count) = before.and_then(|before| self.rows.get_mut(&row(before))) {
            *count = count.saturating_sub(1);
        }
        let row = row(signal.outcome);
        if self.rows.len() < MOST || self.rows.contains_key(&row) {
            *self.rows.entry(row).or_default() += 1;
        } else {
            self.others += 1;
        }
    }

    /// The rows, the most frequent first.
    fn sorted(&self) -> Vec<(&Row, u64)> {
        let mut rows: Vec<_> = self.rows.iter().map(|(row, count)| (row, *count)).collect();
        rows.retain(|(_, count)| *count > 0);
        rows.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        rows
    }

    pub fn for_people(&self) -> String {
        let mut text = format!(
            "{:>7} {:<12} {:<15} {:<15} what came of it\n",
            "count", "signal", "from", "to"
        );
        for (row, count) in self.sorted() {
            let outcome = serde_json::to_value(row.outcome).unwrap_or_default();
            let outcome = outcome.as_str().unwrap_or_default().replace('_', " ");
            let _ = writeln!(
                text,
                "{count:>7} {:<12} {:<15} {:<15} {outcome}",
                names::signal(row.signal),
                row.from,
                row.to
            );
        }
        if self.others > 0 {
            let _ = writeln!(text, "{:>7} others, of more than {MOST} kinds", self.others);
        }
        text
    }
}

impl Serialize for Summary {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Shown<'a> {
            signal: std::borrow::Cow<'static, str>,
            number: i32,
            from: &'a str,
            to: &'a str,
            way: &'a str,
            outcome: Outcome,
            count: u64,
        }
        #[derive(Serialize)]
        struct Document<'a> {
            signals: Vec<Shown<'a>>,
            others: u64,
        }
        let shown = self.sorted().into_iter().map(|(row, count)| Shown {
            signal: names::signal(row.signal),
            number: row.signal,
            from: &row.from,
            to: &row.to,
            way: &row.way,
            outcome: row.outcome,
            count,
        });
        let document = Document {
            signals: shown.collect(),
            others: self.others,
        };
        document.serialize(serializer)
    }
}

#[cfg(test)]
mod tests {
    use super::super::people::tests::signal;
    use super::*;

    #[test]
    fn counts() {
        let mut summary = Summary::default();
        let term = signal(15, 0, (812, "bash"), (900, "sleep"));
        summary.add(&term, None);
        summary.add(&term, None);
        let mut blocked = signal(10, 0, (812, "bash"), (901, "cat"));
        blocked.outcome = Outcome::Blocked;
        summary.add(&blocked, None);
        // It was told as blocked, and is handled now.
        blocked.outcome = Outcome::Handled;
        summary.add(&blocked, Some(Outcome::Blocked));
        summary.add(&signal(11, 1, (900, "prog"), (900, "prog")), None);
        assert_eq!(
            summary.for_people(),
            "  count signal       from            to              what came of it\n\
             \x20     2 SIGTERM      bash            sleep           terminated\n\
             \x20     1 SIGUSR1      bash            cat             handled\n\
             \x20     1 SIGSEGV      kernel          prog            terminated\n"
        );
        let document = serde_json::to_value(&summary).unwrap();
        assert_eq!(document["signals"][0]["count"], 2);
        assert_eq!(document["signals"][2]["way"], "SEGV_MAPERR");
    }

    #[test]
    fn kinds_do_not_heap_up() {
        let mut summary = Summary::default();
        for pid in 0..600 {
            summary.add(&signal(15, 0, (1, &format!("p{pid}")), (2, "x")), None);
        }
        assert_eq!((summary.rows.len(), summary.others), (MOST, 100));
        assert!(summary.for_people().contains("100 others"));
    }
}
