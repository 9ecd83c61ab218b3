// SPDX-License-Identifier: GPL-2.0

//! What becomes of a packet, and why: made of the calls that were made for it.

use super::line::{Event, Fields};
use super::packet::Packet;
use super::tables::Tables;
use serde::Serialize;

/// What was decided for a packet.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Decision {
    /// `input`, `output`, `arp`, or the event of a call that was made for none of them.
    pub kind: String,
    pub net: Option<i64>,
    pub src: Option<String>,
    pub dst: Option<String>,
    /// By which it came, or was asked to leave.
    pub dev: Option<String>,
    pub mark: i64,
    /// `forward`, `local`, `multicast`, ..., or `dropped`.
    pub fate: String,
    /// Of one that is dropped, in a word.
    pub reason: Option<String>,
    /// Of one that is dropped, in a sentence.
    pub why: Option<String>,
    pub via: Option<String>,
    /// By which it leaves.
    pub out: Option<String>,
    /// The route that was taken.
    pub route: Option<Route>,
    /// Which of the route's paths, if it has several.
    pub path: Option<Path>,
    /// The rule that decided, where there are rules.
    pub rule: Option<Rule>,
    /// Routes that were found, and thrown away by a rule.
    pub suppressed: Vec<Suppressed>,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Route {
    pub table: String,
    pub prefix: String,
    #[serde(rename = "type")]
    pub kind: String,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Path {
    pub number: i64,
    pub of: i64,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Rule {
    pub priority: i64,
    pub action: String,
    /// What it looks at, as `ip rule` has it; empty if it takes all packets.
    pub selector: String,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Suppressed {
    pub priority: i64,
    pub table: Option<String>,
    pub prefix: String,
    /// What of the rule threw it away.
    pub by: String,
}

/// What the rules and the tables answered to one question.
struct Answer<'a> {
    found: Option<&'a Event>,
    failed: Vec<&'a Event>,
    rule: Option<&'a Event>,
    path: Option<&'a Event>,
    suppressed: Vec<Suppressed>,
}

impl<'a> Answer<'a> {
    /// The answer to what was asked for this cause.
    fn of(calls: &'a [Event], cause: &str, tables: &Tables) -> Self {
        let of_cause = |call: &&Event| call.fields.get("cause") == Some(cause);
        let mut answer = Answer {
            found: None,
            failed: Vec::new(),
            rule: None,
            path: None,
            suppressed: Vec::new(),
        };
        for call in calls.iter().filter(of_cause) {
            match call.event.as_str() {
                "fib_lookup" => answer.found = Some(call),
                "fib_lookup_failed" => answer.failed.push(call),
                "fib_rule" => answer.rule = Some(call),
                "fib_multipath" => answer.path = Some(call),
                "fib_rule_suppress" if call.fields.get("result") == Some("suppressed") => {
                    let lookup = answer.found.take();
                    let table = lookup.and_then(|lookup| lookup.fields.text("table"));
                    answer.suppressed.push(Suppressed {
                        priority: call.fields.number("priority").unwrap_or_default(),
                        table: table.map(|table| tables.name(table)),
                        prefix: call.fields.get("prefix").unwrap_or_default().into(),
                        by: suppressed_by(&call.fields),
                    });
                }
                _ => {}
            }
        }
        answer
    }

    fn rule(&self) -> Option<Rule> {
        let fields = &self.rule?.fields;
        Some(Rule {
            priority: fields.number("priority")?,
            action: fields.text("action")?.into(),
            selector: selector(fields),
        })
    }

    /// The tables that were asked in vain.
    fn in_vain(&self, tables: &Tables) -> Vec<String> {
        let names = self
            .failed
            .iter()
            .filter_map(|call| call.fields.text("table"));
        let mut names: Vec<_> = names.map(|table| tables.name(table)).collect();
        names.dedup();
        names
    }
}

fn suppressed_by(fields: &Fields) -> String {
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

impl Rule {
    /// In words: `rule 40 (to 198.51.100.0/24)`.
    pub fn text(&self) -> String {
        match self.selector.as_str() {
            "" => format!("rule {}", self.priority),
            selector => format!("rule {} ({selector})", self.priority),
        }
    }
}

impl Packet {
    /// What was decided for it.
    pub fn decision(&self, tables: &Tables) -> Decision {
        let fields = &self.root.fields;
        let text = |key: &str| fields.text(key).map(String::from);
        let (kind, cause, calls) = match self.root.event.as_str() {
            "ip_route_input" => (
                "input",
                fields.get("cause").unwrap_or("input"),
                &self.calls[..],
            ),
            "route_output" | "route_output_failed" => ("output", "output", &self.calls[..]),
            // ARP looks up more than the way to the target, which route input does.
            "arp_process" => ("arp", "arp", self.within("ip_route_input")),
            other => (other, "", &[][..]),
        };
        let answer = Answer::of(calls, cause, tables);
        let of_lookup = |key: &str| answer.found.and_then(|call| call.fields.text(key));
        let route = of_lookup("table")
            .zip(of_lookup("prefix"))
            .map(|(table, prefix)| Route {
                table: tables.name(table),
                prefix: prefix.into(),
                kind: of_lookup("type").unwrap_or_default().into(),
            });
        let path = answer.path.and_then(|call| {
            Some(Path {
                number: call.fields.number("path")?,
                of: call.fields.number("paths")?,
            })
        });
        let (fate, reason) = self.fate();
        let out = text("out").or_else(|| text("dev").filter(|_| kind == "output"));
        let mut decision = Decision {
            kind: kind.into(),
            net: fields.number("net"),
            src: text("src").or_else(|| text("sender")),
            dst: text("dst").or_else(|| text("target")),
            dev: if kind == "output" {
                text("oif")
            } else {
                text("dev")
            },
            mark: fields.number("mark").unwrap_or_default(),
            via: out.as_ref().and(text("via").filter(|via| via != "0.0.0.0")),
            out,
            fate,
            reason,
            why: None,
            route,
            path: path.filter(|path| path.of > 1),
            rule: answer.rule(),
            suppressed: Vec::new(),
        };
        decision.why = decision
            .reason
            .as_deref()
            .map(|reason| self.why(reason, &decision, &answer, tables));
        decision.suppressed = answer.suppressed;
        decision
    }

    /// The calls that were made in the first call of a function.
    fn within(&self, event: &str) -> &[Event] {
        let nested = self.nested();
        let Some(outer) = nested.iter().position(|(_, call)| call.event == event) else {
            return &[];
        };
        let depth = nested[outer].0;
        let inner = nested[outer + 1..]
            .iter()
            .take_while(|(inner, _)| *inner > depth)
            .count();
        &self.calls[outer + 1..outer + 1 + inner]
    }

    /// What becomes of it, and the reason if it is dropped.
    fn fate(&self) -> (String, Option<String>) {
        let fields = &self.root.fields;
        let text = |key: &str| fields.text(key).map(String::from);
        // ARP asks where the target is: the answer to that says what becomes of the request.
        let asked = self
            .calls
            .iter()
            .find(|call| call.event == "ip_route_input");
        match (self.root.event.as_str(), asked) {
            ("arp_process", Some(asked)) if asked.fields.failed() => (
                "no answer".into(),
                asked.fields.text("reason").map(String::from),
            ),
            ("arp_process", Some(asked)) => {
                (asked.fields.text("fate").unwrap_or("ok").into(), None)
            }
            _ if fields.failed() => {
                let reason = text("reason").or(text("result")).or(text("error"));
                let word = if self.root.event == "ip_route_input" {
                    "dropped"
                } else {
                    "failed"
                };
                (word.into(), reason.or_else(|| Some("unknown".into())))
            }
            _ => (
                text("fate")
                    .or(text("type"))
                    .or(text("result"))
                    .unwrap_or("ok".into()),
                None,
            ),
        }
    }

    /// Why it is dropped.
    fn why(
        &self,
        reason: &str,
        decision: &Decision,
        answer: &Answer<'_>,
        tables: &Tables,
    ) -> String {
        let dev = decision.dev.as_deref().unwrap_or("?");
        let by_rule = |word: &str| {
            decision
                .rule
                .as_ref()
                .map_or(String::new(), |rule| format!("{word}{}", rule.text()))
        };
        match reason {
            "IP_RPFILTER" | "EXDEV" => format!("{reason}: {}", self.way_back(tables)),
            "IP_LOCAL_SOURCE" => format!(
                "{reason}: {} is an address of this machine",
                decision.src.as_deref().unwrap_or("the source")
            ),
            "forwarding_off" => format!("forwarding is off on {dev}"),
            _ => match &decision.rule {
                Some(rule) if !matches!(rule.action.as_str(), "lookup" | "none") => {
                    format!("{} by {}", rule.action, rule.text())
                }
                _ => match (reason, answer.in_vain(tables)) {
                    ("net_unreachable" | "unreachable" | "no_match_or_throw", asked)
                        if answer
                            .failed
                            .last()
                            .is_some_and(|call| call.fields.number("err") == Some(-11)) =>
                    {
                        format!("no route in {}", asked.join(", "))
                    }
                    ("blackhole" | "unreachable" | "prohibit", asked) if !asked.is_empty() => {
                        format!(
                            "{reason} by a route of {}{}",
                            asked.last().map_or("", String::as_str),
                            by_rule(", ")
                        )
                    }
                    _ => reason.to_string(),
                },
            },
        }
    }

    /// What the validation of the source found.
    fn way_back(&self, tables: &Tables) -> String {
        let answer = Answer::of(&self.calls, "validate", tables);
        let mut text = match answer.found {
            Some(lookup) => {
                let get = |key: &str| lookup.fields.text(key).unwrap_or("?");
                let rule = answer
                    .rule()
                    .map_or(String::new(), |rule| format!(", {}", rule.text()));
                format!(
                    "the way back is {} by table {}{rule}",
                    get("dev"),
                    tables.name(get("table"))
                )
            }
            None if answer.failed.is_empty() => return "the way back was not seen".into(),
            None => format!("no way back in {}", answer.in_vain(tables).join(", ")),
        };
        let asked = answer.found.or(answer.failed.last().copied());
        let marks = asked
            .and_then(|call| call.fields.number("mark"))
            .zip(self.root.fields.number("mark"));
        if let Some((asked, own)) = marks.filter(|(asked, own)| asked != own) {
            text += &format!(
                "; asked with mark {asked:#x}, the packet has {own:#x}: src_valid_mark is 0"
            );
        }
        text
    }
}
