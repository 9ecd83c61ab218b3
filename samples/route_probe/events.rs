// SPDX-License-Identifier: GPL-2.0

//! The events, `events/route_probe/` in tracefs. What a call returned decides which of two
//! events it makes where one of them has fields that the kernel wrote and the other has not.
//! What both families have is one structure, and an event for each.
//!
//! Every event has `root`, which is the same for all calls that are made for one packet:
//! when the outermost of them was entered. `at` is when the call itself was.

use faultline::{
    net::{
        Family,
        Ipv4,
        Ipv6,
        NAME_SIZE,
        V4,
        V6, //
    },
    probe::HandlerContext,
    trace::{
        Chars,
        Hex,
        Named,
        Names,
        Pointer,
        Record,
        Written, //
    }, //
};

use crate::{
    family::Probed,
    text::TABLE_NAME,
    tree::AnyEvent, //
};

/// An address of a family.
pub(crate) type Address<F> = <F as Family>::Address;
/// A prefix of a family.
pub(crate) type Prefix<F> = <F as Family>::Prefix;
/// The name of a device, empty for none.
pub(crate) type DeviceName = Chars<NAME_SIZE>;
/// The name of a table.
pub(crate) type TableName = Chars<TABLE_NAME>;
/// A drop reason, or another word for why.
pub(crate) type Reason = Chars<32>;

macro_rules! names {
    ($($(#[$doc:meta])* $name:ident { $($value:literal => $text:literal,)* })*) => { $(
        $(#[$doc])*
        #[derive(Clone, Copy)]
        pub(crate) struct $name;

        impl Names for $name {
            const NAMES: &'static [(u32, &'static str)] = &[$(($value, $text)),*];
        }
    )* };
}

names! {
    /// What a call is made for: the numbers are those of [`Cause`](crate::cause::Cause).
    Causes { 0 => "other", 1 => "input", 2 => "validate", 3 => "arp", 4 => "output", 5 => "ndisc", }
    /// Types of routes (`RTN_UNICAST`, ...).
    Types {
        0 => "unspec", 1 => "unicast", 2 => "local", 3 => "broadcast", 4 => "anycast",
        5 => "multicast", 6 => "blackhole", 7 => "unreachable", 8 => "prohibit", 9 => "throw",
        10 => "nat", 11 => "xresolve",
    }
    /// What becomes of a packet: a type of a route, or it is dropped. The route may not be
    /// readable.
    Fates {
        0 => "unknown", 1 => "forward", 2 => "local", 3 => "broadcast", 4 => "local", 5 => "multicast",
        255 => "dropped",
    }
    /// What rules do (`FR_ACT_TO_TBL`, ...).
    Actions {
        0 => "none", 1 => "lookup", 2 => "goto", 3 => "nop", 6 => "blackhole",
        7 => "unreachable", 8 => "prohibit",
    }
    /// How sources are validated.
    RpFilters { 0 => "off", 1 => "strict", 2 => "loose", }
    /// What a packet of ARP is.
    ArpOperations { 1 => "request", 2 => "reply", }
    /// What a message of neighbour discovery is.
    NdiscTypes {
        133 => "router_solicitation", 134 => "router_advertisement",
        135 => "neighbour_solicitation", 136 => "neighbour_advertisement", 137 => "redirect",
    }
    /// What became of a result that a rule may throw away.
    Suppressed { 0 => "kept", 1 => "suppressed", }
}

/// That a packet is dropped, among its [`Fates`].
pub(crate) const DROPPED: u32 = 255;
/// That its route could not be read, or the type of that.
pub(crate) const UNKNOWN: u32 = 0;

faultline::event! {
    /// A lookup in a table has found a route.
    pub(crate) struct Lookup<F: Family> as fib_lookup: V4, fib6_lookup: V6 {
        net: u32, cause: Named<Causes>,
        src: Address<F>, dst: Address<F>, tos: Hex, mark: Hex,
        iif: DeviceName, oif: DeviceName,
        uid: u32, proto: u32, sport: u32, dport: u32,
        table: TableName,
        err: i32, type_ as "type": Named<Types>, prefix: Prefix<F>, via: Ipv4, via6: Ipv6, dev: DeviceName,
        paths: u32, flags: Hex,
        ns: u64, at: u64, root: u64,
    }
}

