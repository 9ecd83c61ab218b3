// SPDX-License-Identifier: GPL-2.0

//! Packets and events for people: what was asked, what was answered, then the circumstances. On a
//! terminal one is broken into lines as wide as that; elsewhere it is one line.

use super::decision::Decision;
use super::line::{Event, Record};
use super::packet::Packet;
use crate::terminal::figures::time;
use crate::terminal::layout::{self, Part};
use anstyle::{AnsiColor, Style};
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt;

const NAME: Style = Style::new().bold();
const GOOD: Style = AnsiColor::Green.on_default();
const BAD: Style = AnsiColor::Red.on_default().bold();
const ASIDE: Style = Style::new().dimmed();

/// How it is shown.
#[derive(Default)]
pub struct Look {
    /// The columns that there are; none: as many as it takes.
    pub width: Option<usize>,
    pub colour: bool,
    /// What time 0 is, on the events' clock.
    pub start_us: u64,
    /// Names of namespaces. One without letters goes without saying.
    pub namespaces: BTreeMap<String, String>,
}

impl Look {
    /// A record, with the ends of its lines.
    pub fn record(&self, record: &Record) -> String {
        match record {
            Record::Event(event) => self.event(event),
            Record::Lost { cpu, events } => {
                let cpu = cpu.map_or(String::new(), |cpu| format!("CPU {cpu}: "));
                let count =
                    events.map_or("an unknown number of".into(), |events| events.to_string());
                self.warning(&format!(
                    "{cpu}{count} events lost, the buffer was full: more --buffer-kb, or a filter"
                ))
            }
            Record::Unreadable(line) => self.warning(&format!("not understood: {line}")),
        }
    }

    fn event(&self, event: &Event) -> String {
        self.lay_out(&self.time(event), &self.parts(event))
    }

    fn time(&self, event: &Event) -> String {
        let at = event.time_us as i64 - self.start_us as i64;
        format!("{:10.6}", at as f64 / 1e6)
    }

    /// A packet, with the ends of its lines; with the calls that were made for it, if `tree`.
    pub fn packet(&self, packet: &Packet, decision: &Decision, tree: bool) -> String {
        let mut text = match decision.kind.as_str() {
            "input" | "output" | "arp" => self.lay_out(
                &self.time(&packet.root),
                &self.decision(&packet.root, decision),
            ),
            _ => self.event(&packet.root),
        };
        if tree {
            for (depth, call) in packet.nested() {
                let lead = format!("{:1$}", "", 12 + 2 * depth);
                let parts = self.answer(call);
                text += &layout::lay_out(&lead, &parts, self.width, self.colour);
            }
        }
        text
    }

    fn decision(&self, root: &Event, decision: &Decision) -> Vec<Part> {
        let mut question = vec![];
        question.extend(root.fields.text("op").map(String::from));
        question.extend(
            decision
                .src
                .iter()
                .zip(&decision.dst)
                .map(|(src, dst)| format!("{src} > {dst}")),
        );
        question.extend(decision.dev.clone());
        if decision.mark != 0 {
            question.push(format!("mark {:#x}", decision.mark));
        }
        let mut parts = vec![Part(decision.kind.clone(), NAME)];
        parts.extend(question.into_iter().map(Part::plain));
        if let Some(last) = parts.last_mut() {
            last.0.push(':');
        }
        let (style, text) = match &decision.reason {
            Some(_) => (BAD, dropped(decision)),
            None => (GOOD, taken(decision)),
        };
        parts.extend(text.split(' ').map(|word| Part(word.into(), style)));
        let mut aside: Vec<_> = self.namespace(root).into_iter().collect();
        // Whoever runs when a packet comes in has nothing to do with it.
        if decision.kind == "output" {
            aside.push(task(root));
        }
        parts.extend(in_brackets(aside));
        parts
    }

    fn warning(&self, text: &str) -> String {
        let parts: Vec<_> = text.split(' ').map(|word| Part(word.into(), BAD)).collect();
        self.lay_out(&format!("{:10}", "!"), &parts)
    }

