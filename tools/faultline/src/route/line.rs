// SPDX-License-Identifier: GPL-2.0

//! A line of trace_pipe, as it is taken apart: an event of the module is
//!
//! ```text
//!  <head>: <event>: <key>=<value> <key>=<value>...
//! ```
//!
//! where no value has a blank, and the head may have any: so lines are read from their ends.

use super::call::{Call, Family, Kind};
use crate::tracing::line::{Head, Lost};
use serde::ser::{Serialize, SerializeMap, Serializer};
use std::net::IpAddr;

/// What a line says.
#[derive(Debug, Clone, PartialEq)]
pub enum Record {
    Event(Event),
    /// Events had no room in a CPU's buffer: how many, if the kernel knows.
    Lost {
        cpu: Option<u32>,
        events: Option<u64>,
    },
    /// None of these.
    Unreadable(String),
}

/// An event.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Event {
    pub event: String,
    /// On CLOCK_MONOTONIC.
    pub time_us: u64,
    pub cpu: u32,
    pub pid: i32,
    /// What its program calls itself, if the kernel has noted it by now.
    pub comm: Option<String>,
    pub fields: Fields,
}

impl Event {
    /// What it tells of; `None` of what this program does not know.
    pub fn kind(&self) -> Option<Kind> {
        Kind::of(&self.event)
    }

    /// Returns whether it tells of this call, of either family.
    pub fn does(&self, call: Call) -> bool {
        self.kind().is_some_and(|kind| kind.call == call)
    }
}

/// The fields that are numbers.
const NUMBERS: [&str; 33] = [
    "net",
    "mark",
    "tos",
    "err",
    "ret",
    "ns",
    "at",
    "root",
    "uid",
    "proto",
    "sport",
    "dport",
    "path",
    "paths",
    "flags",
    "rt_flags",
    "flow_flags",
    "prefs",
    "arp_ignore",
    "ifindex",
    "priority",
    "rule_tos",
    "rule_proto",
    "fwmark",
    "fwmask",
    "uid_first",
    "uid_last",
    "sport_first",
    "sport_last",
    "dport_first",
    "dport_last",
    "suppress_prefixlen",
    "suppress_ifgroup",
];

/// The name of a field, and its value.
pub type Field = (String, String);

/// The fields of an event, in the event's order.
#[derive(Debug, Clone, PartialEq)]
pub struct Fields(pub Vec<Field>);

impl Fields {
    pub fn get(&self, key: &str) -> Option<&str> {
        let mut found = self.0.iter().filter(|(known, _)| known == key);
        found.next().map(|(_, value)| value.as_str())
    }

    /// A number.
    pub fn number(&self, key: &str) -> Option<i64> {
        self.get(key).and_then(number)
    }

    /// A text that is not empty.
    pub fn text(&self, key: &str) -> Option<&str> {
        self.get(key).filter(|text| !text.is_empty())
    }

    /// An address that is not zeros.
    pub fn address(&self, key: &str) -> Option<&str> {
        self.text(key).filter(|text| !is_unspecified(text))
    }

    /// A gateway is of one family: one of IPv6 takes the place of the other. Where there is none, the
    /// zeros are those of the event's family.
    fn one_gateway(mut self, family: Option<Family>) -> Self {
        if let Some(at) = self.0.iter().position(|(key, _)| key == "via6") {
            let (_, via6) = self.0.remove(at);
            let via = self.0.iter_mut().find(|(key, _)| key == "via");
            let takes_its_place = family == Some(Family::Ipv6) || !is_unspecified(&via6);
            if let (Some((_, via)), true) = (via, takes_its_place) {
                *via = via6;
            }
        }
        self
    }

    /// Returns whether the call failed, as the module's `errors_only` has it.
    pub fn failed(&self) -> bool {
        let bad = |key| self.get(key).is_some_and(|value| value != "0");
        bad("err") || bad("ret") && !self.is_one() || self.get("result") == Some("suppressed")
    }

    /// Returns whether a call returned 1 for success: a source is reached on the link, or a message
    /// of neighbour discovery was used up, which is a drop reason by its number alone.
    fn is_one(&self) -> bool {
        self.get("result") == Some("ok_on_link")
            || matches!(self.get("reason"), Some("ok" | "CONSUMED"))
    }
}

/// Returns whether that is the address of nobody: zeros, of either family.
pub fn is_unspecified(text: &str) -> bool {
    text.parse().is_ok_and(|ip: IpAddr| ip.is_unspecified())
}

