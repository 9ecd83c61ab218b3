// SPDX-License-Identifier: GPL-2.0

//! Rules of either family, in the words of `ip rule`.

use super::line::Fields;
use serde::Serialize;

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Rule {
    pub priority: i64,
    pub action: String,
    /// What it looks at, as `ip rule` has it; empty if it takes all packets.
    pub selector: String,
}

impl Rule {
    /// The rule that decided, of the fields of a search.
    pub fn of(fields: &Fields) -> Option<Self> {
        Some(Rule {
            priority: fields.number("priority")?,
            action: fields.text("action")?.into(),
            selector: selector(fields),
        })
    }

    /// In words: `rule 40 (to 198.51.100.0/24)`.
    pub fn text(&self) -> String {
        match self.selector.as_str() {
            "" => format!("rule {}", self.priority),
            selector => format!("rule {} ({selector})", self.priority),
        }
    }
}

/// What of a packet a rule selects by a range, which does not say what the packet has.
pub fn selected(fields: &Fields) -> Vec<(&'static str, i64)> {
    let is_range = |first: &str, last: &str, all: (i64, i64)| {
        let range = fields.number(first).zip(fields.number(last));
        range.is_some_and(|(first, last)| first != last && (first, last) != all)
    };
    let ranges = [
        ("uid", "uid_first", "uid_last", (0, 0xffff_ffff)),
        ("sport", "sport_first", "sport_last", (0, 0)),
        ("dport", "dport_first", "dport_last", (0, 0)),
    ];
    let selects = ranges
        .into_iter()
        .filter(|(_, first, last, all)| is_range(first, last, *all));
    selects
        .filter_map(|(key, ..)| Some((key, fields.number(key)?)))
        .collect()
}

/// The selector of a rule, in the words of `ip rule`.
fn selector(fields: &Fields) -> String {
    let number = |key: &str| fields.number(key).unwrap_or_default();
    let mut words = Vec::new();
    for key in ["from", "to"] {
        let prefix = fields.text(key).filter(|prefix| !prefix.ends_with("/0"));
        words.extend(prefix.map(|prefix| format!("{key} {prefix}")));
    }
    let hex = |key: &str, word: &str, words: &mut Vec<String>| match number(key) {
        0 => {}
        value => words.push(format!("{word} {value:#x}")),
    };
    hex("rule_tos", "tos", &mut words);
    match (number("fwmark"), number("fwmask")) {
        (_, 0) => {}
        (mark, 0xffff_ffff) => words.push(format!("fwmark {mark:#x}")),
        (mark, mask) => words.push(format!("fwmark {mark:#x}/{mask:#x}")),
    }
    for (key, word) in [("rule_iif", "iif"), ("rule_oif", "oif")] {
        words.extend(fields.text(key).map(|name| format!("{word} {name}")));
    }
    if number("l3mdev") != 0 {
        words.push("l3mdev".into());
    }
    match (number("uid_first"), number("uid_last")) {
        (0, 0xffff_ffff) => {}
        (first, last) => words.push(format!("uidrange {first}-{last}")),
    }
    match number("rule_proto") {
        0 => {}
        1 => words.push("ipproto icmp".into()),
        6 => words.push("ipproto tcp".into()),
        17 => words.push("ipproto udp".into()),
        58 => words.push("ipproto ipv6-icmp".into()),
        other => words.push(format!("ipproto {other}")),
    }
    for word in ["sport", "dport"] {
        let end = |end| number(&format!("{word}_{end}"));
        match (end("first"), end("last")) {
            (0, 0) => {}
            (first, last) if first == last => words.push(format!("{word} {first}")),
            (first, last) => words.push(format!("{word} {first}-{last}")),
        }
    }
    if number("not") != 0 {
        words.insert(0, "not".into());
    }
    words.join(" ")
}

/// What of a rule threw a route away.
pub fn suppressed_by(fields: &Fields) -> String {
    let set = |key: &str| fields.number(key).filter(|&value| value >= 0);
    let mut words = Vec::new();
    if let Some(length) = set("suppress_prefixlen") {
        words.push(format!("suppress_prefixlength {length}"));
    }
    if let Some(group) = set("suppress_ifgroup") {
        words.push(format!("suppress_ifgroup {group}"));
    }
    words.join(" ")
}
