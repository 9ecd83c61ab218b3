// SPDX-License-Identifier: GPL-2.0

//! Raw spinlocks: waiters spin with preemption off, also with `PREEMPT_RT`.
//!
//! These are the kernel's `raw_spinlock_t`. They are our own, since `kernel::sync::SpinLock` is a
//! `spinlock_t`, whose waiters sleep with `PREEMPT_RT`, and the crate's locks have no `try_lock()`
//! in 6.12.
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

/// A raw spinlock. It protects no data.
///
/// # Invariants
///
/// The lock is initialised, and does not move.
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

// SAFETY: The lock is in memory of its own on the heap, which any CPU may use and free.
unsafe impl Send for RawSpinLock {}

// SAFETY: A `raw_spinlock_t` may be taken by any CPU at any time. The proof that it is held is not
// `Send`, so the CPU that took the lock releases it.
unsafe impl Sync for RawSpinLock {}

impl RawSpinLock {
    /// Makes a lock of this class.
    ///
    /// # Context
    ///
    /// Process context; sleeps.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub fn new(class: &'static LockClass) -> Result<Self> {
        // SAFETY: Zeros are a valid `raw_spinlock_t`: it consists of integers and pointers.
        let lock = KBox::new(UnsafeCell::new(unsafe { core::mem::zeroed() }), GFP_KERNEL)?;
        // SAFETY: The lock is on the heap, where nobody else accesses it yet. The name and the key
        // are statics of the module, and lockdep forgets the class when the module is freed.
        unsafe {
            bindings::faultline_helper_raw_spin_lock_init(lock.get(), class.name(), class.key());
        }
        // INVARIANT: The lock was initialised just now, and the content of a box does not move.
        Ok(Self { lock })
    }

    /// Acquires the lock, and calls `body` with it held.
    ///
    /// # Context
    ///
    /// Any, unless the lock is held by the code that this interrupts, or by the caller: that is a
    /// deadlock. Inside, nothing may sleep.
    pub fn hold<R>(&self, body: impl FnOnce(&Held<'_>) -> R) -> R {
        // SAFETY: By the invariant the lock is initialised. `Held` releases it.
        unsafe { bindings::faultline_helper_raw_spin_lock(self.lock.get()) };
        // INVARIANT: The lock was acquired just now, by this CPU.
        body(&Held {
            lock: self,
            _not_send: PhantomData,
        })
    }

    /// Calls `body` with the lock held, if the lock is free. Returns `None` if it is not.
    ///
    /// # Context
    ///
    /// Any but an NMI. Inside, nothing may sleep.
    pub fn try_hold<R>(&self, body: impl FnOnce(&Held<'_>) -> R) -> Option<R> {
        // SAFETY: By the invariant the lock is initialised. `Held` releases it.
        if !unsafe { bindings::faultline_helper_raw_spin_trylock(self.lock.get()) } {
            return None;
        }
        // INVARIANT: The lock was acquired just now, by this CPU.
        Some(body(&Held {
            lock: self,
            _not_send: PhantomData,
        }))
    }
}

/// Proof that a raw spinlock is held, and so preemption off.
///
/// # Invariants
///
/// While the object exists, this CPU holds `lock`.
pub struct Held<'a> {
    lock: &'a RawSpinLock,
    _not_send: PhantomData<*mut ()>,
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        // SAFETY: By the invariant this CPU holds the lock. `body` got a reference only, so it
        // cannot have dropped the object before.
        unsafe { bindings::faultline_helper_raw_spin_unlock(self.lock.lock.get()) };
    }
}
