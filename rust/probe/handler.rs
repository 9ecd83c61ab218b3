// SPDX-License-Identifier: GPL-2.0

//! Handlers: the code that runs when a probed function is called.

use core::mem::size_of;

use super::{
    Backend,
    Entry,
    Filled,
    HandlerContext,
    Kretprobe,
    Return,
    Slot, //
};

/// The code that runs at the entry and at the return of probed functions.
///
/// A handler implements [`entry`](Self::entry) or [`entry_in_place`](Self::entry_in_place). It is
/// written for one backend, by default for [`Kretprobe`], or for all of them:
/// `impl<B: Backend> Handler<B> for ...`.
///
/// # Context
///
/// Each function is called in [handler context](crate::probe#handler-context).
pub trait Handler<B: Backend = Kretprobe>: Send + Sync + Sized + 'static {
    /// The handler's data for each probed function; see [`Function::new`](super::Function::new).
    type Target: Send + Sync + 'static;

    /// The instance data of one call. The backend limits their size; more than
    /// [`BY_VALUE_MAX`](super::BY_VALUE_MAX) bytes are written in place.
    type Data: Copy + Send + 'static;

    /// Whether [`missed`](Self::missed) is called, which costs a few more instructions per hit. The
    /// compiler refuses it for a backend without [`COUNTS_MISSED`](Backend::COUNTS_MISSED).
    const COUNTS_MISSED: bool = false;

    /// Returns whether a call may be of interest. A [`Kretprobe`] that [counts missed
    /// calls](Self::COUNTS_MISSED) asks before the kernel takes an instance: for a call that is of
    /// none, nothing else is called, it costs less than one that [`entry`](Self::entry) declines,
    /// and it cannot exhaust the instances. Other probes do not ask, so `entry` has to decline such
    /// a call as well.
    #[inline(always)]
    fn may_matter(&self, call: &Entry<'_, Self, B>) -> bool {
        let _ = call;
        true
    }

    /// Called when a function is entered. If it returns `None`, the return of the function is
    /// ignored.
    fn entry(&self, call: &Entry<'_, Self, B>) -> Option<Self::Data> {
        const {
            // No type is as large, so this holds only for a handler without `entry`.
            assert!(
                size_of::<Self>() == usize::MAX,
                "a handler implements `entry` or `entry_in_place`"
            );
        }
        let _ = call;
        None
    }

    /// Called when a function is entered, like [`entry`](Self::entry), for data that are too large
    /// to be passed by value.
    #[inline(always)]
    fn entry_in_place<'a>(
        &self,
        call: &Entry<'_, Self, B>,
        slot: Slot<'a, Self::Data>,
    ) -> Option<Filled<'a, Self::Data>> {
        Some(slot.write(self.entry(call)?))
    }

    /// Called when a function returns. The task is the one that entered it; the CPU may differ.
    fn ret(&self, call: &Return<'_, Self, B>, data: &Self::Data) {
        let _ = (call, data);
    }

    /// Called instead of `entry` and `ret` if no instance is left for the call.
    fn missed(&self, target: &Self::Target, context: HandlerContext<'_>) {
        let _ = (target, context);
    }
}

/// Hits of a function for which no handler was called, as counted by the kernel. It counts without
/// a lock, so some may be lost if several CPUs miss hits at the same time.
#[derive(Clone, Copy, Debug, Default)]
pub struct Missed {
    /// Missed while another handler ran on the CPU.
    pub busy: u64,
    /// Missed because the maximum number of calls was in progress (`maxactive`). Always 0 for a
    /// [`Kprobe`](super::Kprobe); the only counter of an `Fprobe`.
    pub no_instance: u64,
}
