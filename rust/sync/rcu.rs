// SPDX-License-Identifier: GPL-2.0

//! RCU: read-side critical sections and grace periods.
//!
//! Our own, with the names of `kernel::sync::rcu`, since that module is not in 6.12.
//!
//! C header: [`include/linux/rcupdate.h`](srctree/include/linux/rcupdate.h)
//!
//! # Examples
//!
//! ```no_run
//! use faultline::sync::rcu;
//!
//! let guard = rcu::read_lock();
//! // What is found under RCU here stays until the guard is dropped.
//! drop(guard);
//! ```

use core::marker::PhantomData;

use crate::bindings;

/// Proof that the code is in a read-side critical section of RCU.
///
/// Nothing may sleep while it exists. The types do not enforce this; lockdep
/// (`CONFIG_PROVE_RCU`) reports it.
///
/// # Invariants
///
/// While the object exists, the read side of RCU is locked by this task.
#[must_use = "the section ends when the guard is dropped"]
pub struct Guard(PhantomData<*mut ()>);

/// Enters a read-side critical section. A grace period that begins after this does not end before
/// the guard is dropped.
///
/// # Context
///
/// Any, also an NMI. With `CONFIG_PREEMPT_RCU` readers may be preempted.
#[inline]
pub fn read_lock() -> Guard {
    // SAFETY: `rcu_read_lock()` has no requirements.
    unsafe { bindings::faultline_helper_rcu_read_lock() };
    // INVARIANT: The read side was locked just now.
    Guard(PhantomData)
}

impl Drop for Guard {
    #[inline]
    fn drop(&mut self) {
        // SAFETY: By the invariant the read side is locked, and by this task: the type is not
        // `Send`.
        unsafe { bindings::faultline_helper_rcu_read_unlock() };
    }
}

/// Starts a grace period if none is pending, and does not wait for it.
///
/// # Context
///
/// Any but an NMI.
pub fn begin_grace_period() {
    // SAFETY: `start_poll_synchronize_rcu()` may be called from any context but an NMI, and the
    // cookie that it returns may be ignored.
    unsafe { bindings::start_poll_synchronize_rcu() };
}

/// Waits for a grace period: until all read-side critical sections that exist now have ended. Code
/// that runs with preemption, softirqs or interrupts off is one.
///
/// # Context
///
/// Process context; sleeps.
pub fn synchronize() {
    // SAFETY: `synchronize_rcu()` has no requirements but its context. A caller that must not
    // sleep is reported by the scheduler, which harms no memory.
    unsafe { bindings::synchronize_rcu() };
}