faultline::event! {
    /// A lookup in a table has found none, or one that refuses.
    pub(crate) struct LookupFailed<F: Family> as fib_lookup_failed: V4, fib6_lookup_failed: V6 {
        net: u32, cause: Named<Causes>,
        src: Address<F>, dst: Address<F>, tos: Hex, mark: Hex,
        iif: DeviceName, oif: DeviceName,
        uid: u32, proto: u32, sport: u32, dport: u32,
        table: TableName,
        err: i32, error: Reason,
        ns: u64, at: u64, root: u64,
    }
}

faultline::event! {
    /// The rules were searched: which of them decided, and what its selector is. 0, empty and -1
    /// select nothing.
    pub(crate) struct Rules<F: Family> as fib_rule: V4, fib6_rule: V6 {
        net: u32, cause: Named<Causes>,
        src: Address<F>, dst: Address<F>, tos: Hex, mark: Hex,
        iif: DeviceName, oif: DeviceName,
        uid: u32, proto: u32, sport: u32, dport: u32,
        err: i32, error: Reason,
        priority: u32, action: Named<Actions>, table: TableName,
        not: u32, from: Prefix<F>, to: Prefix<F>, rule_tos: Hex, fwmark: Hex, fwmask: Hex,
        rule_iif: DeviceName, rule_oif: DeviceName, l3mdev: u32, rule_proto: u32,
        uid_first: u32, uid_last: u32,
        sport_first: u32, sport_last: u32, dport_first: u32, dport_last: u32,
        suppress_prefixlen: i32, suppress_ifgroup: i32,
        ns: u64, at: u64, root: u64,
    }
}

faultline::event! {
    /// A rule has a look at a route that was found: whether it throws it away.
    pub(crate) struct Suppress<F: Family> as fib_rule_suppress: V4, fib6_rule_suppress: V6 {
        net: u32, cause: Named<Causes>,
        priority: u32, suppress_prefixlen: i32, suppress_ifgroup: i32,
        prefix: Prefix<F>, dev: DeviceName,
        result: Named<Suppressed>,
        ns: u64, at: u64, root: u64,
    }
}

faultline::event! {
    /// One of several paths of a route was chosen.
    pub(crate) struct Multipath<F: Family> as fib_multipath: V4, fib6_multipath: V6 {
        net: u32, cause: Named<Causes>,
        prefix: Prefix<F>, path: u32, paths: u32, via: Ipv4, via6: Ipv6, dev: DeviceName, flags: Hex,
        ns: u64, at: u64, root: u64,
    }
}

faultline::event! {
    /// A packet that came in was given a route, or dropped.
    pub(crate) struct Input<F: Family> as ip_route_input: V4, ip6_route_input: V6 {
        net: u32, cause: Named<Causes>,
        src: Address<F>, dst: Address<F>, tos: Hex, mark: Hex, dev: DeviceName,
        ret: i32, reason: Reason, err: i32, fate: Named<Fates>,
        via: Ipv4, via6: Ipv6, out: DeviceName,
        ns: u64, skb: Pointer, at: u64, root: u64,
    }
}

faultline::event! {
    /// The source of a packet was validated.
    pub(crate) struct Validate as fib_validate_source {
        net: u32, cause: Named<Causes>,
        src: Ipv4, dst: Ipv4, tos: Hex, mark: Hex,
        oif: DeviceName, dev: DeviceName, rp_filter: Named<RpFilters>,
        ret: i32, result: Reason,
        ns: u64, at: u64, root: u64,
    }
}

faultline::event! {
    /// A packet of ARP was processed.
    pub(crate) struct Arp as arp_process {
        net: u32, dev: DeviceName, no_addr: u32, rp_filter: Named<RpFilters>,
        op: Named<ArpOperations>, sender: Ipv4, target: Ipv4, arp_ignore: u32,
        ret: i32,
        ns: u64, at: u64, root: u64,
    }
}

