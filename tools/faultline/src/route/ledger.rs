// SPDX-License-Identifier: GPL-2.0

//! The module's ledger: lines of `<event>.<key> <value>`, read at one moment, and what came
//! between two such moments.

use anyhow::Context;
use serde::Serialize;
use std::collections::BTreeMap;

/// The ledger of an event. Of two readings, the difference.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Account {
    pub hits: u64,
    pub recorded: u64,
    pub filtered: u64,
    pub missed: u64,
    pub missed_busy: u64,
    pub missed_no_instance: u64,
    pub lost: u64,
    /// Less than before, if calls ended that began before.
    pub in_flight: i64,
    pub causes: BTreeMap<String, u64>,
    pub results: BTreeMap<String, u64>,
    /// Calls that took less than so many nanoseconds, and not less than half of it.
    pub ns_below: BTreeMap<u64, u64>,
}

/// The ledgers of all events.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Ledger(pub BTreeMap<String, Account>);

impl Ledger {
    pub fn read(text: &str) -> anyhow::Result<Self> {
        let mut ledger = Ledger::default();
        for line in text.lines() {
            ledger
                .add(line)
                .with_context(|| format!("the ledger has a line '{line}'"))?;
        }
        Ok(ledger)
    }

    /// Adds a line. Keys that a later version of the module may have are passed over.
    fn add(&mut self, line: &str) -> Option<()> {
        let (key, value) = line.split_once(' ')?;
        let (event, key) = key.split_once('.')?;
        let value: u64 = value.parse().ok()?;
        let account = self.0.entry(event.into()).or_default();
        match key {
            "hits" => account.hits = value,
            "recorded" => account.recorded = value,
            "filtered" => account.filtered = value,
            "missed" => account.missed = value,
            "missed_busy" => account.missed_busy = value,
            "missed_no_instance" => account.missed_no_instance = value,
            "lost" => account.lost = value,
            "in_flight" => account.in_flight = value as i64,
            _ => match key.split_once('.') {
                Some(("cause", name)) => drop(account.causes.insert(name.into(), value)),
                Some(("result", name)) => drop(account.results.insert(name.into(), value)),
                Some(("ns_below", ns)) => drop(account.ns_below.insert(ns.parse().ok()?, value)),
                _ => {}
            },
        }
        Some(())
    }

    /// What came since `before`; `None` if somebody has reset it in between.
    pub fn since(&self, before: &Self) -> Option<Self> {
        let mut difference = Ledger::default();
        for (event, account) in &self.0 {
            let empty = Account::default();
            let before = before.0.get(event).unwrap_or(&empty);
            difference.0.insert(event.clone(), account.since(before)?);
        }
        Some(difference)
    }

    /// A number of all events together.
    pub fn total(&self, number: impl Fn(&Account) -> u64) -> u64 {
        self.0.values().map(number).sum()
    }
}

impl Account {
    fn since(&self, before: &Self) -> Option<Self> {
        Some(Account {
            hits: self.hits.checked_sub(before.hits)?,
            recorded: self.recorded.checked_sub(before.recorded)?,
            filtered: self.filtered.checked_sub(before.filtered)?,
            missed: self.missed.checked_sub(before.missed)?,
            missed_busy: self.missed_busy.checked_sub(before.missed_busy)?,
            missed_no_instance: self
                .missed_no_instance
                .checked_sub(before.missed_no_instance)?,
            lost: self.lost.checked_sub(before.lost)?,
            in_flight: self.in_flight - before.in_flight,
            causes: less(&self.causes, &before.causes)?,
            results: less(&self.results, &before.results)?,
            ns_below: less(&self.ns_below, &before.ns_below)?,
        })
    }
}

/// The differences that are not 0.
fn less<K: Ord + Clone>(
    after: &BTreeMap<K, u64>,
    before: &BTreeMap<K, u64>,
) -> Option<BTreeMap<K, u64>> {
    let mut difference = BTreeMap::new();
    for key in before.keys().chain(after.keys()) {
        let value = |map: &BTreeMap<K, u64>| map.get(key).copied().unwrap_or(0);
        match value(after).checked_sub(value(before))? {
            0 => {}
            more => drop(difference.insert(key.clone(), more)),
        }
    }
    Some(difference)
}

#[cfg(test)]
mod tests {
    use super::*;

    const BEFORE: &str = include_str!("../../tests/data/route_before.log");
    const AFTER: &str = include_str!("../../tests/data/route_after.log");

    #[test]
    fn what_came_between() {
        let (before, after) = (Ledger::read(BEFORE).unwrap(), Ledger::read(AFTER).unwrap());
        let difference = after.since(&before).unwrap();
        assert_eq!(difference.0.len(), 5);
        for account in difference.0.values() {
            let sum = account.recorded + account.filtered + account.missed + account.lost;
            assert_eq!(account.hits as i64, sum as i64 + account.in_flight);
            assert_eq!(account.recorded, account.causes.values().sum::<u64>());
            assert_eq!(account.recorded, account.results.values().sum::<u64>());
            assert_eq!(account.recorded, account.ns_below.values().sum::<u64>());
        }
        assert!(difference.total(|account| account.recorded) > 0);
        assert_eq!(
            after
                .since(&Ledger::default())
                .unwrap()
                .total(|account| account.hits),
            after.total(|account| account.hits)
        );
    }

    #[test]
    fn a_reset_is_seen() {
        let (before, after) = (Ledger::read(BEFORE).unwrap(), Ledger::read(AFTER).unwrap());
        assert_eq!(before.since(&after), None);
        // Of which the sums alone have caught up.
        let read = |text| Ledger::read(text).unwrap();
        let before = read("f.recorded 1\nf.result.local 1");
        assert_eq!(
            read("f.recorded 1\nf.result.unicast 1").since(&before),
            None
        );
    }

    #[test]
    fn fewer_calls_may_be_in_flight() {
        let read = |text| Ledger::read(text).unwrap();
        let difference = read("f.hits 9\nf.in_flight 0")
            .since(&read("f.hits 9\nf.in_flight 2"))
            .unwrap();
        assert_eq!(difference.0["f"].in_flight, -2);
    }

    #[test]
    fn what_is_no_ledger() {
        for text in [
            "x",
            "f 1",
            "f.hits",
            "f.hits x",
            "f.hits -1",
            "f.ns_below.x 1",
            "f.hits 1 2",
        ] {
            let error = Ledger::read(text).unwrap_err().to_string();
            assert!(error.contains(text), "{error}");
        }
        assert_eq!(
            Ledger::read("f.new_key 1\nf.new.key.again 2").unwrap().0["f"],
            Account::default()
        );
    }
}
