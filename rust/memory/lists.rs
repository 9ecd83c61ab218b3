// SPDX-License-Identifier: GPL-2.0

//! Short lists for handlers, which cannot allocate: a fixed number of them, each with room for a
//! fixed number of items.
//!
//! The `kernel` crate has nothing that can be filled in handler context.

use core::{
    cell::UnsafeCell,
    mem::MaybeUninit,
    num::NonZeroU16,
    sync::atomic::{
        AtomicBool,
        AtomicU32,
        Ordering, //
    }, //
};

use crate::{
    compat,
    error::Result,
    prelude::{
        KBox,
        KVec,
        GFP_KERNEL, //
    }, //
};

/// A number of lists with room for `N` items each.
pub struct Lists<T, const N: usize>(KVec<KBox<List<T, N>>>);

/// Names a list that is taken: its number, from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ListId(NonZeroU16);

/// A list.
///
/// # Invariants
///
/// The first `len` of `items` are initialised. Only whoever has changed `busy` from false to true
/// looks at `items` and `len`, until it changes it back.
struct List<T, const N: usize> {
    is_taken: AtomicBool,
    busy: AtomicBool,
    marks: AtomicU32,
    len: UnsafeCell<usize>,
    items: UnsafeCell<[MaybeUninit<T>; N]>,
}

// SAFETY: `items` and `len` are looked at by one at a time, see the invariants.
unsafe impl<T: Send, const N: usize> Sync for List<T, N> {}

impl<T: Copy + Send, const N: usize> Lists<T, N> {
    /// Allocates `count` lists, at most 65535.
    ///
    /// # Context
    ///
    /// Process context; sleeps.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub fn new(count: u16) -> Result<Self> {
        let mut lists = KVec::with_capacity(usize::from(count), GFP_KERNEL)?;
        for _ in 0..count {
            let mut list = KBox::<List<T, N>>::new_uninit(GFP_KERNEL)?;
            let place = list.as_mut_ptr();
            // SAFETY: There is room for a list. It is written field by field, since the items
            // would not fit on the stack; they stay uninitialised.
            // INVARIANT: No item is initialised, and nobody looks.
            let list = unsafe {
                (&raw mut (*place).is_taken).write(AtomicBool::new(false));
                (&raw mut (*place).busy).write(AtomicBool::new(false));
                (&raw mut (*place).marks).write(AtomicU32::new(0));
                (&raw mut (*place).len).write(UnsafeCell::new(0));
                list.assume_init()
            };
            compat::push(&mut lists, list)?;
        }
        Ok(Self(lists))
    }

    /// Takes a list, which is empty; `None` if all are taken.
    ///
    /// # Context
    ///
    /// Any.
    pub fn take(&self) -> Option<ListId> {
        let mut number: u16 = 0;
        for list in self.0.iter() {
            number = number.wrapping_add(1);
            if !list.is_taken.load(Ordering::Relaxed)
                && !list.is_taken.swap(true, Ordering::Acquire)
            {
                list.marks.store(0, Ordering::Relaxed);
                return NonZeroU16::new(number).map(ListId);
            }
        }
        None
    }

    fn list(&self, id: ListId) -> Option<&List<T, N>> {
        let list = self.0.get(usize::from(id.0.get()).wrapping_sub(1));
        list.map(|list| &**list)
    }

    /// Appends an item to a list that is taken. Returns whether there was room.
    ///
    /// # Context
    ///
    /// Any.
    pub fn push(&self, id: ListId, item: T) -> bool {
        let Some(list) = self.list(id) else {
            return false;
        };
        let done = list.alone(|items, len| {
            let place = items.get_mut(*len)?;
            place.write(item);
            // INVARIANT: One more is initialised.
            *len = len.wrapping_add(1);
            Some(())
        });
        done.flatten().is_some()
    }

    /// Notes these bits at a list that is taken.
    ///
    /// # Context
    ///
    /// Any.
    pub fn mark(&self, id: ListId, marks: u32) {
        if let Some(list) = self.list(id) {
            list.marks.fetch_or(marks, Ordering::Relaxed);
        }
    }

    /// Returns the bits that were noted at a list since it was taken.
    ///
    /// # Context
    ///
    /// Any.
    pub fn marks(&self, id: ListId) -> u32 {
        self.list(id)
            .map_or(0, |list| list.marks.load(Ordering::Relaxed))
    }

    /// Gives a list back. `each` gets its items, in their order.
    ///
    /// # Context
    ///
    /// Any.
    pub fn give_back(&self, id: ListId, mut each: impl FnMut(&T)) {
        let Some(list) = self.list(id) else {
            return;
        };
        list.alone(|items, len| {
            for item in items.get(..*len).unwrap_or_default() {
                // SAFETY: The first `len` are initialised, by the invariants.
                each(unsafe { item.assume_init_ref() });
            }
            // INVARIANT: None is looked at any more.
            *len = 0;
        });
        list.is_taken.store(false, Ordering::Release);
    }
}

impl<T, const N: usize> List<T, N> {
    /// Calls `what` with the list's items and their number, unless somebody else does.
    fn alone<R>(&self, what: impl FnOnce(&mut [MaybeUninit<T>; N], &mut usize) -> R) -> Option<R> {
        if self.busy.swap(true, Ordering::Acquire) {
            return None;
        }
        // SAFETY: `busy` was false, so nobody else looks at them before it is that again.
        let (items, len) = unsafe { (&mut *self.items.get(), &mut *self.len.get()) };
        let result = what(items, len);
        self.busy.store(false, Ordering::Release);
        Some(result)
    }
}
