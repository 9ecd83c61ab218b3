// SPDX-License-Identifier: GPL-2.0

//! The memory for a call's instance data, which a handler fills in.

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

/// The most bytes that are passed by value. A handler runs on the stack of the interrupted code,
/// which may be nearly full, or on that of an NMI.
pub const BY_VALUE_MAX: usize = 256;

/// The kernel's memory for the instance data of a call, not written yet.
pub struct Slot<'a, D>(&'a mut MaybeUninit<D>);

impl<'a, D: Copy> Slot<'a, D> {
    /// Makes a slot.
    ///
    /// # Safety
    ///
    /// `place` is aligned and valid for writes of a `D`, and nobody else uses it during `'a`.
    #[inline(always)]
    pub(super) unsafe fn new(place: *mut D) -> Self {
        // SAFETY: `place` is valid and used exclusively during `'a`. A `MaybeUninit` may have any
        // content.
        Self(unsafe { &mut *place.cast() })
    }

    /// Writes data of at most [`BY_VALUE_MAX`] bytes.
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

    /// Writes zeros, which can then be changed in place.
    #[inline(always)]
    pub fn zeroed(self) -> Filled<'a, D>
    where
        D: Plain,
    {
        // SAFETY: The memory is valid for a `D`, and `D: Plain` has no invalid bit patterns.
        Filled(unsafe {
            self.0.as_mut_ptr().write_bytes(0, 1);
            self.0.assume_init_mut()
        })
    }
}

/// The instance data of a call, after they were written.
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
