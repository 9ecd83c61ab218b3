// SPDX-License-Identifier: GPL-2.0

//! An object that parameters and files find through a static while it exists.
//!
//! Parameters can be set before the module's object exists, and after it was dropped. A
//! [`Published`] returns the object if it exists, and keeps it while it is used.
//!
//! # Lock order
//!
//! [`with`](Published::with) takes no lock, so its callers may hold any, and the closure may take
//! any. It counts its callers, and dropping the [`Publication`] waits for them. That happens at
//! unload only, where no lock is held: the module's object owns the publication.
//!
//! # Memory order
//!
//! A user is counted before it loads the pointer; the publication swaps the pointer before it reads
//! the count. At least one of the two must see the other, which takes a full barrier between the
//! two accesses on both sides. The count is an `atomic_t` that C alone accesses, by operations that
//! are fully ordered: `rust/helpers/wait_bit.c`. The pointer is Rust's, accessed by Rust alone, and
//! these calls order it as they order any access before and after.
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

/// A static through which an object is found.
///
/// # Invariants
///
/// - `object` is null, or was returned by [`Arc::into_raw`] and owns that reference.
/// - `users` is the number of `User`s. Only a user dereferences what it loaded from `object`, and
///   it exists before the load.
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

// SAFETY: `object` and `users` are accessed by atomic operations only. What `object` points to is
// used by reference from several threads (`Sync`), and dropped by any of them (`Send`).
unsafe impl<T: Send + Sync> Sync for Published<T> {}

/// Keeps the object of one `Published` from being dropped.
struct User(*mut bindings::atomic_t);

impl User {
    /// Counts the caller as a user.
    fn of<T>(place: &'static Published<T>) -> Self {
        // SAFETY: The counter is in a static, and C accesses it by atomic operations only. This one
        // is fully ordered: the caller loads `object` after it.
        unsafe { bindings::faultline_helper_users_enter(place.users.get()) };
        Self(place.users.get())
    }
}

impl Drop for User {
    fn drop(&mut self) {
        // SAFETY: The counter is in a static, since it came from `of`. It includes this user, which
        // does not access the object any more.
        unsafe { bindings::faultline_helper_users_leave(self.0) };
    }
}

impl<T: Send + Sync> Published<T> {
    /// Makes one without an object.
    pub const fn new() -> Self {
        // INVARIANT: The pointer is null, and there are no users.
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
    /// `EBUSY` if an object is published here.
    pub fn publish(&'static self, object: Arc<T>) -> Result<Publication<T>> {
        let object = Arc::into_raw(object).cast_mut();
        match self.object.compare_exchange(
            ptr::null_mut(),
            object,
            Ordering::Release,
            Ordering::Relaxed,
        ) {
            // INVARIANT: `object` owns the reference of `Arc::into_raw`.
            Ok(_) => Ok(Publication(self)),
            Err(_) => {
                // SAFETY: `Arc::into_raw` returned the pointer above, and it was not stored.
                drop(unsafe { Arc::from_raw(object) });
                Err(code::EBUSY)
            }
        }
    }

    /// Calls `body` with the object, if one is published.
    ///
    /// # Context
    ///
    /// Process context; `body` may sleep, take locks, and use any `Published`. It must not drop the
    /// [`Publication`] of this one: that would wait for `body`.
    pub fn with<R>(&'static self, body: impl FnOnce(&T) -> R) -> Option<R> {
        if self.object.load(Ordering::Relaxed).is_null() {
            // Not counted as a user, so that late callers do not delay the publication's drop.
            return None;
        }
        let _user = User::of(self);
        let object = self.object.load(Ordering::Acquire);
        if object.is_null() {
            return None;
        }
        // SAFETY: By the invariant `self` owned a reference to the object when the pointer was
        // loaded. `_user` was counted before that, so `Publication::drop`, which reads the count
        // after it has taken the pointer, waits until `_user` is dropped before it drops that
        // reference.
        Some(body(unsafe { &*object }))
    }
}

impl<T: Send + Sync> Default for Published<T> {
    fn default() -> Self {
        Self::new()
    }
}

/// Keeps an object published.
///
/// If it is leaked, the object stays published, and what the object registered with the kernel
/// keeps the module loaded.
#[must_use = "dropping it withdraws the object"]
pub struct Publication<T: Send + Sync + 'static>(&'static Published<T>);

impl<T: Send + Sync> Drop for Publication<T> {
    /// Withdraws the object, waits until it has no users, and drops the reference to it.
    ///
    /// # Context
    ///
    /// Process context, without any lock that a user may wait for; sleeps uninterruptibly.
    fn drop(&mut self) {
        let object = self.0.object.swap(ptr::null_mut(), Ordering::AcqRel);
        // SAFETY: The counter is in a static, and C accesses it by atomic operations only. The
        // helper reads it after a full barrier, and so after the swap.
        unsafe { bindings::faultline_helper_users_wait(self.0.users.get()) };
        // SAFETY: The pointer is that of `Arc::into_raw` in `publish`: only the publication of an
        // object takes it away, and `publish` makes one publication for each object. No user is
        // left, and one that is counted later loads null.
        drop(unsafe { Arc::from_raw(object) });
    }
}
