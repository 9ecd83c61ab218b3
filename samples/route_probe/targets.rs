// SPDX-License-Identifier: GPL-2.0

//! The functions that are probed, and the events that their calls make.

use core::ffi::CStr;

use crate::text::Parts;

/// What is probed. The number is its bit in a set of events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    Arp,
    Input,
    Validate,
    Output,
    Rules,
    Lookup,
    Suppress,
    Multipath,
}

impl Target {
    /// It alone, as a set of events.
    pub(crate) const fn bit(self) -> u32 {
        1 << self as u32
    }
}

/// A probed function.
pub(crate) struct Description {
    pub(crate) target: Target,
    /// Its event, and what users call it.
    pub(crate) event: &'static str,
    /// The function of the kernel.
    pub(crate) function: &'static CStr,
    /// Whether its arguments are where its source says.
    pub(crate) is_as_declared: bool,
    /// Whether others of them are called in it.
    pub(crate) calls_others: bool,
}

/// How many there are.
pub(crate) const COUNT: usize = 8;

/// All of them. What calls another is before it, so that from the first lookup on which is
/// seen its cause is seen as well.
pub(crate) static ALL: [Description; COUNT] = [
    Description {
        target: Target::Arp,
        event: "arp_process",
        function: c"arp_process",
        is_as_declared: cfg!(kernel_has = "arp_process_as_declared"),
        calls_others: true,
    },
    Description {
        target: Target::Input,
        event: "ip_route_input",
        function: c"ip_route_input_noref",
        is_as_declared: true,
        calls_others: true,
    },
    Description {
        target: Target::Validate,
        event: "fib_validate_source",
        function: c"fib_validate_source",
        is_as_declared: true,
        calls_others: true,
    },
    Description {
        target: Target::Output,
        event: "route_output",
        function: c"ip_route_output_key_hash_rcu",
        is_as_declared: true,
        calls_others: true,
    },
    Description {
        target: Target::Rules,
        event: "fib_rule",
        function: c"fib_rules_lookup",
        is_as_declared: true,
        calls_others: true,
    },
    Description {
        target: Target::Lookup,
        event: "fib_lookup",
        function: c"fib_table_lookup",
        is_as_declared: true,
        calls_others: false,
    },
    Description {
        target: Target::Suppress,
        event: "fib_rule_suppress",
        function: c"fib4_rule_suppress",
        is_as_declared: true,
        calls_others: false,
    },
    Description {
        target: Target::Multipath,
        event: "fib_multipath",
        function: c"fib_select_multipath",
        is_as_declared: true,
        calls_others: false,
    },
];

/// All events, as bits.
pub(crate) const EVERY_EVENT: u32 = (1 << ALL.len()) - 1;

/// The functions that have to be probed for these events: also those in which the functions of
/// the events are called, since they tell what a call is made for.
pub(crate) fn needed(events: u32) -> u32 {
    let mut needed = events;
    for description in &ALL {
        let bit = description.target.bit();
        // Events of functions after it.
        if description.calls_others && events & !(bit | bit.wrapping_sub(1)) != 0 {
            needed |= bit;
        }
    }
    needed
}

/// The set of events that `list` names, as bits; `None` if it names another.
pub(crate) fn parse(list: &str) -> Option<u32> {
    match list {
        "all" => return Some(EVERY_EVENT),
        "none" => return Some(0),
        _ => (),
    }
    Parts::of(list.as_bytes(), b',').try_fold(0, |events, name| {
        let known = ALL.iter().find(|known| known.event.as_bytes() == name)?;
        Some(events | known.target.bit())
    })
}
