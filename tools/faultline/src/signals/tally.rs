// SPDX-License-Identifier: GPL-2.0

//! How much came, how much of it was shown, and what was lost.

use serde::Serialize;

/// What came, and what was made of it.
#[derive(Debug, Default, Serialize)]
pub struct Tally {
    /// Signals that were shown, each once.
    pub signals: u64,
    /// SIGCHLD that only tells of a child, and was not asked for.
    pub of_children: u64,
    /// Signals that the filters left out.
    pub filtered: u64,
    /// Events that had no room in a buffer.
    pub lost: u64,
    pub unreadable: u64,
    /// How often ends of processes had no room.
    pub lost_exits: u64,
    /// Events that nobody read from the buffer.
    pub not_read: u64,
}

impl Tally {
    /// Whether something was lost that would have been shown.
    pub fn is_bad(&self) -> bool {
        self.lost + self.unreadable + self.lost_exits > 0
    }

    /// All of it in a line.
    pub fn words(&self, secs: f64) -> String {
        let counts = [
            (
                self.of_children,
                "SIGCHLD of children not shown (--children)",
            ),
            (self.lost, "events lost"),
            (self.unreadable, "lines not understood"),
            (self.lost_exits, "times ends of processes lost"),
            (self.not_read, "events not shown"),
        ];
        let others: Vec<_> = counts
            .iter()
            .filter(|(count, _)| *count > 0)
            .map(|(count, what)| format!(", {count} {what}"))
            .collect();
        format!("{} signals in {secs:.1} s{}", self.signals, others.concat())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines() {
        let mut tally = Tally {
            signals: 2,
            of_children: 3,
            ..Tally::default()
        };
        assert_eq!(
            tally.words(1.04),
            "2 signals in 1.0 s, 3 SIGCHLD of children not shown (--children)"
        );
        assert!(!tally.is_bad());
        tally.lost_exits = 1;
        assert!(
            tally.is_bad()
                && tally
                    .words(1.0)
                    .ends_with(", 1 times ends of processes lost")
        );
    }
}