faultline::event! {
    /// A packet of ARP was sent.
    pub(crate) struct ArpSent as arp_xmit {
        net: u32, cause: Named<Causes>, dev: DeviceName, ifindex: i32,
        op: Named<ArpOperations>, sender: Ipv4, target: Ipv4,
        ns: u64, at: u64, root: u64,
    }
}

faultline::event! {
    /// A packet of our own was given a route.
    pub(crate) struct Output<F: Family> as route_output: V4, route6_output: V6 {
        net: u32, cause: Named<Causes>,
        src: Address<F>, dst: Address<F>, tos: Hex, oif: DeviceName, mark: Hex,
        uid: u32, proto: u32, sport: u32, dport: u32,
        err: i32, type_ as "type": Named<Types>, via: Ipv4, via6: Ipv6, dev: DeviceName, rt_flags: Hex,
        ns: u64, at: u64, root: u64,
    }
}

faultline::event! {
    /// There was no route for a packet of our own.
    pub(crate) struct OutputFailed<F: Family> as route_output_failed: V4, route6_output_failed: V6 {
        net: u32, cause: Named<Causes>,
        src: Address<F>, dst: Address<F>, tos: Hex, oif: DeviceName, mark: Hex,
        uid: u32, proto: u32, sport: u32, dport: u32,
        flow_flags: Hex, err: i32, error: Reason,
        ns: u64, at: u64, root: u64,
    }
}

faultline::event! {
    /// A message of neighbour discovery was processed.
    pub(crate) struct Neighbour as ndisc_rcv {
        net: u32, cause: Named<Causes>, dev: DeviceName,
        src: Ipv6, target: Ipv6, type_ as "type": Named<NdiscTypes>,
        ret: i32, reason: Reason,
        ns: u64, at: u64, root: u64,
    }
}

faultline::event! {
    /// A message of neighbour discovery was sent.
    pub(crate) struct NeighbourSent as ndisc_send_skb {
        net: u32, cause: Named<Causes>, dev: DeviceName, ifindex: i32,
        src: Ipv6, dst: Ipv6, target: Ipv6, type_ as "type": Named<NdiscTypes>,
        ns: u64, at: u64, root: u64,
    }
}

faultline::event! {
    /// A source was chosen for packets of our own.
    pub(crate) struct Source as ipv6_dev_get_saddr {
        net: u32, cause: Named<Causes>,
        dst: Ipv6, dev: DeviceName, prefs: Hex,
        ret: i32, src: Ipv6,
        ns: u64, at: u64, root: u64,
    }
}

/// An event of those that both families have.
#[derive(Clone, Copy)]
pub(crate) enum Events<F: Family> {
    Lookup(Lookup<F>),
    LookupFailed(LookupFailed<F>),
    Rules(Rules<F>),
    Suppress(Suppress<F>),
    Multipath(Multipath<F>),
    Input(Input<F>),
    Output(Output<F>),
    OutputFailed(OutputFailed<F>),
}

macro_rules! of_a_family {
    ($($name:ident),*) => {
        $(impl<F: Probed> From<$name<F>> for AnyEvent {
            #[inline(always)]
            fn from(event: $name<F>) -> Self {
                F::any(Events::$name(event))
            }
        })*

        impl<F: Family> Events<F>
        where
            $($name<F>: Record,)*
        {
            pub(crate) fn record(&self, context: HandlerContext<'_>) -> Written {
                match self {
                    $(Self::$name(event) => $name::record(context, || *event),)*
                }
            }
        }
    };
}

of_a_family!(
    Lookup,
    LookupFailed,
    Rules,
    Suppress,
    Multipath,
    Input,
    Output,
    OutputFailed
);

macro_rules! of_one_family {
    ($($name:ident),*) => {
        $(impl From<$name> for AnyEvent {
            #[inline(always)]
            fn from(event: $name) -> Self {
                Self::$name(event)
            }
        })*
    };
}

of_one_family!(Validate, Arp, ArpSent, Neighbour, NeighbourSent, Source);