    fn parts(&self, event: &Event) -> Vec<Part> {
        let mut parts = vec![Part(event.event.clone(), NAME)];
        let get = |key| event.fields.get(key);
        let ends = get("src")
            .zip(get("dst"))
            .or(get("sender").zip(get("target")));
        parts.extend(ends.map(|(from, to)| Part::plain(format!("{from} > {to}"))));
        self.add_answer(event, &mut parts);
        parts.extend(in_brackets(self.circumstances(event)));
        parts
    }

    /// A call within others, of which the addresses are known.
    fn answer(&self, event: &Event) -> Vec<Part> {
        let mut parts = vec![Part(event.event.clone(), NAME)];
        self.add_answer(event, &mut parts);
        parts
    }

    fn add_answer(&self, event: &Event, parts: &mut Vec<Part>) {
        let fields = &event.fields.0;
        let answered = fields
            .iter()
            .position(|(key, _)| matches!(key.as_str(), "err" | "ret" | "path" | "result"));
        let (question, answer) = fields.split_at(answered.unwrap_or(fields.len()));
        parts.extend(
            question
                .iter()
                .filter_map(|(key, value)| asked(key, value))
                .map(Part::plain),
        );
        if let Some((result, rest)) = answer.split_first() {
            if let Some(last) = parts.last_mut() {
                last.0.push(':');
            }
            let style = if event.fields.failed() { BAD } else { GOOD };
            let says = matches!(result.0.as_str(), "path" | "result");
            let all = answer.get(if says { 0 } else { 1 }..).unwrap_or(rest);
            let mut words: Vec<_> = all
                .iter()
                .filter_map(|(key, value)| told(key, value))
                .collect();
            if words.is_empty() {
                words.push(format!("{} {}", result.0, result.1));
            }
            parts.extend(words.into_iter().map(|text| Part(text, style)));
        }
    }

    fn namespace(&self, event: &Event) -> Option<String> {
        let net = event.fields.get("net")?;
        match self.namespaces.get(net).map(String::as_str) {
            Some("") => None,
            None if net == "0" => Some("net unknown".into()),
            Some(name) => Some(format!("net {name}")),
            None => Some(format!("net {net}")),
        }
    }

    fn circumstances(&self, event: &Event) -> Vec<String> {
        let get = |key| event.fields.get(key);
        let mut texts: Vec<_> = get("cause").into_iter().map(String::from).collect();
        texts.extend(self.namespace(event));
        texts.push(task(event));
        texts.extend(get("ns").and_then(|ns| ns.parse().ok()).map(time));
        texts
    }

    fn lay_out(&self, lead: &str, parts: &[Part]) -> String {
        layout::lay_out(&format!("{lead}  "), parts, self.width, self.colour)
    }
}

/// The task in whose context it happened.
fn task(event: &Event) -> String {
    format!("{} {}", event.comm.as_deref().unwrap_or("pid"), event.pid)
}

fn in_brackets(texts: Vec<String>) -> impl Iterator<Item = Part> {
    let last = texts.len().saturating_sub(1);
    texts.into_iter().enumerate().map(move |(at, text)| {
        let (before, after) = (
            if at == 0 { "(" } else { "" },
            if at == last { ")" } else { "," },
        );
        Part(format!("{before}{text}{after}"), ASIDE)
    })
}

/// What becomes of a packet that goes on, by which route and which rule.
fn taken(decision: &Decision) -> String {
    let mut text = match (decision.fate.as_str(), &decision.via, &decision.out) {
        ("forward" | "unicast", Some(via), Some(out)) => format!("via {via} dev {out}"),
        ("forward" | "unicast", None, Some(out)) => format!("on link dev {out}"),
        (fate, ..) => fate.into(),
    };
    if let Some(route) = &decision.route {
        text += &format!(", {} {}", route.table, route.prefix);
    }
    if let Some(path) = &decision.path {
        text += &format!(" (path {} of {})", path.number, path.of);
    }
    if let Some(rule) = &decision.rule {
        text += &format!(", {}", rule.text());
    }
    text + &suppressed(decision)
}

