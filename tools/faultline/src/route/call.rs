// SPDX-License-Identifier: GPL-2.0

//! What the events tell of. Both families of addresses have the same calls, under names of their
//! own: what an event means is its call and its family, and nothing else knows its name.

use serde::Serialize;
use std::net::IpAddr;

/// A family of addresses.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Family {
    Ipv4,
    Ipv6,
}

impl Family {
    /// The family of an address.
    pub fn of(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(_) => Family::Ipv4,
            IpAddr::V6(_) => Family::Ipv6,
        }
    }

    /// Its name, as the module's parameter `family` has it.
    pub fn word(self) -> &'static str {
        match self {
            Family::Ipv4 => "ipv4",
            Family::Ipv6 => "ipv6",
        }
    }

    /// Its name for people.
    pub fn name(self) -> &'static str {
        match self {
            Family::Ipv4 => "IPv4",
            Family::Ipv6 => "IPv6",
        }
    }

    /// Its protocol that finds neighbours, as causes have it.
    pub fn neighbours(self) -> &'static str {
        match self {
            Family::Ipv4 => "arp",
            Family::Ipv6 => "ndisc",
        }
    }
}

/// What a call does.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Call {
    /// Takes a packet of ARP, or of neighbour discovery.
    Neighbour,
    /// Sends one.
    Sent,
    /// Gives a packet that came in a route.
    Input,
    /// Validates a source.
    Validate,
    /// Gives a packet of our own a route.
    Output,
    /// Chooses the address that a packet of our own is sent from.
    Source,
    /// Searches the rules.
    Rules,
    /// Looks up a route in a table.
    Lookup,
    /// Asks a rule whether it throws a route away.
    Suppress,
    /// Chooses one of several paths.
    Multipath,
}

impl Call {
    /// Returns whether it decides something as a whole when no other call encloses it.
    pub fn decides(self) -> bool {
        self.is_outermost() || matches!(self, Call::Source | Call::Sent)
    }

    /// Returns whether it is the outermost call for a packet. A source is also chosen within the
    /// search of the rules, and what a neighbour asked is answered within the call that took it.
    pub fn is_outermost(self) -> bool {
        matches!(self, Call::Neighbour | Call::Input | Call::Output)
    }
}

/// What an event tells of.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Kind {
    pub call: Call,
    pub family: Family,
}

/// The events. A call that fails may have an event of its own: the same name, and [`FAILED`].
const EVENTS: [(&str, Call, Family); 18] = [
    ("arp_process", Call::Neighbour, Family::Ipv4),
    ("ndisc_rcv", Call::Neighbour, Family::Ipv6),
    ("arp_xmit", Call::Sent, Family::Ipv4),
    ("ndisc_send_skb", Call::Sent, Family::Ipv6),
    ("ip_route_input", Call::Input, Family::Ipv4),
    ("ip6_route_input", Call::Input, Family::Ipv6),
    ("fib_validate_source", Call::Validate, Family::Ipv4),
    ("route_output", Call::Output, Family::Ipv4),
    ("route6_output", Call::Output, Family::Ipv6),
    ("ipv6_dev_get_saddr", Call::Source, Family::Ipv6),
    ("fib_rule", Call::Rules, Family::Ipv4),
    ("fib6_rule", Call::Rules, Family::Ipv6),
    ("fib_lookup", Call::Lookup, Family::Ipv4),
    ("fib6_lookup", Call::Lookup, Family::Ipv6),
    ("fib_rule_suppress", Call::Suppress, Family::Ipv4),
    ("fib6_rule_suppress", Call::Suppress, Family::Ipv6),
    ("fib_multipath", Call::Multipath, Family::Ipv4),
    ("fib6_multipath", Call::Multipath, Family::Ipv6),
];
const FAILED: &str = "_failed";

impl Kind {
    /// The kind of the event with this name; `None` for one of a later version of the module.
    pub fn of(event: &str) -> Option<Self> {
        let name = event.strip_suffix(FAILED).unwrap_or(event);
        let (_, call, family) = *EVENTS.iter().find(|(known, ..)| *known == name)?;
        let may_fail = matches!(call, Call::Lookup | Call::Output);
        (name == event || may_fail).then_some(Kind { call, family })
    }
}

/// One function searches the rules of both families, so that the parameter has one name for it.
const RULES: &str = "fib_rule";

/// The name that the module's parameter `events` has for an event, if it is not the event's own.
pub fn comes_with(event: &str) -> Option<&'static str> {
    let call = Kind::of(event)?.call;
    let name = event.strip_suffix(FAILED).unwrap_or(event);
    let of_parameter = match call {
        Call::Rules => RULES,
        _ => EVENTS.iter().find(|(known, ..)| *known == name)?.0,
    };
    (of_parameter != event).then_some(of_parameter)
}

/// The event of the call that answers neighbours.
pub fn answers(family: Family) -> Option<&'static str> {
    let answer = EVENTS
        .iter()
        .find(|(_, call, of)| (*call, *of) == (Call::Sent, family))?;
    Some(answer.0)
}

/// The names that the module's parameter `events` has.
pub fn targets() -> impl Iterator<Item = &'static str> {
    let names = EVENTS.iter().map(|(name, ..)| *name);
    names.filter(|name| comes_with(name).is_none())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_kinds() {
        let kind = |event| Kind::of(event).map(|kind| (kind.call, kind.family));
        assert_eq!(kind("fib_lookup"), Some((Call::Lookup, Family::Ipv4)));
        assert_eq!(
            kind("fib6_lookup_failed"),
            Some((Call::Lookup, Family::Ipv6))
        );
        assert_eq!(kind("ip6_route_input_failed"), None);
        assert_eq!(kind("fib_lookup_failed_failed"), None);
        assert_eq!(kind("fib8_lookup"), None);
    }

    #[test]
    fn what_the_parameter_has() {
        for (event, with) in [
            ("fib_lookup", None),
            ("fib_rule", None),
            ("fib6_rule", Some("fib_rule")),
            ("fib6_rule_suppress", None),
            ("fib6_lookup_failed", Some("fib6_lookup")),
            ("route_output_failed", Some("route_output")),
            ("other", None),
        ] {
            assert_eq!(comes_with(event), with, "{event}");
        }
        assert!(targets().any(|name| name == "fib_rule"));
        assert!(targets().all(|name| name != "fib6_rule"));
        assert_eq!(targets().count(), EVENTS.len() - 1);
    }
}
