// SPDX-License-Identifier: GPL-2.0

//! The handlers: at the entry of a function, and at its return, for those that only count as well as for
//! those that look at each call, with texts or without.
//!
//! They run in handler context, and are to be quick.

use core::sync::atomic::{
    AtomicBool,
    AtomicU64, //
};

use faultline::{
    prelude::*,
    probe::{
        Backend,
        Entry,
        Function,
        Handler,
        HandlerContext,
        Return,
        Symbol, //
    },
    task::time,
    trace::Written, //
};

use crate::{
    events,
    fetched::{
        Fetched,
        Texts,
        ARGUMENTS, //
    },
    ledger::Ledger,
    program::{
        Program,
        Start, //
    },
    spec::Base, //
};

/// A probed function.
pub(crate) struct Tracked {
    /// The user's number of it.
    pub(crate) id: u32,
    pub(crate) program: Arc<Program>,
    pub(crate) ledger: Ledger,
    /// The hits until the brake looked last.
    pub(crate) hits_before: AtomicU64,
    /// It was hit too often, and is disabled.
    pub(crate) is_braked: AtomicBool,
    /// It is probed in another way, by another batch.
    pub(crate) is_moved: AtomicBool,
}

impl Tracked {
    /// A function to be probed.
    pub(crate) fn function(
        id: u32,
        symbol: Symbol,
        program: Arc<Program>,
    ) -> Result<Function<Self>> {
        let tracked = Self {
            id,
            program,
            ledger: Ledger::new()?,
            hits_before: AtomicU64::new(0),
            is_braked: AtomicBool::new(false),
            is_moved: AtomicBool::new(false),
        };
        Ok(Function::new(symbol, tracked))
    }

    /// Fetches what is known at the entry, by what gives an argument. `None` if the call does not
    /// count.
    #[inline]
    fn enter(
        &self,
        context: HandlerContext<'_>,
        texts: Option<&mut Texts>,
        argument: impl Fn(usize) -> Option<usize>,
    ) -> Option<Fetched> {
        self.ledger.entered();
        let mut fetched = Fetched::default();
        let start = |base| match base {
            Base::Argument(at) => argument(at.into()).map_or(Start::Unread, Start::Word),
            Base::Returned => Start::Later,
        };
        self.program.fetch_numbers(&mut fetched, start);
        if !self.program.holds(false, &mut fetched, 0, context) {
            self.ledger.filtered();
            return None;
        }
        if self.program.has_events {
            for (at, place) in (0..ARGUMENTS).zip(&mut fetched.arguments) {
                *place = argument(at).unwrap_or(0) as u64;
            }
            if let Some(texts) = texts {
                self.program.fetch_texts(&mut fetched, texts, start);
            }
        }
        Some(fetched)
    }

    /// Ends a call, which was entered and has returned.
    #[inline]
    fn leave(
        &self,
        context: HandlerContext<'_>,
        returned: usize,
        fetched: &Fetched,
        texts: Option<&Texts>,
    ) {
        let ns = time::monotonic_ns().saturating_sub(fetched.entered_ns);
        let written = self.record(context, (returned, ns), *fetched, texts);
        let is_error = self.program.is_error(returned);
        match written {
            Some(written) => self.ledger.returned(written, ns, is_error),
            None => self.ledger.filtered(),
        }
    }

    /// Fetches what is known at the return, and records the event if there are any. `None` if the
    /// call does not count.
    #[inline(never)]
    fn record(
        &self,
        context: HandlerContext<'_>,
        (returned, ns): (usize, u64),
        mut fetched: Fetched,
        texts: Option<&Texts>,
    ) -> Option<Written> {
        let start = |base| match base {
            Base::Argument(_) => Start::Later,
            Base::Returned => Start::Word(returned),
        };
        if self.program.is_late() {
            self.program.fetch_numbers(&mut fetched, start);
            if !self.program.holds(true, &mut fetched, ns, context) {
                return None;
            }
        }
        if !self.program.has_events {
            return Some(Written::Unheard);
        }
        let result = (returned, ns);
        let Some(texts) = texts else {
            let none = &Texts::NONE;
            return Some(events::returned(context, self.id, result, &fetched, none));
        };
        let mut texts = *texts;
        self.program.fetch_texts(&mut fetched, &mut texts, start);
        Some(events::returned(context, self.id, result, &fetched, &texts))
    }
}

