// SPDX-License-Identifier: GPL-2.0

//! A call that has ended: it is recorded, or held until the outermost call for its packet ends,
//! or does not pass a filter.
//!
//! This runs in handler context, and is to be quick.

use faultline::{
    memory::lists::ListId,
    net::Name,
    probe::{
        HandlerContext,
        Return, //
    },
    task::time,
    trace::{
        Named,
        Record, //
    }, //
};

use crate::{
    call::Call,
    events::{
        self,
        DeviceName, //
    },
    filter,
    handler::Calls,
    ledger::{
        Ledger,
        Verdict, //
    },
    targets::Target,
    tree::{
        AnyEvent,
        Pending, //
    }, //
};

/// A call that has ended.
pub(crate) struct Ended<'a> {
    calls: &'a Calls,
    target: Target,
    ledger: &'a Ledger,
    context: HandlerContext<'a>,
    pub(crate) call: &'a Call,
    /// How long it took.
    pub(crate) ns: u64,
}

impl<'a> Ended<'a> {
    #[inline(always)]
    pub(crate) fn new(calls: &'a Calls, ret: &'a Return<'_, Calls>, call: &'a Call) -> Self {
        Self {
            calls,
            target: ret.target().what.target,
            ledger: &ret.target().ledger,
            context: ret.context(),
            call,
            ns: time::monotonic_ns().saturating_sub(call.entered_ns),
        }
    }

    /// Records it, unless a filter says otherwise or what it is made in has to end first.
    /// `devices` gives the names of those that it has to do with.
    #[inline(always)]
    pub(crate) fn tell<R, const N: usize>(
        &self,
        failed: bool,
        devices: impl FnOnce() -> [Name; N],
        verdict: Verdict,
        record: impl FnOnce() -> R,
    ) where
        R: Record + Into<AnyEvent>,
    {
        // Nearly always nothing asks for how it ended.
        if self.call.tree.held.is_some() || filter::asks_for_end() {
            self.decide(failed, devices, verdict, record);
        } else if self.call.passes {
            self.record(verdict, record);
        } else {
            self.ledger.filtered();
        }
    }

    #[cold]
    #[inline(never)]
    fn decide<R, const N: usize>(
        &self,
        failed: bool,
        devices: impl FnOnce() -> [Name; N],
        verdict: Verdict,
        record: impl FnOnce() -> R,
    ) where
        R: Record + Into<AnyEvent>,
    {
        let Self { calls, call, .. } = *self;
        let is_root = call.tree.root == call.entered_ns;
        let passes = match call.tree.held {
            None => !is_root || filter::end_passes(failed, || filter::device_matches(devices)),
            Some(tree) => {
                let has_device = filter::device_matches(devices);
                if !is_root {
                    return self.hold(tree, has_device, verdict, record);
                }
                let passes = filter::end_passes(failed, move || {
                    has_device || calls.held.some_has_device(tree)
                });
                calls.held.end(tree, passes, &calls.ledgers, self.context);
                passes
            }
        };
        if call.passes && passes {
            self.record(verdict, record);
        } else {
            self.ledger.filtered();
        }
    }

    #[inline(always)]
    fn record<R: Record>(&self, verdict: Verdict, record: impl FnOnce() -> R) {
        /// Out of the way of calls that nobody hears of.
        #[inline(never)]
        fn make<R>(record: impl FnOnce() -> R) -> R {
            record()
        }

        let written = R::record(self.context, || make(record));
        self.ledger.done(self.call.cause, verdict, self.ns, written);
    }

    #[inline(never)]
    fn hold<R>(&self, tree: ListId, has_device: bool, verdict: Verdict, record: impl FnOnce() -> R)
    where
        R: Record + Into<AnyEvent>,
    {
        let held = &self.calls.held;
        if has_device {
            held.has_device(tree);
        }
        if !self.call.passes {
            return self.ledger.filtered();
        }
        let record = record();
        let pending = Pending {
            target: self.target,
            cause: self.call.cause,
            verdict,
            ns: self.ns,
            event: record.into(),
        };
        if !held.hold(tree, pending) {
            self.record(verdict, || record);
        }
    }

    /// A filter says that it is not to be recorded.
    #[inline(always)]
    pub(crate) fn filtered(&self) {
        self.ledger.filtered();
    }

    /// The number of its namespace.
    pub(crate) fn net(&self) -> u32 {
        self.call.net.inum()
    }

    /// What it was made for.
    pub(crate) fn cause(&self) -> Named<events::Causes> {
        Named::new(self.call.cause as u32)
    }

    /// The name of the device with this index.
    pub(crate) fn device(&self, index: i32) -> DeviceName {
        DeviceName::new(self.call.name(self.call.net, index))
    }
}
