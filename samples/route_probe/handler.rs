// SPDX-License-Identifier: GPL-2.0

//! The handler of all probes: finds out for what a call is made, and hands it on.
//!
//! It runs in handler context, and is to be quick.

use faultline::{
    memory::KernelPtr,
    net::{
        V4,
        V6, //
    },
    prelude::*,
    probe::{
        ContextLevel,
        Entry,
        Filled,
        Function,
        Handler,
        HandlerContext,
        Return,
        Slot, //
    }, //
};

use crate::{
    call::{
        About,
        Arguments,
        Call, //
    },
    cause::Cause,
    ended::Ended,
    enter::{
        self,
        Around, //
    },
    filter,
    leave,
    ledger::{
        Ledger,
        Ledgers, //
    },
    targets::{
        Description,
        Target, //
    },
    tree::Held, //
};

/// A probed function, and the ledger of its calls.
pub(crate) struct Tracked {
    pub(crate) what: &'static Description,
    pub(crate) ledger: Arc<Ledger>,
}

impl Tracked {
    /// The function to be probed, unless what a probe would tell of it were not true.
    pub(crate) fn function(what: &'static Description, ledger: Arc<Ledger>) -> Function<Self> {
        Function::new(what.function, Self { what, ledger }).unless(what.failure.clone())
    }
}

/// Handles the calls of all probed functions.
pub(crate) struct Calls {
    pub(crate) ledgers: Ledgers,
    pub(crate) held: Held,
}

impl Calls {
    pub(crate) fn new() -> Result<Self> {
        Ok(Self {
            ledgers: Ledgers::new()?,
            held: Held::new()?,
        })
    }
}

impl Handler for Calls {
    type Target = Tracked;
    type Data = Call;

    const COUNTS_MISSED: bool = true;

    fn missed(&self, tracked: &Tracked, _context: HandlerContext<'_>) {
        tracked.ledger.missed();
    }

    // What does not pass takes no instance.
    #[inline]
    fn may_matter(&self, entry: &Entry<'_, Self>) -> bool {
        !filter::is_set() || self.may_pass(entry)
    }

    // In place, so that a lookup's is not copied.
    #[inline]
    fn entry_in_place<'a>(
        &self,
        entry: &Entry<'_, Self>,
        slot: Slot<'a, Call>,
    ) -> Option<Filled<'a, Call>> {
        let Tracked { what, ledger } = entry.target();
        ledger.entered();
        let (outer, level) = Self::outer(entry);
        // Lookups are the most frequent, and nothing else slows them down.
        match what.target {
            Target::Lookup => {
                let call = enter::lookup(entry, &self.around(entry, outer, level))?;
                Some(slot.write(call))
            }
            _ => self.enter_others(entry, outer, level, slot),
        }
    }

    #[inline]
    fn ret(&self, ret: &Return<'_, Self>, call: &Call) {
        match &call.about {
            None => (),
            Some(About::V4(Arguments::Lookup { flow, table, found })) => {
                let ended = Ended::new(self, ret, call);
                leave::lookup(ret.ret(), &ended, *flow, *table, *found);
            }
            Some(about) => self.leave_others(ret, call, about),
        }
    }
}

impl Calls {
    /// Whether a call passes, or it has to be followed to tell. Only of lookups, the most frequent,
    /// this is told here.
    #[inline(never)]
    fn may_pass(&self, entry: &Entry<'_, Self>) -> bool {
        let Tracked { what, ledger } = entry.target();
        if what.target != Target::Lookup {
            return true;
        }
        let (outer, level) = Self::outer(entry);
        let passes = enter::lookup_passes(entry, &self.around(entry, outer, level));
        if !passes {
            ledger.entered();
            ledger.filtered();
        }
        passes
    }

    /// The call in which one is made, and the level at which it is.
    #[inline(always)]
    fn outer<'a>(entry: &'a Entry<'_, Self>) -> (Option<&'a Call>, ContextLevel) {
        let outer = entry.enclosing().map(|(_, outer)| outer);
        // Of what calls no others the level matters only beside that of an outer call.
        let level = match (outer, entry.target().what.calls_others) {
            (None, false) => ContextLevel::default(),
            _ => entry.context().level(),
        };
        // What an interrupt does is not done for what it interrupted.
        (outer.filter(|outer| outer.level == level), level)
    }

    #[inline(always)]
    fn around<'a>(
        &'a self,
        entry: &Entry<'a, Self>,
        outer: Option<&Call>,
        level: ContextLevel,
    ) -> Around<'a> {
        let Tracked { what, ledger } = entry.target();
        Around {
            target: what.target,
            ledger,
            held: &self.held,
            cause: outer.map_or(Cause::Other, |outer| outer.gives),
            net: outer.map_or(KernelPtr::NULL, |outer| outer.net),
            device: outer.map_or(KernelPtr::NULL, |outer| outer.device),
            tree: outer.map(|outer| outer.tree),
            level,
        }
    }

    #[inline(never)]
    fn enter_others<'a>(
        &self,
        entry: &Entry<'_, Self>,
        outer: Option<&Call>,
        level: ContextLevel,
        slot: Slot<'a, Call>,
    ) -> Option<Filled<'a, Call>> {
        let around = self.around(entry, outer, level);
        let call = match around.target {
            // See `entry_in_place`.
            Target::Lookup => None,
            Target::Lookup6 => enter::lookup6(entry, &around),
            Target::Input => enter::input(entry, &around),
            Target::Input6 => enter::input6(entry, &around),
            Target::Validate => enter::validate(entry, &around),
            Target::Output => enter::output::<V4>(entry, &around),
            Target::Output6 => enter::output::<V6>(entry, &around),
            Target::Rules => enter::rules(entry, &around),
            Target::Suppress => enter::suppress::<V4>(entry, &around),
            Target::Suppress6 => enter::suppress::<V6>(entry, &around),
            Target::Multipath => enter::multipath::<V4>(entry, &around),
            Target::Multipath6 => enter::multipath6(entry, &around),
            Target::Arp => enter::arp(entry, &around),
            Target::Ndisc => enter::ndisc(entry, &around),
            Target::Source => enter::source(entry, &around),
            Target::ArpSent => enter::arp_sent(entry, &around),
            Target::NdiscSent => enter::ndisc_sent(entry, &around),
        };
        Some(slot.write(call?))
    }

    #[inline(never)]
    fn leave_others(&self, ret: &Return<'_, Self>, call: &Call, about: &About) {
        let ended = Ended::new(self, ret, call);
        match about {
            About::V4(arguments) => leave::of_family(ret, &ended, arguments),
            About::V6(arguments) => leave::of_family(ret, &ended, arguments),
            About::Validate {
                packet,
                addresses,
                oif,
            } => leave::validate(ret.ret(), &ended, *packet, addresses, *oif),
            About::Arp(arp) => leave::arp(ret.ret(), &ended, arp),
            About::ArpSent(arp) => leave::arp_sent(&ended, arp),
            About::Ndisc(ndisc) => leave::ndisc(ret.ret(), &ended, ndisc),
            About::NdiscSent { message, dst } => leave::ndisc_sent(&ended, message, *dst),
            About::Source {
                dst,
                device,
                prefs,
                chosen,
            } => leave::source(ret.ret(), &ended, *dst, *device, *prefs, *chosen),
        }
    }
}
