// SPDX-License-Identifier: GPL-2.0

//! The module's ledger: what became of each call of each function. It is exact, also where no event
//! was seen.

use anyhow::Context;
use serde::Serialize;
use std::collections::BTreeMap;

/// The ledger.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Ledger {
    pub functions: Vec<Account>,
    /// Calls that were missed of which only the kernel knows the functions.
    pub missed_in_groups: u64,
}

/// What the module says of a function.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Account {
    #[serde(skip)]
    pub id: u32,
    /// With its module before it and a colon, if it has one.
    pub function: String,
    pub state: String,
    pub via: String,
    pub hits: u64,
    pub recorded: u64,
    pub filtered: u64,
    pub lost: u64,
    pub missed: u64,
    pub missed_busy: u64,
    pub missed_no_instance: u64,
    pub in_flight: i64,
    pub errors: u64,
    pub ns: u64,
    pub maxactive: u64,
    /// The maxactive that would have been enough, if calls were missed for lack of it.
    pub needed: Option<u64>,
    /// How many calls took less than a time, and not less than half of it.
    pub below: BTreeMap<u64, u64>,
    /// Why it failed.
    pub reason: Option<String>,
}

impl Ledger {
    pub fn read(text: &str) -> anyhow::Result<Self> {
        let mut ledger = Ledger::default();
        for line in text.lines() {
            let wrong = || format!("not understood in 'functions': {line}");
            match line.strip_prefix("missed_in_groups=") {
                Some(missed) => ledger.missed_in_groups = missed.parse().with_context(wrong)?,
                None => ledger
                    .functions
                    .push(Account::read(line).with_context(wrong)?),
            }
        }
        Ok(ledger)
    }

    /// A number of all functions together.
    pub fn total(&self, number: impl Fn(&Account) -> u64) -> u64 {
        self.functions.iter().map(number).sum()
    }

    /// All calls that were missed.
    pub fn missed(&self) -> u64 {
        self.total(|account| account.missed) + self.missed_in_groups
    }

    /// The functions that are in a state.
    pub fn in_state<'a>(&'a self, state: &'a str) -> impl Iterator<Item = &'a Account> {
        self.functions
            .iter()
            .filter(move |account| account.state == state)
    }
}

impl Account {
    /// What the module does not tell is nothing; a number that is none is an error.
    fn read(line: &str) -> Option<Self> {
        let mut account = Account::default();
        let (line, reason) = match line.split_once(" reason=") {
            Some((line, reason)) => (line, Some(reason.to_string())),
            None => (line, None),
        };
        account.reason = reason;
        let mut has_id = false;
        for token in line.split_ascii_whitespace() {
            let (key, value) = token.split_once('=')?;
            let number = value.parse::<u64>();
            match key {
                "id" => {
                    account.id = value.parse().ok()?;
                    has_id = true;
                }
                "function" => account.function = value.into(),
                "state" => account.state = value.into(),
                "via" => account.via = value.into(),
                "hits" => account.hits = number.ok()?,
                "recorded" => account.recorded = number.ok()?,
                "filtered" => account.filtered = number.ok()?,
                "lost" => account.lost = number.ok()?,
                "missed" => account.missed = number.ok()?,
                "missed_busy" => account.missed_busy = number.ok()?,
                "missed_no_instance" => account.missed_no_instance = number.ok()?,
                "in_flight" => account.in_flight = value.parse().ok()?,
                "errors" => account.errors = number.ok()?,
                "ns" => account.ns = number.ok()?,
                "maxactive" => account.maxactive = number.ok()?,
                "needed" => account.needed = Some(number.ok()?),
                "below" => account.below = below(value)?,
                // A newer module may tell more.
                _ => {}
            }
        }
        let is_named = has_id && !account.function.is_empty() && !account.state.is_empty();
        is_named.then_some(account)
    }

    /// The time of a call, on the average.
    pub fn average(&self) -> Option<u64> {
        self.ns.checked_div(self.recorded)
    }
}

fn below(text: &str) -> Option<BTreeMap<u64, u64>> {
    let mut counts = BTreeMap::new();
    for pair in text.split(',').filter(|pair| !pair.is_empty()) {
        let (limit, count) = pair.split_once(':')?;
        *counts.entry(limit.parse().ok()?).or_insert(0) += count.parse::<u64>().ok()?;
    }
    Some(counts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line() {
        let line = "id=7 function=vfs_read state=attached via=fprobe hits=12 recorded=9 filtered=2 lost=0 missed=1 \
            missed_busy=0 missed_no_instance=1 in_flight=0 errors=1 ns=81234 maxactive=4 needed=6 newer=x \
            below=1024:3,2048:6\n\
            id=8 function=veth:veth_xmit state=failed via=kprobe hits=0 below= reason=no such symbol: x=y\n\
            id=9 function=f state=queued\nmissed_in_groups=3\n";
        let ledger = Ledger::read(line).unwrap();
        let [read, failed, _] = &ledger.functions[..] else {
            panic!()
        };
        let about = (
            read.id,
            read.function.as_str(),
            read.state.as_str(),
            read.via.as_str(),
        );
        assert_eq!(about, (7, "vfs_read", "attached", "fprobe"));
        assert_eq!(
            read.hits,
            read.recorded + read.filtered + read.lost + read.missed
        );
        assert_eq!((read.errors, read.ns, read.needed), (1, 81_234, Some(6)));
        assert_eq!(read.below, BTreeMap::from([(1024, 3), (2048, 6)]));
        assert_eq!(read.average(), Some(9026));
        assert_eq!(failed.reason.as_deref(), Some("no such symbol: x=y"));
        assert_eq!((failed.average(), failed.below.len()), (None, 0));
        assert_eq!(ledger.total(|account| account.hits), 12);
        assert_eq!(ledger.in_state("failed").count(), 1);
        assert_eq!((ledger.missed_in_groups, ledger.missed()), (3, 4));
        assert_eq!(Ledger::read("").unwrap(), Ledger::default());
    }

    #[test]
    fn what_is_no_ledger() {
        for line in [
            "x",
            "id=1 function=f",
            "function=f state=attached",
            "id=x function=f state=attached",
            "id=1 function=f state=attached hits=-1",
            "missed_in_groups=x",
            "id=1 function=f state=attached below=1",
            "id=1 function=f state=attached below=1:x",
        ] {
            let error = Ledger::read(line).unwrap_err().to_string();
            assert!(error.contains(line), "{error}");
        }
    }
}
