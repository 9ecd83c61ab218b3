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
//! Pointers come from the arguments and the result of a probed call, from what was
//! read at one, and from a number that is always looked up ([`KernelPtr::of`]). There is no
//! other way to make one, as reading may have effects where a device is mapped. An
//! argument can be read at once if it is in the kernel's direct mapping of memory, as
//! all that the slab allocator gives, or on the stack of the call. Any other reads as
//! what cannot be read until it is [looked up](KernelPtr::looked_up). What is taken for
//! a structure that this library knows needs none of that ([`Pointee`]).
//!
//! C header: [`include/linux/uaccess.h`](srctree/include/linux/uaccess.h)

use core::{
    marker::PhantomData,
    mem::{
        size_of,
        MaybeUninit, //
    },
    sync::atomic::{
        AtomicIsize,
        Ordering, //
    }, //
};

use super::arch;
use crate::bindings;

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

/// What an argument can be a pointer to.
///
/// # Safety
///
/// Where `IS_STRUCTURE` is set, the type stands for a structure that the kernel
/// has in memory only, never in a device, and functions with such arguments are
/// in the list of prototypes (`rust/bindings/prototypes`), which the build
/// compares with the kernel's.
pub unsafe trait Pointee {
    /// Is an argument that is taken for a pointer to it not doubted?
    const IS_STRUCTURE: bool = false;
}

// SAFETY: Nothing is promised of numbers.
unsafe impl<T: Plain> Pointee for T {}

// SAFETY: An array of what has no padding has none, and its elements decide.
unsafe impl<T: Plain, const N: usize> Plain for [T; N] {}

// SAFETY: It is a number; what is there is looked at by `read` alone.
unsafe impl<T> Plain for KernelPtr<T> {}

/// The address of what is taken for a `T` in the kernel's memory.
///
/// One that has to be looked up before it is read has its top bit cleared, and
/// so is no address of the kernel.
#[repr(transparent)]
pub struct KernelPtr<T>(usize, PhantomData<*const T>);

/// Addresses of the kernel have the two top bits set, those of user space none of them.
const TOP: usize = 1 << (usize::BITS - 1);

/// Where the direct mapping of memory has ended, and what is mapped otherwise begins; as a
/// negative number, as which it grows. No address is below the first value.
static DIRECT_END: AtomicIsize = AtomicIsize::new(isize::MIN);

/// Is the address in the direct mapping? That has memory only.
#[inline(always)]
fn is_direct(address: usize) -> bool {
    (address as isize) < DIRECT_END.load(Ordering::Relaxed)
}

/// Notes where the direct mapping ends, when the module is loaded.
pub(crate) fn set_up() {
    // SAFETY: The helper returns what the kernel sets while it boots.
    let end = unsafe { bindings::faultline_helper_direct_end() };
    DIRECT_END.store(end as isize, Ordering::Relaxed);
}

/// The address of which the top bit is cleared, if there is memory, and 0 if not.
#[cold]
#[inline(never)]
fn look_up(marked: usize) -> usize {
    let address = marked | TOP;
    // SAFETY: The helper takes any number, in any context.
    if marked & TOP >> 1 != 0 && unsafe { bindings::faultline_helper_is_memory(address) } {
        address
    } else {
        0
    }
}

impl<T> Clone for KernelPtr<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for KernelPtr<T> {}

// SAFETY: It is a number.
unsafe impl<T> Send for KernelPtr<T> {}

// SAFETY: It is a number, which does not change.
unsafe impl<T> Sync for KernelPtr<T> {}

impl<T> PartialEq for KernelPtr<T> {
    fn eq(&self, other: &Self) -> bool {
        self.address() == other.address()
    }
}

impl<T> KernelPtr<T> {
    /// The null pointer.
    pub const NULL: Self = Self(0, PhantomData);

    pub(crate) const fn new(address: usize) -> Self {
        Self(address, PhantomData)
    }

    /// The same address, to be read wherever the kernel has memory: of its image, of a module, of
    /// `vmalloc()`, of other stacks as well. Null if there is none, or a device.
    ///
    /// This takes a walk through the page tables where it is needed, and a comparison else.
    ///
    /// # Context
    ///
    /// Any.
    #[inline(always)]
    pub fn looked_up(self) -> Self {
        if self.0 & TOP != 0 {
            return self;
        }
        Self::new(look_up(self.0))
    }

    /// The address, as a number.
    #[inline(always)]
    pub const fn address(self) -> usize {
        self.0 | (self.0 & TOP >> 1) << 1
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
    /// What is at this address, which may be any number; it is looked up, so that it can be
    /// read if it is the kernel's memory.
    ///
    /// # Context
    ///
    /// Any.
    #[inline]
    pub fn of(address: usize) -> Self {
        Self::of_argument(address).looked_up()
    }
}

impl<T: Pointee> KernelPtr<T> {
    /// What a probed function was given or returns.
    #[inline(always)]
    pub(crate) fn of_argument(address: usize) -> Self {
        if T::IS_STRUCTURE || arch::is_on_this_stack(address) || is_direct(address) {
            Self::new(address)
        } else {
            Self::new(address & !TOP)
        }
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
