// SPDX-License-Identifier: GPL-2.0

//! The entry of each probed function: what is kept of its arguments, unless they do not
//! pass a filter.
//!
//! This runs in handler context, and is to be quick.

mod neighbours;

use faultline::{
    memory::KernelPtr,
    net::{
        Device,
        Family,
        Flow,
        Found,
        Ipv4,
        Net,
        Packet,
        Rule,
        Rules,
        RulesSearch,
        Table,
        V4,
        V6, //
    },
    probe::{
        ContextLevel,
        Entry, //
    },
    task::time, //
};

use crate::{
    call::{
        About,
        Addresses,
        Arguments,
        Asked,
        Call, //
    },
    cause::Cause,
    family::Probed,
    filter::{
        self,
        Facts, //
    },
    handler::Calls,
    ledger::Ledger,
    targets::Target,
    tree::{
        Held,
        Tree, //
    }, //
};

pub(crate) use neighbours::{
    arp,
    arp_sent,
    ndisc,
    ndisc_sent,
    source, //
};

/// What is known of a call before its arguments are looked at.
#[derive(Clone, Copy)]
pub(crate) struct Around<'a> {
    pub(crate) target: Target,
    pub(crate) ledger: &'a Ledger,
    pub(crate) held: &'a Held,
    /// What it is made for.
    pub(crate) cause: Cause,
    /// Those of the call in which it is made, if there is one.
    pub(crate) net: KernelPtr<Net>,
    pub(crate) device: KernelPtr<Device>,
    pub(crate) tree: Option<Tree>,
    pub(crate) level: ContextLevel,
}

impl Around<'_> {
    /// Follows a call in which others are made for `gives`.
    #[inline(always)]
    fn follow<F: Probed>(
        &self,
        gives: Cause,
        facts: impl FnOnce() -> Facts<F>,
        about: About,
    ) -> Option<Call> {
        let (tree, passes) = self.admit::<F, true>(facts, None);
        // The root decides for the whole tree how it ends.
        let decides = self.tree.is_none() && tree.held.is_some();
        if !passes && !decides {
            self.ledger.filtered();
        }
        let about = (passes || decides).then_some(about);
        Some(self.call(tree, passes, gives, about))
    }

    /// Follows a call in which no other is made, if it passes.
    #[inline(always)]
    fn follow_if<F: Probed>(
        &self,
        table: Option<u32>,
        facts: impl FnOnce() -> Facts<F>,
        about: impl FnOnce() -> Option<About>,
    ) -> Option<Call> {
        let (tree, passes) = self.admit::<F, false>(facts, table);
        if !passes {
            self.ledger.filtered();
            return None;
        }
        Some(self.call(tree, passes, self.cause, Some(about()?)))
    }

    /// Finds the tree of a call, in which others may be made if `CALLS_OTHERS`, and whether the
    /// call passes.
    #[inline(always)]
    fn admit<F: Probed, const CALLS_OTHERS: bool>(
        &self,
        facts: impl FnOnce() -> Facts<F>,
        table: Option<u32>,
    ) -> (Tree, bool) {
        let tree = match self.tree {
            Some(tree) => tree,
            None => {
                let passes = filter::packet_passes(facts, || self.net.inum());
                let undecided = CALLS_OTHERS && passes && filter::asks_for_end();
                Tree {
                    root: Tree::BEGINS,
                    passes,
                    held: undecided.then(|| self.held.begin()).flatten(),
                }
            }
        };
        let passes = tree.passes && filter::call_passes(self.target, self.cause, table);
        (tree, passes)
    }

    #[inline(always)]
    fn call(&self, mut tree: Tree, passes: bool, gives: Cause, about: Option<About>) -> Call {
        let entered_ns = time::monotonic_ns();
        if tree.root == Tree::BEGINS {
            tree.root = entered_ns;
        }
        Call {
            entered_ns,
            net: self.net,
            device: self.device,
            tree,
            passes,
            cause: self.cause,
            gives,
            level: self.level,
            about,
        }
    }
}

