// SPDX-License-Identifier: GPL-2.0

//! What comes on two ways, and from several CPUs, in the order in which it happened.

use super::event::Event;
use super::exits::Exit;
use crate::tracing::line::Head;
use std::collections::BTreeMap;

/// What is older than that has come on every way.
pub const HOLD_US: u64 = 50_000;
/// As much is held at a time.
const MOST_HELD: usize = 65_536;

/// What happened.
#[derive(Debug)]
pub enum Happened {
    Event(Head, Event),
    Exit(Exit),
}

/// What is held until it is in order.
#[derive(Default)]
pub struct Held {
    /// By time, then in the order in which it came.
    held: BTreeMap<(u64, u64), Happened>,
    count: u64,
}

impl Held {
    /// Adds what happened. Where that is too much, the first of all comes out.
    pub fn add(&mut self, time_us: u64, what: Happened) -> Option<Happened> {
        self.count += 1;
        self.held.insert((time_us, self.count), what);
        match self.held.len() > MOST_HELD {
            true => self.next(u64::MAX),
            false => None,
        }
    }

    /// The first that happened until then.
    pub fn next(&mut self, until_us: u64) -> Option<Happened> {
        let first = self.held.first_entry()?;
        (first.key().0 <= until_us).then(|| first.remove())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exit(pid: i32) -> Happened {
        Happened::Exit(Exit {
            time_us: 0,
            pid,
            process: pid,
            status: None,
        })
    }

    fn pid(what: Option<Happened>) -> Option<i32> {
        what.map(|what| match what {
            Happened::Exit(exit) => exit.pid,
            Happened::Event(head, _) => head.pid,
        })
    }

    #[test]
    fn in_the_order_of_time() {
        let mut held = Held::default();
        for (time_us, pid) in [(30, 1), (10, 2), (30, 3), (20, 4)] {
            assert!(held.add(time_us, exit(pid)).is_none());
        }
        assert_eq!(pid(held.next(9)), None);
        let until = |held: &mut Held, time_us| -> Vec<_> {
            std::iter::from_fn(|| pid(held.next(time_us))).collect()
        };
        assert_eq!(until(&mut held, 20), [2, 4]);
        assert_eq!(until(&mut held, u64::MAX), [1, 3]);
    }

    #[test]
    fn it_does_not_heap_up() {
        let mut held = Held::default();
        let mut out = Vec::new();
        for time_us in 0..MOST_HELD as u64 + 2 {
            out.extend(pid(held.add(time_us, exit(time_us as i32))));
        }
        assert_eq!((out, held.held.len()), (vec![0, 1], MOST_HELD));
    }
}
