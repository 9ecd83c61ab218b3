// SPDX-License-Identifier: GPL-2.0

//! The handler of all probes: finds out for what a call is made, and hands it on.
//!
//! It runs in handler context, and is to be quick.

use faultline::{
    memory::KernelPtr,
    prelude::*,
    probe::{
        ContextLevel,
        Entry,
        Function,
        Handler,
        HandlerContext,
        Return, //
    },
    task::time, //
};

use crate::{
    call::{
        About,
        Around,
        Call, //
    },
    cause::Cause,
    enter,
    leave,
    ledger::Ledger,
    targets::{
        Description,
        Target, //
    }, //
};

/// A probed function, and the ledger of its calls.
pub(crate) struct Tracked {
    pub(crate) what: &'static Description,
    pub(crate) ledger: Ledger,
}

impl Tracked {
    /// The function to be probed. One whose arguments the compiler has changed is not: it
    /// would tell of others.
    pub(crate) fn function(what: &'static Description) -> Result<Function<Self>> {
        let tracked = Self {
            what,
            ledger: Ledger::new()?,
        };
        Ok(Function::new(what.function, tracked).changed(!what.is_as_declared))
    }
}

/// Handles the calls of all probed functions.
pub(crate) struct Calls;

impl Handler for Calls {
    type Target = Tracked;
    type Data = Call;

    const COUNTS_MISSED: bool = true;

    fn missed(&self, tracked: &Tracked, _context: HandlerContext<'_>) {
        tracked.ledger.missed();
    }

    #[inline]
    fn entry(&self, entry: &Entry<'_, Self>) -> Option<Call> {
        let Tracked { what, ledger } = entry.target();
        ledger.entered();
        let target = what.target;
        let outer = entry.enclosing().map(|(_, outer)| outer);
        // Nothing is made in a lookup, so its level matters only beside that of an outer call.
        let level = match (outer, target) {
            (None, Target::Lookup) => ContextLevel::default(),
            _ => entry.context().level(),
        };
        // What an interrupt does is not done for what it interrupted.
        let outer = outer.filter(|outer| outer.level == level);
        let around = Around {
            cause: outer.map_or(Cause::Other, |outer| outer.gives),
            net: outer.map_or(KernelPtr::NULL, |outer| outer.net),
            device: outer.map_or(KernelPtr::NULL, |outer| outer.device),
            level,
        };
        match target {
            Target::Lookup => enter::lookup(entry, &around, ledger),
            Target::Input => enter::input(entry, &around, ledger),
            Target::Validate => enter::validate(entry, &around, ledger),
            Target::Output => enter::output(entry, &around, ledger),
            Target::Arp => enter::arp(entry, &around, ledger),
        }
    }

    #[inline]
    fn ret(&self, ret: &Return<'_, Self>, call: &Call) {
        let (ledger, context) = (&ret.target().ledger, ret.context());
        let Some(about) = &call.about else {
            return;
        };
        let ns = time::monotonic_ns().saturating_sub(call.entered_ns);
        match about {
            About::Lookup { flow, table, found } => {
                let lookup = (*flow, *table, *found);
                leave::lookup(ret.ret(), call, lookup, ns, ledger, context);
            }
            About::Input { packet, addresses } => {
                leave::input(ret.ret(), call, (*packet, addresses), ns, ledger, context);
            }
            About::Validate {
                packet,
                addresses,
                oif,
            } => {
                let validate = (*packet, addresses, *oif);
                leave::validate(ret.ret(), call, validate, ns, ledger, context);
            }
            About::Output(asked) => {
                leave::output(ret.ret(), ret.ret(), call, asked, ns, ledger, context);
            }
            About::Arp(arp) => leave::arp(ret.ret(), call, arp, ns, ledger, context),
        }
    }
}