/// What a packet that comes in is for, if it is routed for `cause`.
fn input_cause(cause: Cause) -> Cause {
    match cause {
        Cause::Arp => Cause::Arp,
        _ => Cause::Input,
    }
}

/// Follows what routes a packet that came in by `device`.
#[inline(always)]
fn input_by<F: Probed>(
    around: &Around<'_>,
    device: KernelPtr<Device>,
    packet: KernelPtr<Packet>,
    addresses: Addresses<F>,
) -> Option<Call> {
    let cause = input_cause(around.cause);
    let around = Around {
        cause,
        net: device.net(),
        device,
        ..*around
    };
    let about = F::about(Arguments::Input { packet, addresses });
    around.follow(cause, || addresses.facts(packet), about)
}

/// `ip_route_input_noref(skb, daddr, saddr, dscp, dev)`.
#[inline(never)]
pub(crate) fn input(entry: &Entry<'_, Calls>, around: &Around<'_>) -> Option<Call> {
    let addresses = Addresses::<V4> {
        src: Ipv4(entry.arg(2)?),
        dst: Ipv4(entry.arg(1)?),
        tos: entry.arg(3)?,
    };
    input_by(around, entry.arg(4)?, entry.arg(0)?, addresses)
}

/// `ip6_route_input(skb)`.
#[inline(never)]
pub(crate) fn input6(entry: &Entry<'_, Calls>, around: &Around<'_>) -> Option<Call> {
    let packet: KernelPtr<Packet> = entry.arg(0)?;
    let header = packet.ipv6_header();
    let addresses = Addresses::<V6> {
        src: header.source,
        dst: header.destination,
        tos: header.traffic_class,
    };
    input_by(around, packet.device(), packet, addresses)
}

/// `fib_validate_source(skb, src, dst, dscp, oif, dev, idev, itag)`.
#[inline(never)]
pub(crate) fn validate(entry: &Entry<'_, Calls>, around: &Around<'_>) -> Option<Call> {
    let packet: KernelPtr<Packet> = entry.arg(0)?;
    let device: KernelPtr<Device> = entry.arg(5)?;
    let around = Around {
        net: device.net(),
        device,
        ..*around
    };
    let addresses = Addresses {
        src: Ipv4(entry.arg(1)?),
        dst: Ipv4(entry.arg(2)?),
        tos: entry.arg(3)?,
    };
    let about = About::Validate {
        packet,
        addresses,
        oif: entry.arg(4)?,
    };
    around.follow(Cause::Validate, || addresses.facts(packet), about)
}

/// `ip_route_output_key_hash_rcu(net, flow, result, skb)`, or
/// `ip6_route_output_flags(net, sk, flow, flags)`.
#[inline(never)]
pub(crate) fn output<F: Probed>(entry: &Entry<'_, Calls>, around: &Around<'_>) -> Option<Call> {
    let around = Around {
        net: entry.arg(0)?,
        device: KernelPtr::NULL,
        ..*around
    };
    let asked = Asked::<F>::of(entry.arg(F::AT.asked)?);
    let facts = || Facts::<F> {
        src: asked.src,
        dst: asked.dst,
        mark: Some(asked.mark),
    };
    let about = F::about(Arguments::Output(asked));
    around.follow(Cause::Output, facts, about)
}

/// `fib_rules_lookup(ops, flow, flags, search)`, of any family.
#[inline(never)]
pub(crate) fn rules(entry: &Entry<'_, Calls>, around: &Around<'_>) -> Option<Call> {
    let rules: KernelPtr<Rules> = entry.arg(0)?;
    match rules.family() {
        V4::NUMBER => rules_of::<V4>(entry, around, rules),
        V6::NUMBER => rules_of::<V6>(entry, around, rules),
        // Multicast routing has rules, too.
        _ => {
            around.ledger.filtered();
            None
        }
    }
}

#[inline(always)]
fn rules_of<F: Probed>(
    entry: &Entry<'_, Calls>,
    around: &Around<'_>,
    rules: KernelPtr<Rules>,
) -> Option<Call> {
    let flow: KernelPtr<Flow<F>> = entry.arg(1)?;
    let search: KernelPtr<RulesSearch<F>> = entry.arg(3)?;
    let around = Around {
        net: rules.net(),
        ..*around
    };
    let about = F::about(Arguments::Rules { flow, search });
    around.follow(around.cause, || facts_of(flow), about)
}

