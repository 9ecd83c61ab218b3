// SPDX-License-Identifier: GPL-2.0

//! A value that readers in any context see under RCU, and that is replaced as a whole.
//!
//! A new value is complete when it is published, and the old one is freed after a grace period.
//! The kernel alone frees it (`kfree_rcu`), so no callback of this module has to be waited for at
//! unload, and a writer does not wait.
//!
//! C header: [`include/linux/rcupdate.h`](srctree/include/linux/rcupdate.h)

use core::{
    mem::ManuallyDrop,
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
        into_raw,
        KBox,
        KVec, //
    },
    sync::rcu, //
};

/// A value on the heap that is not published yet.
///
/// # Invariants
///
/// The pointer was returned by `kmalloc()`, is owned by this object, and points to an initialised
/// value that needs no drop.
pub(super) struct Block(ptr::NonNull<u8>);

impl Block {
    /// Takes the memory of a value that needs no drop.
    pub(super) fn of<T: Copy>(value: KBox<T>) -> Self {
        const { assert!(size_of::<T>() > 0, "a box of this type has no memory") };
        // INVARIANT: The memory of a `KBox` is that of `kmalloc()`. A type that is `Copy` has no
        // drop.
        Self(into_raw(value).cast())
    }

    /// Takes the memory of a vector; `None` if it has none.
    pub(super) fn of_bytes(value: KVec<u8>) -> Option<Self> {
        if value.capacity() == 0 {
            return None;
        }
        let mut value = ManuallyDrop::new(value);
        // INVARIANT: A `KVec` with capacity has memory of `kmalloc()`. Bytes have no drop.
        ptr::NonNull::new(value.as_mut_ptr()).map(Self)
    }
}

impl Drop for Block {
    fn drop(&mut self) {
        // SAFETY: By the invariant the memory is that of `kmalloc()` and owned by this object.
        unsafe { bindings::kfree(self.0.as_ptr().cast::<c_void>()) };
    }
}

/// A pointer to the current value, null until one is published.
///
/// Reader and writer are Rust code of one module, so Rust's memory model orders what they do: the
/// writer initialises the value before the pointer is released. The grace period orders the last
/// access of a reader before `kfree_rcu()`: as in C, all that is needed of the writer is that the
/// pointer was replaced before that call.
///
/// # Invariants
///
/// The pointer is null or that of a [`Block`] which this object owns. It is not freed before a
/// grace period has passed since it was replaced.
pub(super) struct RcuValue(AtomicPtr<u8>);

impl RcuValue {
    #[inline]
    pub(super) const fn empty() -> Self {
        // INVARIANT: The pointer is null.
        Self(AtomicPtr::new(ptr::null_mut()))
    }

    /// Returns whether no value was published yet.
    pub(super) fn is_empty(&self) -> bool {
        self.0.load(Ordering::Relaxed).is_null()
    }

    /// Returns the current value as `view` sees it, or `default` if none was published.
    ///
    /// # Safety
    ///
    /// The requirements of `view` hold for each pointer that is published here, until it is freed.
    pub(super) unsafe fn read<'a, T: ?Sized>(
        &'a self,
        default: &'a T,
        view: unsafe fn(*const u8) -> &'a T,
    ) -> Guard<'a, T> {
        let reader = rcu::read_lock();
        let current = self.0.load(Ordering::Acquire);
        let value = if current.is_null() {
            default
        } else {
            // SAFETY: `current` was published here, and `view` may be called with such a pointer
            // until it is freed. By the invariant that is after a grace period, which does not end
            // before `reader` is dropped.
            unsafe { view(current) }
        };
        Guard {
            value,
            _reader: reader,
        }
    }

    /// Replaces the value.
    ///
    /// # Context
    ///
    /// Process context; may sleep.
    pub(super) fn publish(&self, value: Block) {
        let value = ManuallyDrop::new(value);
        // INVARIANT: The pointer is that of a block, whose drop was suppressed.
        let old = self.0.swap(value.0.as_ptr(), Ordering::AcqRel);
        // SAFETY: By the invariant `old` is null, which `kfree_rcu()` ignores, or the memory of a
        // block that this object owned. The pointer was replaced, so only readers that began before
        // can access it.
        unsafe { bindings::faultline_helper_kfree_rcu(old.cast::<c_void>()) };
    }

    /// Frees the current value.
    ///
    /// # Safety
    ///
    /// No reader is left, and none begins.
    pub(super) unsafe fn free(&self) {
        let old = self.0.swap(ptr::null_mut(), Ordering::Relaxed);
        // SAFETY: By the invariant `old` is null, which `kfree()` ignores, or the memory of a block
        // that this object owned, and the caller says that there are no readers of it.
        unsafe { bindings::kfree(old.cast::<c_void>()) };
    }
}

/// The value of a parameter at the time it was read, kept by RCU until the guard is dropped.
///
/// # Context
///
/// Any. Nothing may sleep while the guard exists: without `CONFIG_PREEMPT_RCU` that ends the
/// read-side critical section, and the value may be freed. Rust's types cannot enforce this, as
/// with the `kernel` crate's guard of RCU; lockdep (`CONFIG_PROVE_RCU`) reports it. To keep a value
/// for longer, copy it.
#[must_use = "the value is read through the guard"]
pub struct Guard<'a, T: ?Sized> {
    value: &'a T,
    _reader: rcu::Guard,
}

impl<'a, T: ?Sized> Guard<'a, T> {
    /// Turns the guard into one of something that is made of the value.
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
