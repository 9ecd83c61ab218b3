// SPDX-License-Identifier: GPL-2.0

//! The summary: calls, errors and times of each function, as the module counted them.

use crate::probe::ledger::{Account, Ledger};
use crate::terminal::escape;
use crate::terminal::figures::{histogram, time};
use crate::terminal::layout::{wrapped, WIDTH};
use serde_json::{json, Value};
use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::fmt::Write;

/// Functions that are shown, unless all are asked for.
const TOP: usize = 20;
/// Columns of a name, and of its times.
const NAME: usize = 30;
const TIMES: usize = 13;
const _: () = assert!(
    NAME + 10 + 8 + 8 + 9 + 2 + TIMES <= WIDTH,
    "with the figures in between, a row is wider than a terminal"
);
/// Shares of the most frequent time, from below an eighth to all.
const SHARES: &[u8; 8] = b".:-=+*#@";

/// What was counted in so many seconds.
pub struct Summary<'a> {
    secs: f64,
    /// Those that were called, the most frequent first.
    called: Vec<&'a Account>,
    not_called: usize,
    ledger: &'a Ledger,
}

impl<'a> Summary<'a> {
    pub fn new(secs: f64, ledger: &'a Ledger) -> Self {
        let mut called: Vec<_> = ledger
            .functions
            .iter()
            .filter(|account| account.hits > 0)
            .collect();
        called.sort_by_key(|account| Reverse((account.recorded, account.hits)));
        let probed = ledger
            .functions
            .iter()
            .filter(|account| account.state != "failed")
            .count();
        Summary {
            secs,
            not_called: probed.saturating_sub(called.len()),
            called,
            ledger,
        }
    }

    /// The body of the record.
    pub fn json(&self) -> Value {
        json!({
            "secs": self.secs,
            "functions": self.called,
            "not_called": self.not_called,
            "missed_in_groups": self.ledger.missed_in_groups,
        })
    }

    /// For people, in 80 columns.
    pub fn text(&self, all: bool) -> String {
        let total = |number: fn(&Account) -> u64| self.ledger.total(number);
        let mut text = wrapped(
            "",
            &format!(
                "{:.1} s: {} calls of {}, {} filtered, {} lost, {} missed; {} not called",
                self.secs,
                total(|account| account.recorded),
                functions(self.called.len()),
                total(|account| account.filtered),
                total(|account| account.lost),
                self.ledger.missed(),
                functions(self.not_called),
            ),
        );
        let shown = match all {
            true => &self.called[..],
            false => &self.called[..self.called.len().min(TOP)],
        };
        if shown.is_empty() {
            return text;
        }
        let _ = writeln!(
            text,
            "\n{:<NAME$}{:>10}{:>8}{:>8}{:>9}  times",
            "", "calls", "errors", "missed", "average"
        );
        let scale = Scale::of(shown);
        for account in shown {
            text += &row(account, scale.as_ref());
        }
        let rest = &self.called[shown.len()..];
        if !rest.is_empty() {
            let calls: u64 = rest.iter().map(|account| account.recorded).sum();
            let _ = writeln!(text, "and {} others with {calls} calls (--all)", rest.len());
        }
        match (shown, scale) {
            ([one], _) if !one.below.is_empty() => {
                text.push('\n');
                text += &histogram(&one.below);
            }
            (_, Some(scale)) => text += &scale.legend(),
            _ => {}
        }
        text
    }
}

fn functions(count: usize) -> String {
    match count {
        1 => "1 function".into(),
        count => format!("{count} functions"),
    }
}

fn row(account: &Account, scale: Option<&Scale>) -> String {
    let name = escape::line(&account.function);
    // A long name has a line of its own.
    let name = match name.chars().count() < NAME {
        true => format!("{name:<NAME$}"),
        false => format!("{name}\n{:NAME$}", ""),
    };
    let Account {
        recorded,
        errors,
        missed,
        ..
    } = account;
    let average = account.average().filter(|_| !account.below.is_empty());
    let average = average.map_or("-".into(), time);
    let times = scale.map_or(String::new(), |scale| scale.times(&account.below));
    let line = format!("{name}{recorded:>10}{errors:>8}{missed:>8}{average:>9}  {times}");
    line.trim_end().to_string() + "\n"
}