/// That a packet is dropped, and why.
fn dropped(decision: &Decision) -> String {
    let why = decision.why.as_deref().unwrap_or("unknown");
    format!("{}, {why}{}", decision.fate, suppressed(decision))
}

/// What rules have thrown away.
fn suppressed(decision: &Decision) -> String {
    let each = decision.suppressed.iter().map(|thrown| {
        format!(
            "; rule {} throws away {} {} ({})",
            thrown.priority,
            thrown.table.as_deref().unwrap_or("a table's"),
            thrown.prefix,
            thrown.by
        )
    });
    each.collect()
}

/// What was asked, where it says something.
fn asked(key: &str, value: &str) -> Option<String> {
    match (key, value) {
        ("net" | "cause" | "skb" | "src" | "dst" | "sender" | "target", _) => None,
        ("uid" | "sport" | "dport" | "proto" | "arp_ignore" | "at" | "root" | "ns", _) => None,
        (_, "") | ("tos" | "mark" | "flow_flags", "0x0") | ("no_addr", "0") => None,
        ("suppress_prefixlen" | "suppress_ifgroup", "-1") => None,
        ("no_addr", _) => Some("without an address".into()),
        _ => Some(format!("{key} {value}")),
    }
}

/// What was answered.
fn told(key: &str, value: &str) -> Option<String> {
    match (key, value) {
        ("ns" | "at" | "root" | "skb" | "err" | "rt_flags", _) | (_, "") => None,
        ("uid_first" | "uid_last", "0" | "4294967295") => None,
        ("not" | "l3mdev" | "rule_proto" | "paths", "0") | ("paths", "1") => None,
        ("sport_first" | "sport_last" | "dport_first" | "dport_last", "0") => None,
        ("flags" | "rule_tos" | "fwmark" | "fwmask", "0x0") => None,
        ("from" | "to", "0.0.0.0/0") | ("suppress_prefixlen" | "suppress_ifgroup", "-1") => None,
        ("via", "0.0.0.0") => Some("on link".into()),
        ("type" | "prefix" | "error" | "reason" | "result", _) => Some(value.into()),
        _ => Some(format!("{key} {value}")),
    }
}

