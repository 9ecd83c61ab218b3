// SPDX-License-Identifier: GPL-2.0

//! Reads of the current process's memory in contexts that must not sleep.
//!
//! A page that is not present (paged out, or never touched) is not faulted in: it cannot be read.
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
    /// Makes a pointer from an address in user space, which may be any number.
    pub const fn new(address: usize) -> Self {
        Self(address)
    }

    /// Returns a copy of the object; `None` if it cannot be read now.
    ///
    /// # Context
    ///
    /// Any. In an interrupt it is the memory of the process that was interrupted.
    #[inline]
    pub fn read<T: Plain>(self) -> Option<T> {
        let mut value = MaybeUninit::<T>::uninit();
        // SAFETY: `value` has the size of a `T`. The source may be any address:
        // `copy_from_user_nofault()` refuses those outside of user space and catches faults.
        let failed = unsafe {
            bindings::copy_from_user_nofault(
                value.as_mut_ptr().cast(),
                self.0 as *const _,
                size_of::<T>(),
            )
        };
        // SAFETY: All bytes were written, and `T: Plain` has no invalid bit patterns.
        (failed == 0).then(|| unsafe { value.assume_init() })
    }

    /// Copies the string up to its NUL, or as much of it as fits. Returns `None` if it cannot be
    /// read now.
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