/// Numbers become numbers; what is empty, null.
impl Serialize for Fields {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (key, value) in &self.0 {
            match key.as_str() {
                _ if value.is_empty() => map.serialize_entry(key, &())?,
                "no_addr" | "not" | "l3mdev" => map.serialize_entry(key, &(value != "0"))?,
                key if NUMBERS.contains(&key) => match number(value) {
                    Some(number) => map.serialize_entry(key, &number)?,
                    None => map.serialize_entry(key, value)?,
                },
                _ => map.serialize_entry(key, value)?,
            }
        }
        map.end()
    }
}

/// A number as the events have them.
fn number(text: &str) -> Option<i64> {
    match text.strip_prefix("0x") {
        Some(digits) => i64::from_str_radix(digits, 16).ok(),
        None => text.parse().ok(),
    }
}

impl Record {
    pub fn read(line: &str) -> Self {
        let lost = Lost::read(line).map(|Lost { cpu, events }| Record::Lost {
            cpu: Some(cpu),
            events,
        });
        lost.or_else(|| event(line).map(Record::Event))
            .unwrap_or_else(|| Record::Unreadable(line.into()))
    }
}

fn event(line: &str) -> Option<Event> {
    // The last such place: the head may look like one as well.
    line.rmatch_indices(": ")
        .find_map(|(at, between)| event_of(&line[..at], &line[at + between.len()..]))
}

/// An event, of what is before its fields, and these.
fn event_of(rest: &str, fields: &str) -> Option<Event> {
    let (rest, event) = rest.rsplit_once(": ")?;
    if !is_name(event) {
        return None;
    }
    let head = Head::read(rest)?;
    let fields = fields.split_ascii_whitespace().map(|field| {
        let (key, value) = field.split_once('=')?;
        is_name(key).then(|| (key.to_string(), value.to_string()))
    });
    Some(Event {
        event: event.into(),
        time_us: head.time_us,
        cpu: head.cpu,
        pid: head.pid,
        comm: head.comm,
        fields: Fields(fields.collect::<Option<_>>()?)
            .one_gateway(Kind::of(event).map(|kind| kind.family)),
    })
}

