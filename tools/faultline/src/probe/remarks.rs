// SPDX-License-Identifier: GPL-2.0

//! What is to be said of a watch: what is probed how, what was not, and what was not seen.

use super::ledger::{Account, Ledger};
use super::plan::LeftOut;
use serde::Serialize;
use serde_json::{json, Value};
use std::collections::BTreeMap;

/// Names that a line has, at most.
const NAMES: usize = 5;

/// What came by the stream.
#[derive(Debug, Default, Serialize)]
pub struct Tally {
    #[serde(skip)]
    pub secs: f64,
    pub events: u64,
    /// Had no room in a buffer.
    pub lost: u64,
    pub unreadable: u64,
    /// Were in a buffer when it ended, or nobody read them from us.
    pub not_shown: u64,
}

impl Tally {
    /// Whether nothing is missing.
    pub fn is_complete(&self) -> bool {
        (self.lost, self.unreadable, self.not_shown) == (0, 0, 0)
    }

    /// For people.
    pub fn text(&self, ledger: &Ledger, has_filters: bool) -> String {
        let total = |number: fn(&Account) -> u64| ledger.total(number);
        let filtered = match has_filters {
            true => "calls filtered",
            false => "calls by this program not shown",
        };
        let counts = [
            (self.lost + total(|account| account.lost), "events lost"),
            (self.unreadable, "lines not understood"),
            (self.not_shown, "events not shown"),
            (ledger.missed(), "calls missed"),
            (total(|account| account.filtered), filtered),
        ];
        let others = counts.iter().filter(|(count, _)| *count > 0);
        let others: Vec<_> = others
            .map(|(count, what)| format!(", {count} {what}"))
            .collect();
        format!(
            "{} events in {:.1} s{}",
            self.events,
            self.secs,
            others.concat()
        )
    }
}

/// How many functions are probed by what.
fn by(ledger: &Ledger) -> BTreeMap<&str, usize> {
    let mut by = BTreeMap::new();
    for account in ledger.in_state("attached") {
        *by.entry(account.via.as_str()).or_insert(0) += 1;
    }
    by
}

/// The body of the first record.
pub fn begin(ledger: &Ledger) -> Value {
    let failed = ledger
        .in_state("failed")
        .map(|account| json!({ "function": account.function, "reason": account.reason }));
    json!({
        "attached": by(ledger),
        "failed": failed.collect::<Vec<_>>(),
    })
}

/// What is probed.
pub fn attached(ledger: &Ledger) -> String {
    let by = by(ledger);
    let count: usize = by.values().sum();
    let all: Vec<_> = by
        .iter()
        .map(|(via, count)| format!("{count} by {via}"))
        .collect();
    match (count, by.first_key_value()) {
        (0, _) | (_, None) => "no function is probed".into(),
        (1, Some((via, _))) => format!("1 function is probed, by {via}"),
        (_, Some((via, _))) if by.len() == 1 => {
            format!("{count} functions are probed, all by {via}")
        }
        _ => format!("{count} functions are probed: {}", all.join(", ")),
    }
}

/// What could not be attached, the same reasons together.
pub fn failed(ledger: &Ledger) -> Vec<String> {
    let failed = ledger.in_state("failed").map(|account| LeftOut {
        function: account.function.clone(),
        reason: account
            .reason
            .clone()
            .unwrap_or_else(|| "no reason is known".into()),
    });
    not_probed(&failed.collect::<Vec<_>>())
}

/// Functions and why they are not probed, the same reasons together.
pub fn not_probed(left_out: &[LeftOut]) -> Vec<String> {
    let is_few = left_out.len() <= NAMES;
    let mut by_reason: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for one in left_out {
        let reason = match is_few {
            true => one.reason.clone(),
            false => one.common(),
        };
        by_reason.entry(reason).or_default().push(&one.function);
    }
    let mut lines: Vec<_> = by_reason
        .iter()
        .take(NAMES)
        .map(|(reason, functions)| format!("not probed: {}: {reason}", some(functions)))
        .collect();
    let rest: usize = by_reason.values().skip(NAMES).map(Vec::len).sum();
    if rest > 0 {
        lines.push(format!(
            "not probed: {rest} others, for reasons of their own"
        ));
    }
    lines
}

impl LeftOut {
    /// The reason without what is of this function alone.
    fn common(&self) -> String {
        let reason = match self.reason.split_once(", which has ") {
            Some((reason, _)) => reason,
            None => &self.reason,
        };
        let words = reason.split(' ').map(|word| match word == self.function {
            true => "it",
            false => word,
        });
        words.collect::<Vec<_>>().join(" ")
    }
}

fn some(names: &[&str]) -> String {
    let shown = names[..names.len().min(NAMES)].join(", ");
    match names.len().saturating_sub(NAMES) {
        0 => shown,
        others => format!("{shown} and {others} others"),
    }
}

/// Functions that were disabled.
pub fn braked(accounts: &[&Account]) -> Vec<String> {
    let names: Vec<_> = accounts
        .iter()
        .map(|account| account.function.as_str())
        .collect();
    match names.is_empty() {
        true => Vec::new(),
        false => vec![format!(
            "disabled, since they were called too often (--max-rate): {}",
            some(&names)
        )],
    }
}

