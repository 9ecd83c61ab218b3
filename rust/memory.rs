// SPDX-License-Identifier: GPL-2.0

//! The kernel's memory, read so that a bad address is an answer and no fault.
//!
//! What a probed function was given is a number that it takes for an address. A
//! [`KernelPtr`] is such a number with the type of what is there. It can be
//! read, nothing else: as `copy_from_kernel_nofault()` does, which refuses what
//! is not the kernel's memory and comes back from what is not mapped.
//!
//! What is read is a copy. It may be torn or outdated if somebody writes there
//! meanwhile, so only types of which all bytes are values can be read
//! ([`Plain`]).
//!
//! Pointers come from the arguments of a probed call, and from what was read at
//! one. There is no other way to make one, as reading may have effects where
//! a device is mapped.
//!
//! C header: [`include/linux/uaccess.h`](srctree/include/linux/uaccess.h)

use core::{
    marker::PhantomData,
    mem::{
        size_of,
        MaybeUninit, //
    }, //
};

use crate::arch;

/// What any bytes of the right number are a value of.
///
/// # Safety
///
/// That must be so, and the type must have no padding.
pub unsafe trait Plain: Copy {}

macro_rules! plain {
    ($($type:ty),*) => { $(
        // SAFETY: Any bytes are an integer.
        unsafe impl Plain for $type {}
    )* };
}

plain!(u8, u16, u32, u64, usize, i8, i16, i32, i64, isize);

// SAFETY: An array of what has no padding has none, and its elements decide.
unsafe impl<T: Plain, const N: usize> Plain for [T; N] {}

// SAFETY: It is a number; what is there is looked at by `read` alone.
unsafe impl<T> Plain for KernelPtr<T> {}

/// The address of what is taken for a `T` in the kernel's memory.
#[repr(transparent)]
pub struct KernelPtr<T>(usize, PhantomData<*const T>);

impl<T> Clone for KernelPtr<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for KernelPtr<T> {}

// SAFETY: It is a number.
unsafe impl<T> Send for KernelPtr<T> {}

// SAFETY: As above.
unsafe impl<T> Sync for KernelPtr<T> {}

impl<T> PartialEq for KernelPtr<T> {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}

impl<T> KernelPtr<T> {
    /// The null pointer.
    pub const NULL: Self = Self(0, PhantomData);

    pub(crate) const fn new(address: usize) -> Self {
        Self(address, PhantomData)
    }

    /// The address, as a number.
    pub const fn address(self) -> usize {
        self.0
    }

    /// Is it null?
    pub const fn is_null(self) -> bool {
        self.0 == 0
    }

    /// What is `bytes` further on, as a `U`.
    #[inline(always)]
    pub(crate) const fn add<U>(self, bytes: usize) -> KernelPtr<U> {
        KernelPtr::new(self.0.wrapping_add(bytes))
    }
}

impl<T: Plain> KernelPtr<T> {
    /// A copy of what is there; `None` if that cannot be read.
    ///
    /// # Context
    ///
    /// Any.
    #[inline(always)]
    pub fn read(self) -> Option<T> {
        let mut value = MaybeUninit::<T>::uninit();
        // SAFETY: There is room for so many bytes.
        let read = unsafe { arch::copy_nofault(value.as_mut_ptr().cast(), self.0, size_of::<T>()) };
        // SAFETY: All bytes were written, and any are a value.
        read.then(|| unsafe { value.assume_init() })
    }
}

impl<T: Plain> KernelPtr<T> {
    /// A copy of what is there, a word or less; zeros if that cannot be read.
    ///
    /// # Context
    ///
    /// Any.
    #[inline(always)]
    pub fn read_or_zero(self) -> T {
        const {
            assert!(
                matches!(size_of::<T>(), 1 | 2 | 4 | 8) && cfg!(target_endian = "little"),
                "this reads a word"
            );
        }
        let word = arch::word_or_zero(self.0, size_of::<T>());
        // SAFETY: Its lower bytes are its first ones, and any are a value.
        unsafe { (&raw const word).cast::<T>().read_unaligned() }
    }
}

impl<T> KernelPtr<KernelPtr<T>> {
    /// The pointer that is there; null if that cannot be read.
    #[inline(always)]
    pub fn follow(self) -> KernelPtr<T> {
        self.read_or_zero()
    }
}
