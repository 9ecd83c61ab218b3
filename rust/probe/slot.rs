// SPDX-License-Identifier: GPL-2.0

//! The place of a call's instance data, which a handler fills in.

use core::{
    mem::{
        size_of,
        MaybeUninit, //
    },
    ops::{
        Deref,
        DerefMut, //
    }, //
};

use crate::memory::Plain;

/// The most bytes that are passed by value. A handler runs on the stack of what it
/// interrupts, which may have no more left, or be that of an NMI.
pub const BY_VALUE_MAX: usize = 256;

/// Where the instance data of a call will be, in the kernel's own memory.
pub struct Slot<'a, D>(&'a mut MaybeUninit<D>);

impl<'a, D: Copy> Slot<'a, D> {
    /// # Safety
    ///
    /// There is room for a `D` at `place`, aligned for it, which nobody else uses
    /// during `'a`.
    #[inline(always)]
    pub(super) unsafe fn new(place: *mut D) -> Self {
        // SAFETY: The caller says so, and a `MaybeUninit` may be what it likes.
        Self(unsafe { &mut *place.cast() })
    }

    /// Writes data that are at most [`BY_VALUE_MAX`] bytes.
    #[inline(always)]
    pub fn write(self, data: D) -> Filled<'a, D> {
        const {
            assert!(
                size_of::<D>() <= BY_VALUE_MAX,
                "instance data of more than 256 bytes are too large for the stack of a handler: \
                 implement `Handler::entry_in_place`, and begin with `Slot::zeroed`"
            );
        }
        Filled(self.0.write(data))
    }

    /// Makes zeros of the data, to be changed in their place.
    #[inline(always)]
    pub fn zeroed(self) -> Filled<'a, D>
    where
        D: Plain,
    {
        // SAFETY: There is room for it, and any bytes are a value, also zeros.
        Filled(unsafe {
            self.0.as_mut_ptr().write_bytes(0, 1);
            self.0.assume_init_mut()
        })
    }
}

/// The instance data of a call, written in their place.
pub struct Filled<'a, D>(&'a mut D);

impl<D> Deref for Filled<'_, D> {
    type Target = D;

    #[inline(always)]
    fn deref(&self) -> &D {
        self.0
    }
}

impl<D> DerefMut for Filled<'_, D> {
    #[inline(always)]
    fn deref_mut(&mut self) -> &mut D {
        self.0
    }
}
