// SPDX-License-Identifier: GPL-2.0

//! The entry of each probed function: what is kept of its arguments, unless they do not
//! pass a filter.
//!
//! This runs in handler context, and is to be quick.

use faultline::{
    memory::KernelPtr,
    net::{
        Device,
        Flow,
        Found,
        Net,
        Packet,
        Rule,
        Rules,
        RulesSearch,
        Table, //
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
        Asked,
        Call, //
    },
    cause::Cause,
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
    fn follow(&self, gives: Cause, facts: impl FnOnce() -> Facts, about: About) -> Option<Call> {
        let (tree, passes) = self.admit::<true>(facts, None);
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
    fn follow_if(
        &self,
        table: Option<u32>,
        facts: impl FnOnce() -> Facts,
        about: impl FnOnce() -> Option<About>,
    ) -> Option<Call> {
        let (tree, passes) = self.admit::<false>(facts, table);
        if !passes {
            self.ledger.filtered();
            return None;
        }
        Some(self.call(tree, passes, self.cause, Some(about()?)))
    }

    /// Finds the tree of a call, in which others may be made if `CALLS_OTHERS`, and whether the
    /// call passes.
    #[inline(always)]
    fn admit<const CALLS_OTHERS: bool>(
        &self,
        facts: impl FnOnce() -> Facts,
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

/// `ip_route_input_noref(skb, daddr, saddr, dscp, dev)`.
#[inline(never)]
pub(crate) fn input(entry: &Entry<'_, Calls>, around: &Around<'_>) -> Option<Call> {
    let packet: KernelPtr<Packet> = entry.arg(0)?;
    let device: KernelPtr<Device> = entry.arg(4)?;
    let cause = match around.cause {
        Cause::Arp => Cause::Arp,
        _ => Cause::Input,
    };
    let around = Around {
        cause,
        net: device.net(),
        device,
        ..*around
    };
    let addresses = Addresses {
        src: entry.arg(2)?,
        dst: entry.arg(1)?,
        tos: entry.arg(3)?,
    };
    let about = About::Input { packet, addresses };
    around.follow(cause, || addresses.facts(packet), about)
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
        src: entry.arg(1)?,
        dst: entry.arg(2)?,
        tos: entry.arg(3)?,
    };
    let about = About::Validate {
        packet,
        addresses,
        oif: entry.arg(4)?,
    };
    around.follow(Cause::Validate, || addresses.facts(packet), about)
}

/// `ip_route_output_key_hash_rcu(net, flow, result, skb)`.
#[inline(never)]
pub(crate) fn output(entry: &Entry<'_, Calls>, around: &Around<'_>) -> Option<Call> {
    let around = Around {
        net: entry.arg(0)?,
        device: KernelPtr::NULL,
        ..*around
    };
    let asked = Asked::of(entry.arg(1)?);
    let facts = || Facts {
        src: asked.src,
        dst: asked.dst,
        mark: Some(asked.mark),
    };
    around.follow(Cause::Output, facts, About::Output(asked))
}

/// `arp_process(net, sk, skb)`. The packet is gone when it returns.
#[inline(never)]
pub(crate) fn arp(entry: &Entry<'_, Calls>, around: &Around<'_>) -> Option<Call> {
    let packet: KernelPtr<Packet> = entry.arg(2)?;
    let around = Around {
        net: entry.arg(0)?,
        device: packet.device(),
        ..*around
    };
    let arp = packet.arp();
    let facts = || Facts {
        src: arp.sender,
        dst: arp.target,
        mark: None,
    };
    around.follow(Cause::Arp, facts, About::Arp(arp))
}

/// `fib_rules_lookup(ops, flow, flags, search)`, of any family.
#[inline(never)]
pub(crate) fn rules(entry: &Entry<'_, Calls>, around: &Around<'_>) -> Option<Call> {
    const AF_INET: i32 = 2;

    let rules: KernelPtr<Rules> = entry.arg(0)?;
    if rules.family() != AF_INET {
        around.ledger.filtered();
        return None;
    }
    let flow: KernelPtr<Flow> = entry.arg(1)?;
    let search: KernelPtr<RulesSearch> = entry.arg(3)?;
    let around = Around {
        net: rules.net(),
        ..*around
    };
    let about = About::Rules { flow, search };
    around.follow(around.cause, || facts_of(flow), about)
}

/// `fib_table_lookup(table, flow, result, flags)`.
#[inline(always)]
pub(crate) fn lookup(entry: &Entry<'_, Calls>, around: &Around<'_>) -> Option<Call> {
    let flow: KernelPtr<Flow> = entry.arg(1)?;
    let table: KernelPtr<Table> = entry.arg(0)?;
    let found: KernelPtr<Found> = entry.arg(2)?;
    let id = filter::asks_for_table().then(|| table.id());
    around.follow_if(
        id,
        || facts_of(flow),
        || Some(About::Lookup { flow, table, found }),
    )
}

/// `fib4_rule_suppress(rule, flags, search)`.
#[inline(never)]
pub(crate) fn suppress(entry: &Entry<'_, Calls>, around: &Around<'_>) -> Option<Call> {
    let rule: KernelPtr<Rule> = entry.arg(0)?;
    let search: KernelPtr<RulesSearch> = entry.arg(2)?;
    around.follow_if(None, Facts::none, || {
        let found = search.result();
        Some(About::Suppress { rule, found })
    })
}

/// `fib_select_multipath(result, hash)`.
#[inline(never)]
pub(crate) fn multipath(entry: &Entry<'_, Calls>, around: &Around<'_>) -> Option<Call> {
    let found: KernelPtr<Found> = entry.arg(0)?;
    around.follow_if(None, Facts::none, || Some(About::Multipath(found)))
}

#[inline(always)]
fn facts_of(flow: KernelPtr<Flow>) -> Facts {
    Facts {
        src: flow.source(),
        dst: flow.destination(),
        mark: Some(flow.mark()),
    }
}

impl Addresses {
    #[inline(always)]
    fn facts(&self, packet: KernelPtr<Packet>) -> Facts {
        Facts {
            src: self.src,
            dst: self.dst,
            mark: Some(packet.mark()),
        }
    }
}
