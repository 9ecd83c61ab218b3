// SPDX-License-Identifier: GPL-2.0

//! The summary: totals by event, result and cause, and how long calls took. It is made of
//! the module's ledger, which counts each call, also those for which no buffer had room.

use super::ledger::{Account, Ledger};
use crate::terminal::figures::histogram;
use crate::terminal::layout::{wrapped, WIDTH};
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt::Write;

/// What was counted between two moments.
#[derive(Debug, Serialize)]
pub struct Summary<'a> {
    pub secs: f64,
    /// Somebody has reset the ledger meanwhile, so that this is what came since then.
    pub reset: bool,
    pub filters: &'a BTreeMap<&'static str, String>,
    pub events: &'a BTreeMap<String, Account>,
}

impl<'a> Summary<'a> {
    /// `counted` is a difference, or the ledger itself after a reset.
    pub fn new(
        secs: f64,
        counted: &'a Ledger,
        reset: bool,
        filters: &'a BTreeMap<&'static str, String>,
    ) -> Self {
        Summary {
            secs,
            reset,
            filters,
            events: &counted.0,
        }
    }

    /// For people, in 80 columns.
    pub fn for_people(&self) -> String {
        let mut heading = format!("{:.1} s", self.secs);
        if !self.filters.is_empty() {
            heading += ", filters";
        }
        for (name, value) in self.filters {
            let _ = write!(heading, " {name}={value}");
        }
        let mut text = wrapped("", &heading);
        if self.reset {
            text += "The ledger was reset meanwhile: this is what came since then.\n";
        }
        let _ = writeln!(
            text,
            "\n{:<20}{:>12}{:>12}{:>12}{:>12}{:>12}",
            "", "hits", "recorded", "filtered", "missed", "lost"
        );
        for (event, account) in self.events {
            let Account {
                hits,
                recorded,
                filtered,
                missed,
                lost,
                ..
            } = account;
            let _ = writeln!(
                text,
                "{event:<20}{hits:>12}{recorded:>12}{filtered:>12}{missed:>12}{lost:>12}"
            );
        }
        for (event, account) in self
            .events
            .iter()
            .filter(|(_, account)| account.recorded > 0)
        {
            let _ = writeln!(text, "\n{event}");
            text += &listed("results", &account.results);
            text += &listed("causes", &account.causes);
            text += &histogram(&account.ns_below);
        }
        text
    }
}

/// Names and numbers, the most frequent first, in lines of 80 columns.
fn listed(what: &str, counts: &BTreeMap<String, u64>) -> String {
    let mut counts: Vec<_> = counts.iter().filter(|(_, &count)| count > 0).collect();
    counts.sort_by_key(|(_, &count)| std::cmp::Reverse(count));
    let mut lines = vec![format!("  {what:<8}")];
    for (at, (name, count)) in counts.iter().enumerate() {
        let comma = if at + 1 < counts.len() { "," } else { "" };
        let item = format!(" {name} {count}{comma}");
        if at > 0 && lines[lines.len() - 1].len() + item.len() > WIDTH {
            lines.push(format!("{:10}", ""));
        }
        if let Some(line) = lines.last_mut() {
            *line += &item;
        }
    }
    lines.join("\n") + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_recorded_ledger() {
        let read = |text| Ledger::read(text).unwrap();
        let before = read(include_str!("../../tests/data/route_before.log"));
        let after = read(include_str!("../../tests/data/route_after.log"));
        let counted = after.since(&before).unwrap();
        let filters = BTreeMap::from([("dst", "192.0.2.0/24".to_string())]);
        let text = Summary::new(12.34, &counted, false, &filters).for_people();
        assert_eq!(text, include_str!("../../tests/data/route_summary.log"));
        assert!(text.lines().all(|line| line.chars().count() <= WIDTH));
    }

    #[test]
    fn long_lists_are_broken() {
        let counts = (0..20)
            .map(|n| (format!("SKB_DROP_REASON_{n}"), n))
            .collect();
        let text = listed("results", &counts);
        assert!(
            text.lines().count() > 4 && text.lines().all(|line| line.len() <= WIDTH),
            "{text}"
        );
        assert!(
            text.starts_with("  results  SKB_DROP_REASON_19 19,"),
            "{text}"
        );
        assert!(!text.contains("REASON_0 "), "{text}");
    }
}
