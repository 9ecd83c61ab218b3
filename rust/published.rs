// SPDX-License-Identifier: GPL-2.0

//! An object that parameters and files find: a static that holds it from the
//! end of load to the beginning of unload.
//!
//! Parameters can be set before the module's object is there, and after it is
//! gone. A [`Published`] says which it is, and keeps the object while it is
//! used.
//!
//! C header: [`include/linux/mutex.h`](srctree/include/linux/mutex.h)

use core::cell::UnsafeCell;

use crate::{
    bindings,
    compat::Arc, //
};

/// Where an object is published.
///
/// # Invariants
///
/// `object` is accessed with the module's lock held.
///
/// # Examples
///
/// ```no_run
/// use faultline::{prelude::*, published::Published};
///
/// static LIMITS: Published<[u32; 2]> = Published::new();
///
/// LIMITS.publish(Arc::new([1, 2], GFP_KERNEL)?);
/// assert_eq!(LIMITS.with(|limits| limits[1]), Some(2));
/// LIMITS.withdraw();
/// assert_eq!(LIMITS.with(|limits| limits[1]), None);
/// # Ok::<(), Error>(())
/// ```
pub struct Published<T> {
    object: UnsafeCell<Option<Arc<T>>>,
}

// SAFETY: By the invariant the object is protected by a lock, and it is shared
// between threads, and dropped by any.
unsafe impl<T: Send + Sync> Sync for Published<T> {}

/// Calls `body` with the module's lock held.
fn locked<R>(body: impl FnOnce() -> R) -> R {
    /// Unlocks when dropped.
    struct Guard;

    impl Drop for Guard {
        fn drop(&mut self) {
            // SAFETY: It was locked before the guard was made.
            unsafe { bindings::faultline_helper_module_unlock() };
        }
    }

    // SAFETY: The guard unlocks it.
    unsafe { bindings::faultline_helper_module_lock() };
    let _guard = Guard;
    body()
}

impl<T: Send + Sync> Published<T> {
    /// Nothing is published.
    pub const fn new() -> Self {
        Self {
            object: UnsafeCell::new(None),
        }
    }

    /// Publishes `object`; what was there before is dropped.
    ///
    /// # Context
    ///
    /// Process context; sleeps.
    pub fn publish(&self, object: Arc<T>) {
        // SAFETY: The lock is held, and nobody has a reference without it.
        drop(locked(|| unsafe { (*self.object.get()).replace(object) }));
    }

    /// Takes the object back. When this returns, nobody is in
    /// [`with`](Self::with).
    ///
    /// # Context
    ///
    /// Process context; sleeps.
    pub fn withdraw(&self) {
        // SAFETY: As in `publish`.
        drop(locked(|| unsafe { (*self.object.get()).take() }));
    }

    /// Calls `body` with the object, if there is one. One call at a time, of all
    /// published objects of the module.
    ///
    /// # Context
    ///
    /// Process context; sleeps. `body` may sleep, and must not use a
    /// `Published`.
    pub fn with<R>(&self, body: impl FnOnce(&T) -> R) -> Option<R> {
        // SAFETY: The lock is held until `body` has returned.
        locked(|| unsafe { (*self.object.get()).as_ref() }.map(|object| body(object)))
    }
}

impl<T: Send + Sync> Default for Published<T> {
    fn default() -> Self {
        Self::new()
    }
}