/// What should be enough for the functions of which calls were missed.
pub fn last(ledger: &Ledger) -> Vec<String> {
    let lacking = ledger
        .functions
        .iter()
        .filter_map(|account| Some((account, account.needed?)));
    let lines = lacking.take(NAMES).map(|(account, needed)| {
        format!(
            "{}: {} calls missed, of too many at once for maxactive {}: --maxactive {needed}",
            account.function, account.missed_no_instance, account.maxactive
        )
    });
    lines.collect()
}

/// The body of the last record.
pub fn end(reason: Value, tally: &Tally, ledger: &Ledger) -> Value {
    let total = |number: fn(&Account) -> u64| ledger.total(number);
    let named = |state| {
        let names = ledger
            .in_state(state)
            .map(|account| account.function.as_str());
        names.collect::<Vec<_>>()
    };
    let needed = ledger
        .functions
        .iter()
        .filter_map(|account| Some((&account.function, account.needed?)));
    json!({
        "reason": reason,
        "secs": tally.secs,
        "hits": total(|account| account.hits),
        "recorded": total(|account| account.recorded),
        "filtered": total(|account| account.filtered),
        "lost": total(|account| account.lost),
        "missed": ledger.missed(),
        "braked": named("braked"),
        "needed": needed.collect::<BTreeMap<_, _>>(),
        "stream": tally,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::show::json::SCHEMA;
    use crate::schema;

    fn ledger() -> Ledger {
        Ledger::read(include_str!("../../tests/data/probe_functions.log")).unwrap()
    }

    #[test]
    fn what_is_probed_and_what_is_not() {
        assert_eq!(
            attached(&ledger()),
            "31 functions are probed: 29 by fprobe, 1 by kprobe, 1 by kretprobe"
        );
        let mut one = ledger();
        one.functions.truncate(1);
        assert_eq!(attached(&one), "1 function is probed, by fprobe");
        assert_eq!(attached(&Ledger::default()), "no function is probed");
        assert_eq!(
            failed(&ledger()),
            ["not probed: failed_one: no such symbol"]
        );
    }

    #[test]
    fn the_same_reasons_are_told_together() {
        let left_out = |function: usize, reason: &str| LeftOut {
            function: format!("f{function}"),
            reason: reason.into(),
        };
        let mut all: Vec<_> = (0..7).map(|at| left_out(at, "same")).collect();
        assert_eq!(
            not_probed(&all),
            ["not probed: f0, f1, f2, f3, f4 and 2 others: same"]
        );
        all.extend((10..20).map(|at| left_out(at, &format!("of {at}"))));
        let lines = not_probed(&all);
        assert_eq!(lines.len(), NAMES + 1);
        assert_eq!(lines[0], "not probed: f10: of 10");
        assert_eq!(
            lines[NAMES],
            "not probed: 12 others, for reasons of their own"
        );
        assert_eq!(not_probed(&[]), [""; 0]);
        let of_many: Vec<_> = (0..9)
            .map(|at| {
                left_out(
                    at,
                    &format!("'x': no parameter of f{at}, which has a, b{at}"),
                )
            })
            .collect();
        assert_eq!(
            not_probed(&of_many),
            ["not probed: f0, f1, f2, f3, f4 and 4 others: 'x': no parameter of it"]
        );
    }

    #[test]
    fn what_was_not_seen() {
        let ledger = ledger();
        let tally = Tally {
            secs: 2.04,
            events: 7,
            lost: 2,
            ..Tally::default()
        };
        assert_eq!(
            tally.text(&ledger, true),
            "7 events in 2.0 s, 5 events lost, 12 calls missed, 11 calls filtered"
        );
        assert!(!tally.is_complete() && Tally::default().is_complete());
        assert_eq!(
            last(&ledger),
            ["veth:veth_xmit: 12 calls missed, of too many at once for maxactive 0: --maxactive 9"]
        );
        let of: Vec<_> = ledger.in_state("braked").collect();
        assert_eq!(
            braked(&of),
            ["disabled, since they were called too often (--max-rate): hot"]
        );
        assert_eq!(braked(&[]), [""; 0]);
    }

    #[test]
    fn records_are_as_the_schema_says() {
        let ledger = ledger();
        let secs = Tally::default();
        for (record, mut body) in [
            ("begin", begin(&ledger)),
            ("end", end(json!("count"), &secs, &ledger)),
            (
                "summary",
                crate::probe::show::summary::Summary::new(1.0, &ledger).json(),
            ),
        ] {
            body["schema"] = json!(SCHEMA);
            body["record"] = json!(record);
            assert_eq!(
                schema::complaint("probe.schema.json", &body),
                None,
                "{record}"
            );
        }
        let end = end(json!("count"), &secs, &ledger);
        assert_eq!(end["needed"], json!({ "veth:veth_xmit": 9 }));
        assert_eq!(end["braked"], json!(["hot"]));
    }
}
