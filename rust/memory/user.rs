// SPDX-License-Identifier: GPL-2.0

//! The memory of the current process, read where nothing may sleep.
//!
//! What is not in memory at the moment (it was paged out, or never touched) is not brought in:
//! it reads as what cannot be read.
//!
//! C header: [`include/linux/uaccess.h`](srctree/include/linux/uaccess.h)

use core::mem::{
    size_of,
    MaybeUninit, //
};

use super::{
    text::{
        self,
        WORD, //
    },
    Plain,
    TextRead, //
};
use crate::bindings;

/// An address in the memory of the process that made the call.
#[derive(Clone, Copy)]
pub struct UserPtr(usize);

impl UserPtr {
    /// The address that a user gave, as a number.
    pub const fn new(address: usize) -> Self {
        Self(address)
    }

    /// A copy of what is there; `None` if that cannot be read now.
    ///
    /// # Context
    ///
    /// Any. In an interrupt it is the memory of the process that was interrupted.
    #[inline]
    pub fn read<T: Plain>(self) -> Option<T> {
        let mut value = MaybeUninit::<T>::uninit();
        // SAFETY: There is room for so many bytes. Where they come from does not matter: what is
        // not user space is refused, and a fault is caught.
        let failed = unsafe {
            bindings::copy_from_user_nofault(
                value.as_mut_ptr().cast(),
                self.0 as *const _,
                size_of::<T>(),
            )
        };
        // SAFETY: All bytes were written, and any are a value.
        (failed == 0).then(|| unsafe { value.assume_init() })
    }

    /// Copies the text that is there, up to its NUL, or as far as there is room; `None` if it
    /// cannot be read now.
    ///
    /// # Context
    ///
    /// As for [`read`](Self::read).
    #[inline]
    pub fn read_text(self, to: &mut [u8]) -> Option<TextRead> {
        text::read(
            self.0,
            to,
            |place| Self(place).read::<[u8; WORD]>(),
            |place| Self(place).read(),
        )
    }
}
