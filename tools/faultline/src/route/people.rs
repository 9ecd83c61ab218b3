// SPDX-License-Identifier: GPL-2.0

//! Packets and events for people: what was asked, what was answered, then the circumstances. On a
//! terminal one is broken into lines as wide as that; elsewhere it is one line.

use super::call::Call;
use super::decision::Decision;
use super::line::{is_unspecified, Event, Field, Fields, Record};
use super::packet::Packet;
use crate::terminal::figures::time;
use crate::terminal::layout::{self, Part, ASIDE, BAD, GOOD};
use anstyle::Style;
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt;

const NAME: Style = Style::new().bold();

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
        let root = &packet.root;
        let mut text = match root.kind() {
            Some(kind) if kind.call.decides() => {
                self.lay_out(&self.time(root), &self.decision(root, decision))
            }
            _ => self.event(root),
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
        if is_message(root) {
            let message = root.fields.text("op").or(root.fields.text("type"));
            question.extend(message.map(String::from));
        }
        // Where a source is looked for it is the answer.
        let src = decision.src.as_deref().filter(|_| !root.does(Call::Source));
        question.extend(ends(src, decision.dst.as_deref()));
        question.extend(decision.dev.clone());
        if decision.mark != 0 {
            question.push(format!("mark {:#x}", decision.mark));
        }
        let selected = decision.selected.iter();
        question.extend(selected.map(|(key, value)| format!("{key} {value}")));
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
        if root.does(Call::Output) || root.does(Call::Source) {
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
        let (question, _) = event.fields.split();
        let get = |key| question.iter().find(|(known, _)| known == key);
        let [from, to] = [["src", "sender"], ["target", "dst"]].map(|keys| {
            let end = keys.into_iter().find_map(get);
            end.map(|(_, address)| address.as_str())
        });
        let to = to.filter(|to| !is_message(event) || *to != "::");
        parts.extend(ends(from, to).map(Part::plain));
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
        let (question, answer) = event.fields.split();
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

/// Returns whether it is a message between neighbours.
fn is_message(event: &Event) -> bool {
    event.does(Call::Neighbour) || event.does(Call::Sent)
}

/// From where to where.
fn ends(from: Option<&str>, to: Option<&str>) -> Option<String> {
    match (from, to) {
        (Some(from), Some(to)) => Some(format!("{from} > {to}")),
        (Some(from), None) => Some(from.into()),
        (None, Some(to)) => Some(format!("> {to}")),
        (None, None) => None,
    }
}

impl Fields {
    /// What was asked, and what was answered.
    fn split(&self) -> (&[Field], &[Field]) {
        let is_answer = |key: &str| matches!(key, "err" | "ret" | "path" | "result");
        let answered = self.0.iter().position(|(key, _)| is_answer(key));
        self.0.split_at(answered.unwrap_or(self.0.len()))
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
        _ if decision.kind == "source" => decision.src.clone().unwrap_or_default(),
        (fate, ..) => fate.into(),
    };
    for flag in &decision.flags {
        text += &format!(" {flag}");
    }
    if decision.redirected {
        text += " after an ICMP redirect";
    }
    if let Some(route) = &decision.route {
        text += &format!(", {} {}", route.table, route.prefix);
    }
    if let Some(path) = &decision.path {
        text += &format!(" (path {} of {})", path.number, path.of);
    }
    if let Some(rule) = &decision.rule {
        text += &format!(", {}", rule.text());
    }
    text + &answered(decision) + &suppressed(decision)
}

/// Whether a neighbour was answered.
fn answered(decision: &Decision) -> String {
    match (decision.answered, decision.fate.as_str(), &decision.why) {
        (Some(true), "forward", _) => ", answered (proxy ARP)".into(),
        (Some(true), ..) => ", answered".into(),
        (Some(false), _, Some(why)) => format!(", not answered: {why}"),
        (Some(false), ..) => ", not answered".into(),
        (None, ..) => String::new(),
    }
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
        (
            "uid" | "sport" | "dport" | "proto" | "arp_ignore" | "ifindex" | "at" | "root" | "ns",
            _,
        ) => None,
        (_, "") | ("tos" | "mark" | "flow_flags" | "prefs", "0x0") | ("no_addr", "0") => None,
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
        ("from" | "to", all) if all.ends_with("/0") => None,
        ("suppress_prefixlen" | "suppress_ifgroup", "-1") => None,
        ("via", zeros) if is_unspecified(zeros) => Some("on link".into()),
        ("src", zeros) if is_unspecified(zeros) => None,
        ("type" | "prefix" | "error" | "reason" | "result" | "src", _) => Some(value.into()),
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
mod tests;
