// SPDX-License-Identifier: GPL-2.0

//! Figures: times with a unit, and histograms of them.

use super::layout::WIDTH;
use std::collections::BTreeMap;

/// The columns before a bar: "  < 4.1 us  1234567890  ".
const BEFORE_BAR: usize = 24;

/// Formats nanoseconds, with two or three digits.
pub fn time(ns: u64) -> String {
    let value = ns as f64;
    let scaled = |by: f64, unit| {
        let value = value / by;
        format!("{value:.*} {unit}", usize::from(value < 10.0))
    };
    match ns {
        0..=999 => format!("{ns} ns"),
        1_000..=999_999 => scaled(1e3, "us"),
        1_000_000..=999_999_999 => scaled(1e6, "ms"),
        _ => scaled(1e9, "s"),
    }
}

/// Returns a line for each power of two from the shortest to the longest time.
pub fn histogram(ns_below: &BTreeMap<u64, u64>) -> String {
    let counts = ns_below
        .iter()
        .filter(|(_, &count)| count > 0)
        .map(|(&below, &count)| (below.max(1), count));
    let counts: BTreeMap<u64, u64> = counts.collect();
    let (Some((&first, _)), Some((&last, _))) = (counts.first_key_value(), counts.last_key_value())
    else {
        return String::new();
    };
    let most = counts.values().copied().max().unwrap_or(1);
    let room = (WIDTH - BEFORE_BAR) as u128;
    let mut text = String::new();
    for below in std::iter::successors(Some(first), |below| below.checked_mul(2))
        .take_while(|&below| below <= last)
    {
        let count = counts.get(&below).copied().unwrap_or(0);
        let length = (u128::from(count) * room).div_ceil(u128::from(most)) as usize;
        let line = format!("  < {:<8}{count:>10}  {}", time(below), "#".repeat(length));
        text += line.trim_end();
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_bar_fits_and_the_shortest_is_seen() {
        let text = histogram(&BTreeMap::from([
            (512, u64::MAX),
            (1024, 0),
            (2048, 1),
            (1 << 39, 7),
        ]));
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(lines.len(), 31);
        assert_eq!(lines[0].matches('#').count(), 56);
        assert_eq!(lines[1], "  < 1.0 us           0");
        assert_eq!(lines[2], "  < 2.0 us           1  #");
        assert!(
            lines.iter().skip(1).all(|line| line.len() <= WIDTH),
            "{text}"
        );
        assert_eq!(histogram(&BTreeMap::new()), "");
        assert_eq!(histogram(&BTreeMap::from([(1, 3)])).lines().count(), 1);
    }

    #[test]
    fn times() {
        let known = [
            (0, "0 ns"),
            (999, "999 ns"),
            (1000, "1.0 us"),
            (7431, "7.4 us"),
            (74_310, "74 us"),
            (1_500_000, "1.5 ms"),
            (2_000_000_000, "2.0 s"),
        ];
        for (ns, text) in known {
            assert_eq!(time(ns), text);
        }
    }
}
