// SPDX-License-Identifier: GPL-2.0

//! Mutexes: who wants one that is held sleeps.
//!
//! C header: [`include/linux/mutex.h`](srctree/include/linux/mutex.h)

use core::cell::UnsafeCell;

use crate::{
    bindings,
    compat::{
        KBox,
        GFP_KERNEL, //
    },
    error::Result,
    sync::lock_class::LockClass, //
};

/// A mutex, and the value that it protects.
///
/// A task that dies while it holds the mutex leaves it locked for good.
///
/// # Invariants
///
/// `mutex` is initialised, and `value` is accessed by who holds it.
///
/// # Examples
///
/// ```no_run
/// use faultline::sync::{lock_class, mutex::Mutex};
///
/// let total = Mutex::new(0u32, lock_class!())?;
/// let now = total.hold(|total| {
///     *total = total.wrapping_add(1);
///     *total
/// });
/// # let _ = now;
/// # Ok::<(), faultline::error::Error>(())
/// ```
pub struct Mutex<T> {
    inner: KBox<Inner<T>>,
}

struct Inner<T> {
    mutex: UnsafeCell<bindings::mutex>,
    value: UnsafeCell<T>,
}

// SAFETY: The value goes where the mutex goes.
unsafe impl<T: Send> Send for Mutex<T> {}

// SAFETY: One task at a time has access to the value, which is as if it were
// sent from one to the next.
unsafe impl<T: Send> Sync for Mutex<T> {}

impl<T> Mutex<T> {
    /// A mutex of that class, which nobody holds.
    ///
    /// # Context
    ///
    /// Process context; sleeps.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub fn new(value: T, class: &'static LockClass) -> Result<Self> {
        let inner = KBox::new(
            Inner {
                // SAFETY: A `struct mutex` of zeros is one that was not
                // initialised.
                mutex: UnsafeCell::new(unsafe { core::mem::zeroed() }),
                value: UnsafeCell::new(value),
            },
            GFP_KERNEL,
        )?;
        let mutex = inner.mutex.get();
        // SAFETY: Nobody else knows of the mutex, and it does not leave its place. Name and key
        // are static, so that they are there as long as the module, which lockdep forgets with it.
        unsafe { bindings::faultline_helper_mutex_init(mutex, class.name(), class.key()) };
        // INVARIANT: It was just initialised, and `value` is given to who holds
        // it.
        Ok(Self { inner })
    }

    /// Waits for the mutex, and calls `body` with what it protects.
    ///
    /// # Context
    ///
    /// Process context of a task that does not hold it; sleeps,
    /// uninterruptibly. `body` may sleep as well.
    pub fn hold<R>(&self, body: impl FnOnce(&mut T) -> R) -> R {
        /// Unlocks when dropped.
        struct Held(*mut bindings::mutex);

        impl Drop for Held {
            fn drop(&mut self) {
                // SAFETY: It was locked before this was made.
                unsafe { bindings::faultline_helper_mutex_unlock(self.0) };
            }
        }

        let mutex = self.inner.mutex.get();
        // SAFETY: By the invariant.
        unsafe { bindings::faultline_helper_mutex_lock(mutex) };
        let _held = Held(mutex);
        // SAFETY: By the invariant, and it is held until `body` has returned.
        body(unsafe { &mut *self.inner.value.get() })
    }
}
