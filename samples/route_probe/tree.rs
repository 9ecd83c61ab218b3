// SPDX-License-Identifier: GPL-2.0

//! The calls that are made for one packet: they pass the filters together, or not at all.
//!
//! The outermost call is the root of the tree. Whom the packet is from, where it goes, its mark
//! and its namespace are known when the root is entered, and decide then for all calls in it.
//! By which device it leaves, and whether it fails, is known when the root returns: where a
//! filter asks for that, the events of the calls in it are held until then.

use faultline::{
    memory::lists::{
        ListId,
        Lists, //
    },
    net::{
        V4,
        V6, //
    },
    prelude::*,
    probe::HandlerContext,
    trace::{
        Record,
        Written, //
    }, //
};

use crate::{
    cause::Cause,
    events::{
        self,
        Events, //
    },
    ledger::{
        Ledgers,
        Verdict, //
    },
    targets::Target, //
};

/// What a call has in common with all that are made for the same packet.
#[derive(Clone, Copy)]
pub(crate) struct Tree {
    /// When the root was entered.
    pub(crate) root: u64,
    /// Whether the packet passes, as far as that is known when the root is entered.
    pub(crate) passes: bool,
    /// What is held until the root returns, if it has to be.
    pub(crate) held: Option<ListId>,
}

impl Tree {
    /// Stands for a root that is being entered.
    pub(crate) const BEGINS: u64 = 0;
}

/// An event of any kind.
#[derive(Clone, Copy)]
pub(crate) enum AnyEvent {
    V4(Events<V4>),
    V6(Events<V6>),
    Validate(events::Validate),
    Arp(events::Arp),
    ArpSent(events::ArpSent),
    Neighbour(events::Neighbour),
    NeighbourSent(events::NeighbourSent),
    Source(events::Source),
}

impl AnyEvent {
    fn record(&self, context: HandlerContext<'_>) -> Written {
        match self {
            Self::V4(event) => event.record(context),
            Self::V6(event) => event.record(context),
            Self::Validate(event) => events::Validate::record(context, || *event),
            Self::Arp(event) => events::Arp::record(context, || *event),
            Self::ArpSent(event) => events::ArpSent::record(context, || *event),
            Self::Neighbour(event) => events::Neighbour::record(context, || *event),
            Self::NeighbourSent(event) => events::NeighbourSent::record(context, || *event),
            Self::Source(event) => events::Source::record(context, || *event),
        }
    }
}

/// A call that has returned before it was known whether its packet passes.
#[derive(Clone, Copy)]
pub(crate) struct Pending {
    pub(crate) target: Target,
    pub(crate) cause: Cause,
    pub(crate) verdict: Verdict,
    pub(crate) ns: u64,
    pub(crate) event: AnyEvent,
}

/// How many trees may be undecided at once; of those above, all calls are shown.
const TREES: u16 = 64;
/// How many calls of a tree may be held; those above are shown.
const CALLS: usize = 16;
/// Noted at a tree when a call in it has to do with the device that is filtered for.
const HAS_DEVICE: u32 = 1;

/// The calls that are held.
pub(crate) struct Held(Lists<Pending, CALLS>);

impl Held {
    pub(crate) fn new() -> Result<Self> {
        Ok(Self(Lists::new(TREES)?))
    }

    /// Begins to hold the calls of a tree; `None` if it cannot.
    pub(crate) fn begin(&self) -> Option<ListId> {
        self.0.take()
    }

    /// Notes that a call in the tree has to do with the device that is filtered for.
    pub(crate) fn has_device(&self, tree: ListId) {
        self.0.mark(tree, HAS_DEVICE);
    }

    /// Returns whether that was noted.
    pub(crate) fn some_has_device(&self, tree: ListId) -> bool {
        self.0.marks(tree) & HAS_DEVICE != 0
    }

    /// Holds a call. Returns whether there was room for it.
    pub(crate) fn hold(&self, tree: ListId, call: Pending) -> bool {
        self.0.push(tree, call)
    }

    /// Records the calls of a tree if it passes, and forgets it.
    #[inline(never)]
    pub(crate) fn end(
        &self,
        tree: ListId,
        passes: bool,
        ledgers: &Ledgers,
        context: HandlerContext<'_>,
    ) {
        self.0.give_back(tree, |call| {
            let Some(ledger) = ledgers.of(call.target) else {
                return;
            };
            if passes {
                let written = call.event.record(context);
                ledger.done(call.cause, call.verdict, call.ns, written);
            } else {
                ledger.filtered();
            }
        });
    }
}
