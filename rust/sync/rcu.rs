// SPDX-License-Identifier: GPL-2.0

//! RCU: read-side sections, and grace periods, which wait for them.
//!
//! A section is entered as those of [`context`](crate::task::context) are: by a
//! function that takes what to do there, to which it lends a token.
//!
//! C header: [`include/linux/rcupdate.h`](srctree/include/linux/rcupdate.h)
//!
//! # Examples
//!
//! ```no_run
//! use faultline::sync::rcu;
//!
//! rcu::read(|_reader| {
//!     // What is found under RCU stays until this returns.
//! });
//! ```

use core::marker::PhantomData;

use crate::bindings;

/// Proof that the code is in a read-side section of RCU.
///
/// # Invariants
///
/// While the object lives, `rcu_read_lock()` was called for it by this task.
pub struct Reader(PhantomData<*mut ()>);

/// Calls `body` in a read-side section: no grace period that begins later ends
/// before it returns.
///
/// # Context
///
/// Any. Inside, nothing may sleep, though the kernel may preempt the reader
/// (`CONFIG_PREEMPT_RCU`).
#[inline]
pub fn read<R>(body: impl FnOnce(&Reader) -> R) -> R {
    // SAFETY: Dropping the object undoes this; `body` cannot get hold of it.
    unsafe { bindings::faultline_helper_rcu_read_lock() };
    // INVARIANT: It was just called.
    body(&Reader(PhantomData))
}

impl Drop for Reader {
    fn drop(&mut self) {
        // SAFETY: By the invariant it was called by this task, and sections
        // that were entered since then have been left.
        unsafe { bindings::faultline_helper_rcu_read_unlock() };
    }
}

/// Has a grace period begin, unless one that begins later than now is about to,
/// and does not wait for its end.
///
/// # Context
///
/// Any but an NMI.
pub fn begin_grace_period() {
    // SAFETY: The function may be called from any context but an NMI. What it
    // returns is for those who want to know of the end.
    unsafe { bindings::start_poll_synchronize_rcu() };
}

/// Waits for a grace period: until all sections that have begun by now have ended,
/// and with them whatever runs with preemption, softirqs or interrupts off.
///
/// # Context
///
/// Process context; sleeps.
pub fn synchronize() {
    // SAFETY: The caller may sleep.
    unsafe { bindings::synchronize_rcu() };
}
