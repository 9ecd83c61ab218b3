// SPDX-License-Identifier: GPL-2.0

//! A value that readers in any context see under RCU, and that is replaced as a
//! whole.
//!
//! A new value is complete before it is published, and the old one is freed
//! after the last reader who can have seen it. The memory is freed by the kernel
//! alone (`kfree_rcu`), so nothing of it can outlive the module's code, and a
//! writer does not wait.
//!
//! C header: [`include/linux/rcupdate.h`](srctree/include/linux/rcupdate.h)

use core::{
    ops::Deref,
    ptr,
    sync::atomic::{
        AtomicPtr,
        Ordering, //
    }, //
};

use crate::{
    bindings,
    compat::{
        ffi::c_void,
        KBox,
        KVec, //
    },
    sync::rcu, //
};

/// Memory of `kmalloc()` that is not published yet.
///
/// # Invariants
///
/// It is a pointer to be freed with `kfree()`, to a whole value that needs no
/// drop.
pub(super) struct Block(ptr::NonNull<u8>);

impl Block {
    /// The memory of a value that needs no drop.
    pub(super) fn of<T: Copy>(value: KBox<T>) -> Self {
        const { assert!(size_of::<T>() > 0, "nothing is allocated for that") };
        // INVARIANT: What is `Copy` needs no drop, and a box is of `kmalloc()`.
        // SAFETY: `into_raw` returns no null.
        Self(unsafe { ptr::NonNull::new_unchecked(KBox::into_raw(value).cast()) })
    }

    /// The memory of a vector's elements; `None` if it has none.
    pub(super) fn of_bytes(value: KVec<u8>) -> Option<Self> {
        if value.capacity() == 0 {
            return None;
        }
        let mut value = core::mem::ManuallyDrop::new(value);
        // INVARIANT: A vector with capacity has memory of `kmalloc()`.
        ptr::NonNull::new(value.as_mut_ptr()).map(Self)
    }
}

impl Drop for Block {
    fn drop(&mut self) {
        // SAFETY: By the invariant; nobody else has seen it.
        unsafe { bindings::kfree(self.0.as_ptr().cast::<c_void>()) };
    }
}

/// The place of what is published: nothing at first.
///
/// # Invariants
///
/// The pointer is null or was that of a [`Block`], which is freed after readers
/// who can have seen it.
pub(super) struct Published(AtomicPtr<u8>);

impl Published {
    #[inline]
    pub(super) const fn nothing() -> Self {
        // INVARIANT: It is null.
        Self(AtomicPtr::new(ptr::null_mut()))
    }

    /// Was nothing published yet?
    pub(super) fn is_nothing(&self) -> bool {
        self.0.load(Ordering::Relaxed).is_null()
    }

    /// What is published, or `first`, as `view` sees it.
    ///
    /// # Safety
    ///
    /// `view` may be called with what `publish` was.
    pub(super) unsafe fn read<'a, T: ?Sized>(
        &'a self,
        first: &'a T,
        view: unsafe fn(*const u8) -> &'a T,
    ) -> Guard<'a, T> {
        let reader = rcu::read_lock();
        let current = self.0.load(Ordering::Acquire);
        let value = if current.is_null() {
            first
        } else {
            // SAFETY: `current` was given to `publish`, which `view` takes. By the invariant it is
            // freed after `reader` is dropped.
            unsafe { view(current) }
        };
        Guard {
            value,
            _reader: reader,
        }
    }

    /// Publishes another value.
    ///
    /// # Context
    ///
    /// Process context; may sleep.
    pub(super) fn publish(&self, value: Block) {
        let value = core::mem::ManuallyDrop::new(value);
        // INVARIANT: It is that of a block, which now is ours.
        let old = self.0.swap(value.0.as_ptr(), Ordering::AcqRel);
        // SAFETY: By the invariant of a block, and nobody who begins to read now
        // can see it. Null is left alone.
        unsafe { bindings::faultline_helper_kfree_rcu(old.cast::<c_void>()) };
    }

    /// Frees what is published.
    ///
    /// # Safety
    ///
    /// Nobody reads it any more.
    pub(super) unsafe fn free(&self) {
        let old = self.0.swap(ptr::null_mut(), Ordering::Relaxed);
        // SAFETY: It was allocated by `kmalloc()`, and nobody reads it any more. Null is left alone.
        unsafe { bindings::kfree(old.cast::<c_void>()) };
    }
}

/// The value of a parameter as it was when it was read, kept by RCU until this
/// is dropped.
///
/// # Context
///
/// Any. Nothing may sleep until it is dropped: on kernels without
/// `CONFIG_PREEMPT_RCU` that ends the read-side section, and the value may be
/// freed. Rust's types cannot refuse it, as little as with the `kernel` crate's
/// own guard of RCU; lockdep (`CONFIG_PROVE_RCU`) reports it. To keep a value
/// for longer, copy it.
#[must_use = "it is the value"]
pub struct Guard<'a, T: ?Sized> {
    value: &'a T,
    _reader: rcu::Guard,
}

impl<'a, T: ?Sized> Guard<'a, T> {
    /// Sees the value as something else.
    pub(super) fn map<U: ?Sized>(self, view: impl FnOnce(&'a T) -> &'a U) -> Guard<'a, U> {
        Guard {
            value: view(self.value),
            _reader: self._reader,
        }
    }
}

impl<T: ?Sized> Deref for Guard<'_, T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        self.value
    }
}
