// SPDX-License-Identifier: GPL-2.0

//! An object that parameters and files find: a static that holds it from the
//! end of load to the beginning of unload.
//!
//! Parameters can be set before the module's object exists, and after it is
//! gone. A [`Published`] tells which, and keeps the object while it is used.
//!
//! # Lock order
//!
//! None: [`with`](Published::with) holds no lock, so its callers may hold any,
//! and what they call may take any. It counts its callers, and dropping the
//! [`Publication`] waits for them. That happens at unload only, where no lock is
//! held: the object that owns the module owns the publication.
//!
//! C header: [`include/linux/wait_bit.h`](srctree/include/linux/wait_bit.h)

use core::{
    cell::UnsafeCell,
    ptr,
    sync::atomic::{
        AtomicPtr,
        Ordering, //
    }, //
};

use crate::{
    bindings,
    compat::Arc,
    error::{
        code,
        Result, //
    }, //
};

/// A place where an object is published.
///
/// # Invariants
///
/// - `object` is null, or was made by [`Arc::into_raw`] and owns that reference.
/// - `users` counts those who may use what they loaded from `object`. They are
///   counted before they load it.
///
/// # Examples
///
/// ```no_run
/// use faultline::{prelude::*, sync::published::Published};
///
/// static LIMITS: Published<[u32; 2]> = Published::new();
///
/// let publication = LIMITS.publish(Arc::new([1, 2], GFP_KERNEL)?)?;
/// assert_eq!(LIMITS.with(|limits| limits[1]), Some(2));
/// drop(publication);
/// assert_eq!(LIMITS.with(|limits| limits[1]), None);
/// # Ok::<(), Error>(())
/// ```
pub struct Published<T> {
    object: AtomicPtr<T>,
    users: UnsafeCell<bindings::atomic_t>,
}

// SAFETY: `object` and `users` are accessed by atomic operations only. The object
// is shared between threads, and dropped by any.
unsafe impl<T: Send + Sync> Sync for Published<T> {}

/// One who uses what is published, until this is dropped.
struct User(*mut bindings::atomic_t);

impl User {
    /// Counts the caller among the users of a place that lives for ever.
    fn of<T>(place: &'static Published<T>) -> Self {
        // SAFETY: The counter is in a static, and is accessed atomically only.
        // The operation is fully ordered: the caller loads `object` after it.
        unsafe { bindings::faultline_helper_users_enter(place.users.get()) };
        Self(place.users.get())
    }
}

impl Drop for User {
    fn drop(&mut self) {
        // SAFETY: The counter is in a static, and counts this user, which makes
        // no other access to the object after this.
        unsafe { bindings::faultline_helper_users_leave(self.0) };
    }
}

impl<T: Send + Sync> Published<T> {
    /// A place where nothing is published.
    pub const fn new() -> Self {
        // INVARIANT: The pointer is null.
        Self {
            object: AtomicPtr::new(ptr::null_mut()),
            users: UnsafeCell::new(bindings::atomic_t { counter: 0 }),
        }
    }

    /// Publishes `object` until the publication is dropped.
    ///
    /// # Context
    ///
    /// Process context; sleeps if it fails.
    ///
    /// # Errors
    ///
    /// `EBUSY` if something is published here.
    pub fn publish(&'static self, object: Arc<T>) -> Result<Publication<T>> {
        let object = Arc::into_raw(object).cast_mut();
        match self.object.compare_exchange(
            ptr::null_mut(),
            object,
            Ordering::Release,
            Ordering::Relaxed,
        ) {
            // INVARIANT: The reference is that of the place from now on.
            Ok(_) => Ok(Publication(self)),
            Err(_) => {
                // SAFETY: It came from `into_raw` above, and nobody else saw it.
                drop(unsafe { Arc::from_raw(object) });
                Err(code::EBUSY)
            }
        }
    }

    /// Calls `body` with the object, if there is one.
    ///
    /// # Context
    ///
    /// Process context; `body` may sleep, take locks, and use any `Published`.
    /// It must not drop the [`Publication`] of this one, which would wait for
    /// itself.
    pub fn with<R>(&'static self, body: impl FnOnce(&T) -> R) -> Option<R> {
        if self.object.load(Ordering::Relaxed).is_null() {
            // Those who come late do not delay whoever waits for the users.
            return None;
        }
        let _user = User::of(self);
        let object = self.object.load(Ordering::Acquire);
        if object.is_null() {
            return None;
        }
        // SAFETY: By the invariant this is an object that the place owned when it
        // was loaded. Since this user was counted before, `Publication::drop` has
        // not yet seen the counter at 0 after it took the pointer, and keeps the
        // object until `_user` is dropped.
        Some(body(unsafe { &*object }))
    }
}

impl<T: Send + Sync> Default for Published<T> {
    fn default() -> Self {
        Self::new()
    }
}

/// An object is published as long as this lives.
///
/// One that is leaked keeps the object published for good; what in the object
/// the kernel can enter then keeps the module loaded.
#[must_use = "dropping it withdraws the object"]
pub struct Publication<T: Send + Sync + 'static>(&'static Published<T>);

impl<T: Send + Sync> Drop for Publication<T> {
    /// Withdraws the object, waits until nobody uses it, and drops it.
    ///
    /// # Context
    ///
    /// Process context, with no lock held that a user could wait for; sleeps,
    /// uninterruptibly.
    fn drop(&mut self) {
        let object = self.0.object.swap(ptr::null_mut(), Ordering::AcqRel);
        // SAFETY: The counter is in a static, and is accessed atomically only.
        // The helper reads it by a fully ordered operation, so after the swap.
        unsafe { bindings::faultline_helper_users_wait(self.0.users.get()) };
        // SAFETY: While this publication lived nobody else took the pointer, so it
        // is that of `publish`, and the reference is the place's. Nobody uses it:
        // who is counted later loads null.
        drop(unsafe { Arc::from_raw(object) });
    }
}