fn is_name(text: &str) -> bool {
    let is_in_names = |byte: u8| byte == b'_' || byte.is_ascii_alphanumeric();
    !text.is_empty() && text.bytes().all(is_in_names)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINES: &str = include_str!("../../tests/data/route_events.log");
    const LINES6: &str = include_str!("../../tests/data/route_events6.log");

    fn lines() -> impl Iterator<Item = &'static str> {
        LINES.lines().chain(LINES6.lines())
    }

    fn event(line: &str) -> Event {
        match Record::read(line) {
            Record::Event(event) => event,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn recorded_lines() {
        let records: Vec<_> = lines().map(Record::read).collect();
        let names = |record: &Record| match record {
            Record::Event(event) => event.event.clone(),
            other => panic!("{other:?}"),
        };
        let mut seen: Vec<_> = records.iter().map(names).collect();
        seen.sort();
        seen.dedup();
        assert_eq!(
            seen,
            [
                "arp_process",
                "fib6_lookup",
                "fib6_lookup_failed",
                "fib6_multipath",
                "fib6_rule",
                "fib6_rule_suppress",
                "fib_lookup",
                "fib_lookup_failed",
                "fib_multipath",
                "fib_rule",
                "fib_rule_suppress",
                "fib_validate_source",
                "ip6_route_input",
                "ip_route_input",
                "ipv6_dev_get_saddr",
                "ndisc_rcv",
                "route6_output",
                "route6_output_failed",
                "route_output",
                "route_output_failed"
            ]
        );
    }

    #[test]
    fn a_gateway_is_of_one_family() {
        let via_of = |name: &str, fields: &str| {
            let line = format!("x-1 [000] ..... 1.000000: {name}: {fields} ns=1");
            event(&line).fields.get("via").map(String::from)
        };
        let via = |fields| via_of("fib_lookup", fields);
        let via6 = |fields| via_of("fib6_lookup", fields);
        assert_eq!(via6("via=0.0.0.0 via6=:: dev=a"), Some("::".into()));
        assert_eq!(
            via6("via=0.0.0.0 via6=fe80::1 dev=a"),
            Some("fe80::1".into())
        );
        assert_eq!(via("via=0.0.0.0 via6=:: dev=a"), Some("0.0.0.0".into()));
        assert_eq!(via("via=10.0.0.1 via6=:: dev=a"), Some("10.0.0.1".into()));
        assert_eq!(
            via("via=0.0.0.0 via6=fe80::1 dev=a"),
            Some("fe80::1".into())
        );
        assert_eq!(via("dev=a"), None);
    }

    #[test]
    fn an_event_in_json() {
        let line = "          <idle>-0       [001] ..s2.    14.123456: fib_lookup: net=4026532205 cause=input \
            src=10.0.0.2 dst=192.0.2.9 tos=0x1c iif= table=100 err=0 type=unicast prefix=192.0.2.0/24 \
            via=10.0.1.1 dev=veth1 ns=7431";
        assert_eq!(
            serde_json::to_string(&event(line)).unwrap(),
            r#"{"event":"fib_lookup","time_us":14123456,"cpu":1,"pid":0,"comm":"<idle>","fields":{"net":4026532205,"cause":"input","src":"10.0.0.2","dst":"192.0.2.9","tos":28,"iif":null,"table":"100","err":0,"type":"unicast","prefix":"192.0.2.0/24","via":"10.0.1.1","dev":"veth1","ns":7431}}"#
        );
    }

    #[test]
    fn an_event_of_ipv6_in_json() {
        let line = "  ping-7 [001] ..s2.    14.123456: ipv6_dev_get_saddr: net=1 cause=other dst=2001:db8:: \
            dev= prefs=0x2 ret=-99 src=:: ns=1 at=2 root=2";
        assert_eq!(
            serde_json::to_string(&event(line).fields).unwrap(),
            r#"{"net":1,"cause":"other","dst":"2001:db8::","dev":null,"prefs":2,"ret":-99,"src":"::","ns":1,"at":2,"root":2}"#
        );
    }

    #[test]
    fn what_failed() {
        let failed = |fields: &str| {
            let line = format!("x-1 [000] ..... 1.000000: ndisc_rcv: {fields} ns=1");
            event(&line).fields.failed()
        };
        for right in [
            "ret=0 reason=ok",
            "ret=1 reason=CONSUMED",
            "ret=1 result=ok_on_link",
        ] {
            assert!(!failed(right), "{right}");
        }
        for wrong in [
            "ret=2 reason=NOT_SPECIFIED",
            "ret=-99",
            "err=-101 error=net_unreachable",
            "result=suppressed",
        ] {
            assert!(failed(wrong), "{wrong}");
        }
    }

    #[test]
    fn whatever_a_program_calls_itself() {
        for comm in [
            "a b",
            "x-1 [000] y",
            "a: b: c=d",
            "kworker/0:1",
            "-",
            "[1] 2.000000: f: a=b",
            "ä",
        ] {
            let event = event(&format!(
                "{comm:>16}-42      [000] d.s3. 1.000002: f: a=b c="
            ));
            assert_eq!(
                (event.comm.as_deref(), event.pid, event.cpu, event.time_us),
                (Some(comm), 42, 0, 1_000_002)
            );
            assert_eq!(
                event.fields.0,
                [("a".into(), "b".into()), ("c".into(), String::new())]
            );
        }
    }

    #[test]
    fn a_name_that_the_kernel_has_not_noted() {
        let event = event("           <...>-42      [000] d.s3. 1.000002: f: a=b");
        assert_eq!((event.comm, event.pid), (None, 42));
    }

    #[test]
    fn lost_events() {
        assert_eq!(
            Record::read("CPU:3 [LOST 17 EVENTS]"),
            Record::Lost {
                cpu: Some(3),
                events: Some(17)
            }
        );
        assert_eq!(
            Record::read("CPU:0 [LOST EVENTS]"),
            Record::Lost {
                cpu: Some(0),
                events: None
            }
        );
    }

    #[test]
    fn what_is_no_event_is_kept_as_it_is() {
        for line in [
            "",
            "[LINE TOO BIG]",
            "CPU:x [LOST 1 EVENTS]",
            "CPU:1 [LOST many EVENTS]",
            "ping-1 [000] ..... 1.000000: f: a=b c",
            "ping-1 [000] ..... 1.000000: f: two words",
            "ping-1 [000] ..... 1.0: f: a=b",
            "ping-1 [000] ..... 99999999999999999999.000000: f: a=b",
            "ping-1 [000] ..... 18446744073709551615.000000: f: a=b",
            "ping-x [000] ..... 1.000000: f: a=b",
            "ping-1 [x] ..... 1.000000: f: a=b",
            "ping-1 [000] ..... 1.000000: not a name: a=b",
            "ping-1 [000] ..... 1.000000: f:",
            "ping [000] ..... 1.000000: f: a=b",
            ": : ",
        ] {
            assert_eq!(Record::read(line), Record::Unreadable(line.into()));
        }
    }

    /// No piece of a line, and no line with a byte changed, is more than unreadable.
    #[test]
    fn damaged_lines_are_survived() {
        for line in lines() {
            for end in 0..line.len() {
                Record::read(&line[..end]);
                Record::read(&line[end..]);
                for byte in [b' ', b':', b'=', b'.', b'-', b'9'] {
                    let mut damaged = line.as_bytes().to_vec();
                    damaged[end] = byte;
                    Record::read(&String::from_utf8_lossy(&damaged));
                }
            }
        }
    }
}
