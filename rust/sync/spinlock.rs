// SPDX-License-Identifier: GPL-2.0

//! Raw spinlocks: waiters spin with preemption off, on every kernel.
//!
//! These are the kernel's `raw_spinlock_t`. Its `spinlock_t` is the same thing except with
//! `PREEMPT_RT`, where it is a mutex with another name: waiters sleep, and preemption stays on.
//!
//! C header: [`include/linux/spinlock.h`](srctree/include/linux/spinlock.h)

use core::{
    cell::UnsafeCell,
    marker::PhantomData, //
};

use crate::{
    bindings,
    compat::{
        KBox,
        GFP_KERNEL, //
    },
    error::Result,
    sync::lock_class::LockClass, //
};

/// A raw spinlock that protects nothing but itself.
///
/// # Invariants
///
/// `lock` is initialised, and stays where it is.
///
/// # Examples
///
/// ```no_run
/// use faultline::sync::{lock_class, spinlock::RawSpinLock};
///
/// let lock = RawSpinLock::new(lock_class!())?;
/// lock.hold(|_held| {
///     assert!(lock.try_hold(|_held| ()).is_none());
/// });
/// # Ok::<(), faultline::error::Error>(())
/// ```
pub struct RawSpinLock {
    lock: KBox<UnsafeCell<bindings::raw_spinlock_t>>,
}

// SAFETY: The lock is in memory of its own, which any CPU may use and free.
unsafe impl Send for RawSpinLock {}

// SAFETY: Any CPU may take the lock at any time; a `Held` cannot leave the one that took it.
unsafe impl Sync for RawSpinLock {}

impl RawSpinLock {
    /// A lock of that class, which nobody holds.
    ///
    /// # Context
    ///
    /// Process context; sleeps.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub fn new(class: &'static LockClass) -> Result<Self> {
        // SAFETY: A `raw_spinlock_t` of zeros is one that was not initialised.
        let lock = KBox::new(UnsafeCell::new(unsafe { core::mem::zeroed() }), GFP_KERNEL)?;
        // SAFETY: Nobody else knows of the lock, and it does not leave its place. Name and key are
        // static, so that they are there as long as the module, which lockdep forgets with it.
        unsafe {
            bindings::faultline_helper_raw_spin_lock_init(lock.get(), class.name(), class.key());
        }
        // INVARIANT: It was just initialised.
        Ok(Self { lock })
    }

    /// Waits for the lock, and calls `body` with it held.
    ///
    /// # Context
    ///
    /// Any in which the lock is not held by what this interrupts: it would wait
    /// for ever. Inside, nothing may sleep.
    pub fn hold<R>(&self, body: impl FnOnce(&Held<'_>) -> R) -> R {
        // SAFETY: The lock is initialised by the invariant. Dropping what follows unlocks.
        unsafe { bindings::faultline_helper_raw_spin_lock(self.lock.get()) };
        // INVARIANT: It was just locked.
        body(&Held {
            lock: self,
            _of_this_cpu: PhantomData,
        })
    }

    /// Calls `body` with the lock held, if it is free now; `None` if not.
    ///
    /// # Context
    ///
    /// Any but an NMI. Inside, nothing may sleep.
    pub fn try_hold<R>(&self, body: impl FnOnce(&Held<'_>) -> R) -> Option<R> {
        // SAFETY: The lock is initialised by the invariant. Dropping what follows unlocks.
        if !unsafe { bindings::faultline_helper_raw_spin_trylock(self.lock.get()) } {
            return None;
        }
        // INVARIANT: It was just locked.
        Some(body(&Held {
            lock: self,
            _of_this_cpu: PhantomData,
        }))
    }
}

/// Proof that a lock is held, and so that preemption is off: that of a raw spinlock is, also
/// with `PREEMPT_RT`.
///
/// # Invariants
///
/// While the object lives, `lock` is held for it by this CPU.
pub struct Held<'a> {
    lock: &'a RawSpinLock,
    _of_this_cpu: PhantomData<*mut ()>,
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        // SAFETY: By the invariant it is held.
        unsafe { bindings::faultline_helper_raw_spin_unlock(self.lock.lock.get()) };
    }
}