/// The namespaces that `ip netns` has names for; our own is nameless.
pub fn namespaces() -> BTreeMap<String, String> {
    let named = fs::read_dir("/run/netns").into_iter().flatten().flatten();
    let named = named.map(|entry| {
        let name = entry.file_name().to_string_lossy().into_owned();
        (entry.path(), name)
    });
    let own = ("/proc/self/ns/net".into(), String::new());
    let found = named
        .chain([own])
        .filter_map(|(path, name)| Some((fs::metadata(path).ok()?.ino().to_string(), name)));
    found.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::route::packet::Packets;
    use crate::route::tables::Tables;

    const LINES: &str = include_str!("../../tests/data/route_events.log");
    const PACKETS: &str = include_str!("../../tests/data/route_packets.log");

    fn look(width: Option<usize>) -> Look {
        Look {
            width,
            ..Look::default()
        }
    }

    #[test]
    fn recorded_lines_fit() {
        for line in LINES.lines() {
            let record = Record::read(line);
            let text = look(Some(80)).record(&record);
            assert!(
                text.lines().all(|line| line.chars().count() <= 80),
                "{text}"
            );
            assert!(
                text.lines()
                    .skip(1)
                    .all(|line| line.starts_with("            ")),
                "{text}"
            );
            let whole = look(None).record(&record);
            assert_eq!(whole.lines().count(), 1);
            let words = |text: &str| {
                text.split_whitespace()
                    .map(String::from)
                    .collect::<Vec<_>>()
            };
            assert_eq!(words(&whole), words(&text));
        }
    }

    #[test]
    fn recorded_packets() {
        let (mut packets, look, mut lines) = (Packets::default(), look(None), Vec::new());
        for line in LINES.lines() {
            let Record::Event(event) = Record::read(line) else {
                panic!("{line}");
            };
            if let Some(packet) = packets.add(event) {
                let decision = packet.decision(&Tables::default());
                let text = look.packet(&packet, &decision, false);
                let (_, text) = text.trim_end().split_at(12);
                lines.push(text.replace(" (net 4026532205)", ""));
            }
        }
        assert_eq!(lines.join("\n") + "\n", PACKETS);
    }

    #[test]
    fn an_event() {
        let line = "            ping-140     [001] b.s2.    14.123456: fib_lookup: net=4026532205 cause=input \
            src=10.0.0.2 dst=192.0.2.9 tos=0x0 iif=veth0 table=main err=0 type=unicast prefix=192.0.2.0/24 \
            via=10.0.1.1 dev=veth1 ns=7431";
        let record = Record::read(line);
        let mut look = Look {
            start_us: 14_000_000,
            ..look(Some(80))
        };
        assert_eq!(
            look.record(&record),
            "  0.123456  fib_lookup 10.0.0.2 > 192.0.2.9 iif veth0 table main: unicast\n            \
            192.0.2.0/24 via 10.0.1.1 dev veth1 (input, net 4026532205,\n            \
            ping 140, 7.4 us)\n"
        );
        look.namespaces.insert("4026532205".into(), "r".into());
        look.width = None;
        look.colour = true;
        let text = look.record(&record);
        assert!(text.contains("\u{1b}[1mfib_lookup\u{1b}[0m "), "{text:?}");
        assert!(text.contains("net r,"), "{text:?}");
        let nameless = look.record(&Record::read(&line.replace("ping-", "<...>-")));
        assert!(nameless.contains("pid 140,"), "{nameless}");
        look.namespaces.insert("4026532205".into(), String::new());
        assert!(!look.record(&record).contains("net"));
    }

    #[test]
    fn failures_and_losses() {
        let failed = "ping-1 [000] ..... 1.000000: fib_lookup_failed: net=1 cause=input src=10.0.0.2 dst=198.51.100.1 \
            tos=0x0 iif=veth0 table=main err=-113 error=unreachable ns=900";
        let text = look(None).record(&Record::read(failed));
        assert!(
            text.ends_with("table main: unreachable (input, net 1, ping 1, 900 ns)\n"),
            "{text}"
        );
        let arp = "ping-1 [000] ..... 1.000000: arp_process: net=1 dev=veth2 no_addr=1 rp_filter=off op=request \
            sender=172.16.0.2 target=172.16.0.1 ret=1 ns=1000";
        let text = look(None).record(&Record::read(arp));
        assert!(text.contains("172.16.0.2 > 172.16.0.1 dev veth2 without an address rp_filter off op request: ret 1 ("), "{text}");
        let text = look(None).record(&Record::Lost {
            cpu: Some(1),
            events: Some(12),
        });
        assert!(text.contains("CPU 1: 12 events lost"), "{text}");
        let text = look(Some(80)).record(&Record::Unreadable("a\u{1b}[2Jb".into()));
        assert!(text.contains("not understood: a\\x1b[2Jb"), "{text}");
    }

    #[test]
    fn names_move_no_cursor() {
        // A device, a process and a namespace may have any name.
        let line = "e\u{1b}[1mvil-140 [001] ..... 1.000000: arp_process: net=1 dev=\u{1b}[2J\u{9b}1m\u{202e} \
            no_addr=0 ret=0 ns=1";
        let mut look = look(None);
        look.namespaces.insert("1".into(), "\u{1b}c".into());
        let text = look.record(&Record::read(line));
        assert!(text.contains("dev \\x1b[2J\\x9b1m\\u{202e}"), "{text:?}");
        assert!(text.contains("(net \\x1bc, e\\x1b[1mvil 140,"), "{text:?}");
        assert!(!text.trim_end().contains(char::is_control), "{text:?}");
    }
}