/// What a column of the times is: so many powers of two, from the first.
struct Scale {
    first: u32,
    last: u32,
    each: u32,
}

impl Scale {
    fn of(accounts: &[&Account]) -> Option<Self> {
        let powers = accounts.iter().flat_map(|account| {
            let counted = account.below.iter().filter(|(_, count)| **count > 0);
            counted.map(|(limit, _)| power(*limit))
        });
        let powers: Vec<_> = powers.collect();
        let (first, last) = (*powers.iter().min()?, *powers.iter().max()?);
        let each = (last - first + 1).div_ceil(TIMES as u32);
        Some(Scale { first, last, each })
    }

    fn times(&self, below: &BTreeMap<u64, u64>) -> String {
        let mut columns = [0_u64; TIMES];
        for (limit, count) in below {
            let at = power(*limit).saturating_sub(self.first) / self.each;
            if let Some(column) = columns.get_mut(at as usize) {
                *column = column.saturating_add(*count);
            }
        }
        let most = columns.iter().copied().max().unwrap_or(0).max(1);
        let letter = |count: u64| match count {
            0 => ' ',
            count => {
                let share = (u128::from(count) * 8).div_ceil(u128::from(most)) as usize;
                char::from(SHARES[share.clamp(1, 8) - 1])
            }
        };
        let text: String = columns.map(letter).iter().collect();
        text.trim_end().into()
    }

    fn legend(&self) -> String {
        let limit = |power: u32| time(1_u64.checked_shl(power).unwrap_or(u64::MAX));
        let each = match self.each {
            1 => "a power of two".to_string(),
            each => format!("{each} powers of two"),
        };
        wrapped(
            "",
            &format!(
                "times: each letter is {each}, from < {} to < {}; the more of a function's calls, the \
                 further in '{}'",
                limit(self.first),
                limit(self.last),
                String::from_utf8_lossy(SHARES)
            ),
        )
    }
}

/// Of what power of two a limit is.
fn power(limit: u64) -> u32 {
    limit.max(1).ilog2()
}

#[cfg(test)]
mod tests {
    use super::*;
    const FUNCTIONS: &str = include_str!("../../../tests/data/probe_functions.log");

    #[test]
    fn recorded_functions() {
        let ledger = Ledger::read(FUNCTIONS).unwrap();
        let summary = Summary::new(9.876, &ledger);
        let text = summary.text(false);
        assert_eq!(text, include_str!("../../../tests/data/probe_summary.log"));
        assert!(
            text.lines().all(|line| line.chars().count() <= WIDTH),
            "{text}"
        );
        assert!(!text.contains("failed_one"));
        let all = summary.text(true);
        let calls = |text: &str| {
            text.lines()
                .filter(|line| line.starts_with("many_"))
                .count()
        };
        assert_eq!((calls(&text), calls(&all)), (15, 25));
    }

    #[test]
    fn one_function_has_bars() {
        let ledger = Ledger::read(FUNCTIONS).unwrap();
        let one = Ledger {
            functions: ledger.functions[..1].to_vec(),
            ..Ledger::default()
        };
        let text = Summary::new(1.0, &one).text(false);
        assert!(text.contains("\n  < 1.0 us           3  ###"), "{text}");
    }

    #[test]
    fn nothing_was_called() {
        let text = Summary::new(1.0, &Ledger::default()).text(false);
        assert_eq!(text.lines().count(), 2, "{text}");
    }

    #[test]
    fn columns_of_times() {
        let scale = Scale {
            first: 10,
            last: 40,
            each: 3,
        };
        assert_eq!(
            scale.times(&BTreeMap::from([(1 << 10, 8), (1 << 13, 4), (1 << 40, 1)])),
            "@=        ."
        );
        assert_eq!(scale.times(&BTreeMap::new()), "");
        // Whatever a module says.
        assert_eq!(scale.times(&BTreeMap::from([(0, 1), (u64::MAX, 1)])), "@");
    }
}
