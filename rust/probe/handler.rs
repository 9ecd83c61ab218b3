// SPDX-License-Identifier: GPL-2.0

//! What is done when a probed function is called.

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

/// What is done at the entry and at the return of probed functions.
///
/// A handler implements [`entry`](Self::entry) or
/// [`entry_in_place`](Self::entry_in_place). It is written for one backend, by
/// default for [`Kretprobe`], or for all of them:
/// `impl<B: Backend> Handler<B> for ...`.
///
/// # Context
///
/// Each function is called in [handler context](crate::probe#handler-context).
pub trait Handler<B: Backend = Kretprobe>: Send + Sync + Sized + 'static {
    /// What the handler has for each probed function; see
    /// [`Function::new`](super::Function::new).
    type Target: Send + Sync + 'static;

    /// The instance data, which belong to one call. The backend limits their size;
    /// more than [`BY_VALUE_MAX`](super::BY_VALUE_MAX) bytes are written in place.
    type Data: Copy + Send + 'static;

    /// Whether [`missed`](Self::missed) is called. It makes each hit cost a few
    /// instructions more. Only a backend with
    /// [`COUNTS_MISSED`](Backend::COUNTS_MISSED) can; the compiler refuses the others.
    const COUNTS_MISSED: bool = false;

    /// A function was entered. With `None` its return is ignored.
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

    /// A function was entered: as [`entry`](Self::entry), for data that are too large
    /// to be passed by value.
    #[inline(always)]
    fn entry_in_place<'a>(
        &self,
        call: &Entry<'_, Self, B>,
        slot: Slot<'a, Self::Data>,
    ) -> Option<Filled<'a, Self::Data>> {
        Some(slot.write(self.entry(call)?))
    }

    /// A function returns. The task is the one that entered it; the CPU may be
    /// another.
    fn ret(&self, call: &Return<'_, Self, B>, data: &Self::Data) {
        let _ = (call, data);
    }

    /// A function was entered when no instance was left, so that nothing else will
    /// be known of the call.
    fn missed(&self, target: &Self::Target, context: HandlerContext<'_>) {
        let _ = (target, context);
    }
}

/// Hits of a function for which no handler was called, as the kernel counts
/// them. It does so without a lock: of hits that several CPUs miss in the same
/// moment some may not be counted.
#[derive(Clone, Copy, Debug, Default)]
pub struct Missed {
    /// Missed while another handler ran on the CPU.
    pub busy: u64,
    /// Missed because as many calls as can be followed were in progress
    /// (`maxactive`). Always 0 for a [`Kprobe`](super::Kprobe), and all that is
    /// known of an `Fprobe`.
    pub no_instance: u64,
}
