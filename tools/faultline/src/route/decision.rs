// SPDX-License-Identifier: GPL-2.0

//! What becomes of a packet, and why: made of the calls that were made for it.

use super::answers::Answers;
use super::call::{Call, Family, Kind};
use super::line::{is_unspecified, Event};
use super::packet::Packet;
use super::rule::{selected, suppressed_by, Rule};
use super::tables::Tables;
use serde::Serialize;
use std::collections::BTreeMap;

/// A flag of a route of IPv4, of `include/uapi/linux/in_route.h`.
const RTCF_REDIRECTED: i64 = 0x40000;

/// Flags of next hops, of `include/uapi/linux/rtnetlink.h`.
const NEXT_HOP_FLAGS: [(i64, &str); 3] = [(0x1, "dead"), (0x4, "onlink"), (0x10, "linkdown")];

/// What was decided for a packet.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Decision {
    /// `input`, `output`, `arp`, `ndisc`, `source`, or the event of a call that was made for none of
    /// them.
    pub kind: String,
    pub family: Option<Family>,
    pub net: Option<i64>,
    pub src: Option<String>,
    pub dst: Option<String>,
    /// By which it came, or was asked to leave.
    pub dev: Option<String>,
    pub mark: i64,
    /// What else it has by which the rule selected: `uid`, `sport`, `dport`.
    pub selected: BTreeMap<&'static str, i64>,
    /// `forward`, `local`, `multicast`, ..., or `dropped`.
    pub fate: String,
    /// Of one that is dropped, in a word.
    pub reason: Option<String>,
    /// Of one that is dropped or was not answered, in a sentence.
    pub why: Option<String>,
    /// Of what a neighbour asked: whether it was answered, if that is known.
    pub answered: Option<bool>,
    pub via: Option<String>,
    /// By which it leaves.
    pub out: Option<String>,
    /// What else is known of the next hop: `onlink`, `linkdown`, `dead`, as `ip route` says it.
    pub flags: Vec<&'static str>,
    /// Whether an ICMP redirect named the gateway.
    pub redirected: bool,
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
            match call.kind().map(|kind| kind.call) {
                Some(Call::Lookup) if call.fields.failed() => {
                    answer.found = None;
                    answer.failed.push(call);
                }
                Some(Call::Lookup) => {
                    answer.found = Some(call);
                    answer.path = None;
                }
                Some(Call::Rules) => answer.rule = Some(call),
                Some(Call::Multipath) => answer.path = Some(call),
                Some(Call::Suppress) if call.fields.get("result") == Some("suppressed") => {
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
        // The address of our own that a rule asks for may refuse what was found.
        answer.found = answer
            .found
            .filter(|_| !answer.rule.is_some_and(|rule| rule.fields.failed()));
        answer
    }

    fn rule(&self) -> Option<Rule> {
        Rule::of(&self.rule?.fields)
    }

    /// What is known of the next hop by this device.
    fn flags(&self, out: Option<&str>) -> Vec<&'static str> {
        let taken = self.path.or(self.found);
        let taken = taken.filter(|call| out.is_some() && call.fields.text("dev") == out);
        let flags = taken.and_then(|call| call.fields.number("flags"));
        let flags = flags.unwrap_or_default();
        let set = NEXT_HOP_FLAGS.iter().filter(|(flag, _)| flags & flag != 0);
        set.map(|(_, word)| *word).collect()
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

impl Packet {
    /// What was decided for it.
    pub fn decision(&self, tables: &Tables, answers: &Answers) -> Decision {
        let fields = &self.root.fields;
        let text = |key: &str| fields.text(key).map(String::from);
        let (call, family) = self
            .root
            .kind()
            .map(|Kind { call, family }| (call, family))
            .unzip();
        let (kind, cause, calls) = match (call, family) {
            (Some(Call::Input), _) => (
                "input",
                fields.get("cause").unwrap_or("input"),
                &self.calls[..],
            ),
            (Some(Call::Output), _) => ("output", "output", &self.calls[..]),
            // More is looked up for it than the way to the target, which route input does.
            (Some(Call::Neighbour), Some(family)) => {
                let word = family.neighbours();
                (word, word, self.within(Call::Input))
            }
            (Some(Call::Sent), Some(family)) => (family.neighbours(), "", &[][..]),
            (Some(Call::Source), _) => ("source", "", &[][..]),
            _ => (self.root.event.as_str(), "", &[][..]),
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
        // Not all messages of neighbour discovery are about a target.
        let target = || text("target").filter(|target| target != "::");
        // Of a source that was looked for, zeros are none.
        let source = text("src").filter(|src| call != Some(Call::Source) || !is_unspecified(src));
        let mut decision = Decision {
            kind: kind.into(),
            family,
            net: fields.number("net"),
            src: source.or_else(|| text("sender")),
            // What is sent to all who listen is about a target.
            dst: match call {
                Some(Call::Sent) => target().or_else(|| text("dst")),
                _ => text("dst").or_else(target),
            },
            dev: if kind == "output" {
                text("oif")
            } else {
                text("dev")
            },
            mark: fields.number("mark").unwrap_or_default(),
            selected: answer
                .rule
                .iter()
                .flat_map(|rule| selected(&rule.fields))
                .collect(),
            via: out.as_ref().and(fields.address("via")).map(String::from),
            out,
            flags: Vec::new(),
            redirected: fields
                .number("rt_flags")
                .is_some_and(|flags| family == Some(Family::Ipv4) && flags & RTCF_REDIRECTED != 0),
            fate,
            reason,
            why: None,
            answered: self.answered(family, answers),
            route,
            path: path.filter(|path| path.of > 1),
            rule: answer.rule(),
            suppressed: Vec::new(),
        };
        decision.flags = answer.flags(decision.out.as_deref());
        decision.why = decision
            .reason
            .as_deref()
            .map(|reason| self.why(reason, &decision, &answer, tables));
        if decision.answered == Some(false) && decision.why.is_none() {
            decision.why = self.why_not_answered(
                &decision.fate,
                decision.src.as_deref(),
                decision.dev.as_deref(),
            );
        }
        decision.suppressed = answer.suppressed;
        decision
    }

    /// The calls that were made in the first one that does this.
    fn within(&self, call: Call) -> &[Event] {
        let nested = self.nested();
        let outer = nested.iter().position(|(_, inner)| inner.does(call));
        let Some(outer) = outer else {
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
        let call = self.root.kind().map(|kind| kind.call);
        // ARP asks where the target is: the answer to that says what becomes of the request.
        let asked = self.calls.iter().find(|call| call.does(Call::Input));
        match (call, asked) {
            (Some(Call::Neighbour), Some(asked)) if asked.fields.failed() => (
                "no answer".into(),
                asked.fields.text("reason").map(String::from),
            ),
            (Some(Call::Neighbour), Some(asked)) => {
                (asked.fields.text("fate").unwrap_or("ok").into(), None)
            }
            (Some(Call::Source), _) if fields.failed() => {
                ("failed".into(), Some("no_address".into()))
            }
            _ if fields.failed() => {
                let reason = text("reason");
                let is_dropped = call == Some(Call::Input) || reason.is_some();
                let word = if is_dropped { "dropped" } else { "failed" };
                let reason = reason.or(text("result")).or(text("error"));
                (word.into(), reason.or_else(|| Some("unknown".into())))
            }
            // Its type is that of the message.
            (Some(Call::Neighbour), _) => ("ok".into(), None),
            (Some(Call::Sent), _) => ("sent".into(), None),
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
            // That of IPv6 is switched for the whole namespace.
            "forwarding_off" if decision.family == Some(Family::Ipv6) => "forwarding is off".into(),
            "forwarding_off" => format!("forwarding is off on {dev}"),
            "no_address" => "no address of this machine to send from".into(),
            _ => match &decision.rule {
                Some(rule) if !matches!(rule.action.as_str(), "lookup" | "none") => {
                    format!("{} by {}", rule.action, rule.text())
                }
                _ => match (reason, answer.in_vain(tables)) {
                    ("net_unreachable" | "unreachable" | "no_match_or_throw", asked)
                        if answer.failed.last().is_some_and(|call| {
                            matches!(call.fields.number("err"), Some(-11 | -101))
                        }) =>
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
