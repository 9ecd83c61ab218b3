// SPDX-License-Identifier: GPL-2.0

//! The functions that are probed, and the events that their calls make.

use core::ffi::CStr;

use faultline::probe::Failure;

use crate::text::Parts;

/// What is probed. The number is its bit in a set of events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    Arp,
    Ndisc,
    Input,
    Input6,
    Validate,
    Output,
    Output6,
    Rules,
    Lookup,
    Lookup6,
    Suppress,
    Suppress6,
    Multipath,
    Multipath6,
    Source,
    ArpSent,
    NdiscSent,
}

impl Target {
    /// It alone, as a set of events.
    pub(crate) const fn bit(self) -> u32 {
        1 << self as u32
    }
}

/// Families of addresses, as bits.
#[derive(Clone, Copy)]
pub(crate) struct Families(u32);

impl Families {
    pub(crate) const IPV4: Self = Self(1);
    pub(crate) const IPV6: Self = Self(2);
    pub(crate) const BOTH: Self = Self(3);

    pub(crate) const fn bits(self) -> u32 {
        self.0
    }

    pub(crate) const fn from_bits(bits: u32) -> Self {
        Self(bits)
    }

    /// Returns whether there is one that both have.
    pub(crate) const fn meet(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }
}

/// A probed function.
pub(crate) struct Description {
    pub(crate) target: Target,
    /// Its event, and what users call it.
    pub(crate) event: &'static str,
    /// The function of the kernel.
    pub(crate) function: &'static CStr,
    /// The families for whose packets it is called.
    pub(crate) families: Families,
    /// Why it is not to be probed, if there is a reason that a probe could not detect.
    pub(crate) failure: Option<Failure>,
    /// Whether others of them are called in it.
    pub(crate) calls_others: bool,
}

impl Description {
    const fn new(
        target: Target,
        event: &'static str,
        function: &'static CStr,
        families: Families,
    ) -> Self {
        Self {
            target,
            event,
            function,
            families,
            failure: None,
            calls_others: false,
        }
    }

    const fn calls_others(mut self) -> Self {
        self.calls_others = true;
        self
    }

    /// Its arguments may be elsewhere than its source says.
    const fn if_declared(mut self, is_as_declared: bool) -> Self {
        if !is_as_declared {
            self.failure = Some(Failure::Changed);
        }
        self
    }

    /// Its callers are in its own file, so that clang inlines it there; gcc does not.
    const fn if_not_inlined(mut self) -> Self {
        if cfg!(CONFIG_CC_IS_CLANG) {
            self.failure = Some(Failure::CallsInlined);
        }
        self
    }
}

/// How many there are.
pub(crate) const COUNT: usize = 17;

/// All of them. What calls another is before it, so that from the first lookup on which is
/// seen its cause is seen as well.
pub(crate) static ALL: [Description; COUNT] = {
    use Families as F;
    use Target as T;

    [
        Description::new(T::Arp, "arp_process", c"arp_process", F::IPV4)
            .if_declared(cfg!(kernel_has = "arp_process_as_declared"))
            .calls_others(),
        Description::new(T::Ndisc, "ndisc_rcv", c"ndisc_rcv", F::IPV6).calls_others(),
        Description::new(T::Input, "ip_route_input", c"ip_route_input_noref", F::IPV4)
            .calls_others(),
        Description::new(T::Input6, "ip6_route_input", c"ip6_route_input", F::IPV6).calls_others(),
        Description::new(
            T::Validate,
            "fib_validate_source",
            c"fib_validate_source",
            F::IPV4,
        )
        .calls_others(),
        Description::new(
            T::Output,
            "route_output",
            c"ip_route_output_key_hash_rcu",
            F::IPV4,
        )
        .calls_others(),
        Description::new(
            T::Output6,
            "route6_output",
            c"ip6_route_output_flags",
            F::IPV6,
        )
        .calls_others(),
        Description::new(T::Rules, "fib_rule", c"fib_rules_lookup", F::BOTH).calls_others(),
        Description::new(T::Lookup, "fib_lookup", c"fib_table_lookup", F::IPV4),
        Description::new(T::Lookup6, "fib6_lookup", c"fib6_table_lookup", F::IPV6),
        Description::new(
            T::Suppress,
            "fib_rule_suppress",
            c"fib4_rule_suppress",
            F::IPV4,
        ),
        Description::new(
            T::Suppress6,
            "fib6_rule_suppress",
            c"fib6_rule_suppress",
            F::IPV6,
        ),
        Description::new(
            T::Multipath,
            "fib_multipath",
            c"fib_select_multipath",
            F::IPV4,
        ),
        Description::new(
            T::Multipath6,
            "fib6_multipath",
            c"fib6_select_path",
            F::IPV6,
        ),
        Description::new(
            T::Source,
            "ipv6_dev_get_saddr",
            c"ipv6_dev_get_saddr",
            F::IPV6,
        ),
        Description::new(T::ArpSent, "arp_xmit", c"arp_xmit", F::IPV4).if_not_inlined(),
        Description::new(T::NdiscSent, "ndisc_send_skb", c"ndisc_send_skb", F::IPV6),
    ]
};

/// All events, as bits.
pub(crate) const EVERY_EVENT: u32 = (1 << ALL.len()) - 1;

/// The functions that have to be probed for these events of these families: also those in which the
/// functions of the events are called, since they tell what a call is made for.
pub(crate) fn needed(events: u32, families: Families) -> u32 {
    let mut needed = 0;
    for description in &ALL {
        if !description.families.meet(families) {
            continue;
        }
        let bit = description.target.bit();
        let is_called = |other: &&Description| {
            let after = other.target.bit();
            after > bit && events & after != 0 && description.families.meet(other.families)
        };
        if events & bit != 0 || description.calls_others && ALL.iter().any(|d| is_called(&d)) {
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