/// Counts calls at their entry.
pub(crate) struct Counts;

impl<B: Backend> Handler<B> for Counts {
    type Target = Tracked;
    type Data = ();

    #[inline]
    fn entry(&self, call: &Entry<'_, Self, B>) -> Option<()> {
        call.target().ledger.counted();
        None
    }
}

/// Handles calls at their entry.
pub(crate) struct Entries;

impl<B: Backend> Handler<B> for Entries {
    type Target = Tracked;
    type Data = ();

    #[inline]
    fn entry(&self, call: &Entry<'_, Self, B>) -> Option<()> {
        let (tracked, context) = (call.target(), call.context());
        let mut texts = Texts::NONE;
        let fetched = tracked.enter(context, Some(&mut texts), |at| call.arg(at))?;
        let written = if tracked.program.has_events {
            events::called(context, tracked.id, &fetched, &texts)
        } else {
            Written::Unheard
        };
        tracked.ledger.recorded(written);
        None
    }
}

/// Counts calls at their return, with their times and errors.
pub(crate) struct Times;

impl<B: Backend> Handler<B> for Times {
    type Target = Tracked;
    /// When the call was entered, in nanoseconds.
    type Data = u64;

    const COUNTS_MISSED: bool = B::COUNTS_MISSED;

    fn missed(&self, tracked: &Tracked, _context: HandlerContext<'_>) {
        tracked.ledger.missed();
    }

    #[inline]
    fn entry(&self, call: &Entry<'_, Self, B>) -> Option<u64> {
        call.target().ledger.entered();
        Some(time::monotonic_ns())
    }

    #[inline]
    fn ret(&self, call: &Return<'_, Self, B>, &entered_ns: &u64) {
        let ns = time::monotonic_ns().saturating_sub(entered_ns);
        let is_error = call.target().program.is_error(call.ret());
        let ledger = &call.target().ledger;
        ledger.returned(Written::Unheard, ns, is_error);
    }
}

/// Handles calls at their return.
pub(crate) struct Returns;

impl<B: Backend> Handler<B> for Returns {
    type Target = Tracked;
    type Data = Fetched;

    const COUNTS_MISSED: bool = B::COUNTS_MISSED;

    fn missed(&self, tracked: &Tracked, _context: HandlerContext<'_>) {
        tracked.ledger.missed();
    }

    #[inline]
    fn entry(&self, call: &Entry<'_, Self, B>) -> Option<Fetched> {
        let entered = call.target().enter(call.context(), None, |at| call.arg(at));
        let mut fetched = entered?;
        fetched.entered_ns = time::monotonic_ns();
        Some(fetched)
    }

    #[inline]
    fn ret(&self, call: &Return<'_, Self, B>, fetched: &Fetched) {
        call.target()
            .leave(call.context(), call.ret(), fetched, None);
    }
}

/// As [`Returns`], with texts, for which only a kretprobe has room.
pub(crate) struct TextReturns;

impl Handler for TextReturns {
    type Target = Tracked;
    type Data = (Fetched, Texts);

    const COUNTS_MISSED: bool = true;

    fn missed(&self, tracked: &Tracked, _context: HandlerContext<'_>) {
        tracked.ledger.missed();
    }

    #[inline]
    fn entry(&self, call: &Entry<'_, Self>) -> Option<(Fetched, Texts)> {
        let (context, mut texts) = (call.context(), Texts::NONE);
        let entered = call
            .target()
            .enter(context, Some(&mut texts), |at| call.arg(at));
        let mut fetched = entered?;
        fetched.entered_ns = time::monotonic_ns();
        Some((fetched, texts))
    }

    #[inline]
    fn ret(&self, call: &Return<'_, Self>, (fetched, texts): &(Fetched, Texts)) {
        call.target()
            .leave(call.context(), call.ret(), fetched, Some(texts));
    }
}
