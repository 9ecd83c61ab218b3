// SPDX-License-Identifier: GPL-2.0

//! The calls that were made for one packet, put together. The module says of each call in which
//! outermost call it was made: its `root`, whose event is the last of them.

use super::line::Event;
use std::collections::BTreeMap;

/// A packet: the outermost call, and those that were made in it, in the order of their beginnings.
#[derive(Debug, Clone, PartialEq)]
pub struct Packet {
    pub root: Event,
    pub calls: Vec<Event>,
}

/// What tells packets apart: the beginning of the outermost call, the task that made it and, for
/// the idle tasks, which are all number 0, the CPU.
type Key = (u64, i32, u32);

/// Packets whose outermost call has not ended.
#[derive(Default)]
pub struct Packets(BTreeMap<Key, Vec<Event>>);

/// How many packets may be incomplete. What ends the oldest of them was lost.
const INCOMPLETE_MAX: usize = 4096;

impl Packets {
    /// Adds a call. Returns the packet that it completes.
    pub fn add(&mut self, event: Event) -> Option<Packet> {
        let times = begin(&event).zip(root(&event));
        let Some((begin, root)) = times else {
            return Some(Packet {
                root: event,
                calls: Vec::new(),
            });
        };
        let cpu = if event.pid == 0 { event.cpu } else { 0 };
        let key = (root, event.pid, cpu);
        if begin == root {
            let mut calls = self.0.remove(&key).unwrap_or_default();
            calls.sort_by_key(self::begin);
            return Some(Packet { root: event, calls });
        }
        self.0.entry(key).or_default().push(event);
        if self.0.len() > INCOMPLETE_MAX {
            self.0.pop_first();
        }
        None
    }
}

/// When a call began.
pub fn begin(event: &Event) -> Option<u64> {
    event.fields.get("at")?.parse().ok()
}

fn root(event: &Event) -> Option<u64> {
    event.fields.get("root")?.parse().ok()
}

/// When a call ended.
fn end(event: &Event) -> Option<u64> {
    let ns: u64 = event.fields.get("ns")?.parse().ok()?;
    begin(event)?.checked_add(ns)
}

impl Packet {
    /// The calls, and in how many others of them each was made.
    pub fn nested(&self) -> Vec<(usize, &Event)> {
        let mut open: Vec<Option<u64>> = Vec::new();
        let mut nested = Vec::new();
        for call in &self.calls {
            while open.last().is_some_and(|end| *end < begin(call)) {
                open.pop();
            }
            nested.push((open.len(), call));
            open.push(end(call));
        }
        nested
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::route::line::Record;

    fn event(pid: i32, cpu: u32, name: &str, at: u64, ns: u64, root: u64) -> Event {
        let line =
            format!("x-{pid} [{cpu:03}] ..... 1.000000: {name}: net=1 ns={ns} at={at} root={root}");
        match Record::read(&line) {
            Record::Event(event) => event,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_outermost_call_completes_its_packet() {
        let mut packets = Packets::default();
        assert_eq!(packets.add(event(7, 0, "fib_lookup", 110, 10, 100)), None);
        // Another task's, and another idle CPU's, of the same moment.
        assert_eq!(packets.add(event(8, 0, "fib_lookup", 120, 10, 100)), None);
        assert_eq!(
            packets.add(event(7, 0, "fib_validate_source", 130, 30, 100)),
            None
        );
        assert_eq!(packets.add(event(7, 0, "fib_lookup", 140, 5, 100)), None);
        let packet = packets
            .add(event(7, 1, "ip_route_input", 100, 90, 100))
            .unwrap();
        let nested: Vec<_> = packet
            .nested()
            .into_iter()
            .map(|(depth, call)| (depth, call.event.as_str()))
            .collect();
        assert_eq!(
            nested,
            [
                (0, "fib_lookup"),
                (0, "fib_validate_source"),
                (1, "fib_lookup")
            ]
        );
        assert_eq!(packets.add(event(0, 0, "fib_lookup", 210, 10, 200)), None);
        let other = packets
            .add(event(0, 1, "ip_route_input", 200, 20, 200))
            .unwrap();
        assert_eq!(other.calls, []);
        let lone = packets
            .add(event(9, 0, "fib_lookup", 300, 20, 300))
            .unwrap();
        assert_eq!(lone.calls, []);
    }

    #[test]
    fn what_is_never_completed_takes_no_room() {
        let mut packets = Packets::default();
        for root in 0..2 * INCOMPLETE_MAX as u64 {
            packets.add(event(7, 0, "fib_lookup", root + 1, 1, root));
        }
        assert_eq!(packets.0.len(), INCOMPLETE_MAX);
    }
}