/// Returns whether a `fib_table_lookup()` passes.
#[inline(always)]
pub(crate) fn lookup_passes(entry: &Entry<'_, Calls>, around: &Around<'_>) -> bool {
    let (Some(flow), Some(table)) = (entry.arg(V4::AT.flow), entry.arg(V4::AT.table)) else {
        return true;
    };
    let (_tree, passes) =
        around.admit::<V4, false>(|| facts_of::<V4>(flow), asked_table::<V4>(table));
    passes
}

/// The table of a lookup, if a filter asks for it.
#[inline(always)]
fn asked_table<F: Probed>(table: KernelPtr<Table<F>>) -> Option<u32> {
    filter::asks_for_table().then(|| F::table_id(table))
}

/// `fib_table_lookup(table, flow, result, flags)`.
#[inline(always)]
pub(crate) fn lookup(entry: &Entry<'_, Calls>, around: &Around<'_>) -> Option<Call> {
    lookup_of::<V4>(entry, around)
}

/// `fib6_table_lookup(net, table, oif, flow, result, strict)`.
#[inline(never)]
pub(crate) fn lookup6(entry: &Entry<'_, Calls>, around: &Around<'_>) -> Option<Call> {
    let around = Around {
        net: entry.arg(0)?,
        ..*around
    };
    lookup_of::<V6>(entry, &around)
}

#[inline(always)]
fn lookup_of<F: Probed>(entry: &Entry<'_, Calls>, around: &Around<'_>) -> Option<Call> {
    let flow: KernelPtr<Flow<F>> = entry.arg(F::AT.flow)?;
    let table: KernelPtr<Table<F>> = entry.arg(F::AT.table)?;
    let found: KernelPtr<Found<F>> = entry.arg(F::AT.found)?;
    around.follow_if(
        asked_table(table),
        || facts_of(flow),
        || Some(F::about(Arguments::Lookup { flow, table, found })),
    )
}

/// `fib4_rule_suppress(rule, flags, search)`, or its twin.
#[inline(never)]
pub(crate) fn suppress<F: Probed>(entry: &Entry<'_, Calls>, around: &Around<'_>) -> Option<Call> {
    let rule: KernelPtr<Rule<F>> = entry.arg(0)?;
    let search: KernelPtr<RulesSearch<F>> = entry.arg(2)?;
    around.follow_if(None, Facts::<F>::none, || {
        let chosen = F::chosen(search);
        Some(F::about(Arguments::Suppress { rule, chosen }))
    })
}

/// `fib_select_multipath(result, hash)`.
#[inline(never)]
pub(crate) fn multipath<F: Probed>(entry: &Entry<'_, Calls>, around: &Around<'_>) -> Option<Call> {
    let found: KernelPtr<Found<F>> = entry.arg(F::AT.multipath)?;
    around.follow_if(None, Facts::<F>::none, || {
        Some(F::about(Arguments::Multipath(found)))
    })
}

/// `fib6_select_path(net, result, ...)`, which is also called for a route with a single path.
#[inline(never)]
pub(crate) fn multipath6(entry: &Entry<'_, Calls>, around: &Around<'_>) -> Option<Call> {
    let around = Around {
        net: entry.arg(0)?,
        ..*around
    };
    if V6::paths(entry.arg(V6::AT.multipath)?) < 2 {
        around.ledger.filtered();
        return None;
    }
    multipath::<V6>(entry, &around)
}

#[inline(always)]
fn facts_of<F: Probed>(flow: KernelPtr<Flow<F>>) -> Facts<F> {
    Facts {
        src: F::source(flow),
        dst: F::destination(flow),
        mark: Some(flow.mark()),
    }
}

impl<F: Probed> Addresses<F> {
    #[inline(always)]
    fn facts(&self, packet: KernelPtr<Packet>) -> Facts<F> {
        Facts {
            src: self.src,
            dst: self.dst,
            mark: Some(packet.mark()),
        }
    }
}
