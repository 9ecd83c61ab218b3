// SPDX-License-Identifier: GPL-2.0

//! Reads of the kernel's memory that do not fault on a bad address.
//!
//! The argument of a probed function is only a number, which may or may not be a valid address. A
//! [`KernelPtr`] is such a number with the type of the object there. It can only be read, in the
//! way of `copy_from_kernel_nofault()`, which refuses addresses outside of the kernel's memory and
//! recovers from pages that are not mapped.
//!
//! A read returns a copy. It may be torn or outdated if the memory is written to meanwhile, so only
//! types for which all bytes are valid can be read ([`Plain`]).
//!
//! Reading mapped device memory can have side effects. So a pointer is made only from an argument
//! or the result of a probed call, from a pointer that was read, and by [`KernelPtr::of`], which
//! always looks the address up. An argument can be read directly if it is in the kernel's direct
//! mapping of memory, as all slab objects are, or on the stack of the call. Any other argument
//! cannot be read before it is [looked up](KernelPtr::looked_up), unless its type is a structure
//! that the kernel has in memory only ([`Pointee`]).
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

/// A type for which all bit patterns are valid.
///
/// # Safety
///
/// All bit patterns are valid for the type, and it has no padding.
pub unsafe trait Plain: Copy {}

macro_rules! plain {
    ($($type:ty),*) => { $(
        // SAFETY: All bit patterns are valid for an integer.
        unsafe impl Plain for $type {}
    )* };
}

plain!(u8, u16, u32, u64, usize, i8, i16, i32, i64, isize);

/// A type that an argument can point to.
///
/// # Safety
///
/// If `IS_STRUCTURE` is true, the type is a structure that the kernel has in memory only, never in
/// a device, and functions with such arguments are in the list of prototypes
/// (`rust/bindings/prototypes`), which the build compares with the kernel's.
pub unsafe trait Pointee {
    /// Whether an argument of this pointer type can be read without looking it up.
    const IS_STRUCTURE: bool = false;
}

// SAFETY: `IS_STRUCTURE` is false.
unsafe impl<T: Plain> Pointee for T {}

// SAFETY: An array of elements without padding has none, and all bit patterns are valid for it if
// they are for its elements.
unsafe impl<T: Plain, const N: usize> Plain for [T; N] {}

// SAFETY: It is a number, which only `read` dereferences, by loads that may fault.
unsafe impl<T> Plain for KernelPtr<T> {}

/// A possible address of a `T` in the kernel's memory.
///
/// The top bit of an address that has to be looked up before it is read is cleared, so that it is
/// no address of the kernel.
#[repr(transparent)]
pub struct KernelPtr<T>(usize, PhantomData<*const T>);

/// The top bit of an address. The two top bits are set in addresses of the kernel, and clear in
/// those of user space.
const TOP: usize = 1 << (usize::BITS - 1);

/// The end of the direct mapping of memory, as a signed number: addresses of the kernel are
/// negative. With the initial value no address is in the mapping.
static DIRECT_END: AtomicIsize = AtomicIsize::new(isize::MIN);

/// Returns whether the address is in the direct mapping, which maps memory only.
#[inline(always)]
fn is_direct(address: usize) -> bool {
    (address as isize) < DIRECT_END.load(Ordering::Relaxed)
}

/// Stores the end of the direct mapping; called when the module is loaded.
pub(crate) fn set_up() {
    // SAFETY: The helper reads a variable that does not change after boot.
    let end = unsafe { bindings::faultline_helper_direct_end() };
    DIRECT_END.store(end as isize, Ordering::Relaxed);
}

/// Returns the address for `marked`, whose top bit is cleared; 0 if no memory is mapped there.
#[cold]
#[inline(never)]
fn look_up(marked: usize) -> usize {
    let address = marked | TOP;
    // SAFETY: The helper accepts any number, in any context.
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

    /// Returns the same address in a form that can be read, if any memory of the kernel is mapped
    /// there: its image, a module, `vmalloc()`, another stack. Returns null if nothing is mapped,
    /// or a device.
    ///
    /// An address that has to be looked up costs a walk of the page tables, others a comparison.
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

    /// Returns the address as a number.
    #[inline(always)]
    pub const fn address(self) -> usize {
        self.0 | (self.0 & TOP >> 1) << 1
    }

    /// Returns whether the pointer is null.
    pub const fn is_null(self) -> bool {
        self.0 == 0
    }

    /// Returns the pointer plus an offset in bytes, to a `U`.
    #[inline(always)]
    pub(crate) const fn add<U>(self, bytes: usize) -> KernelPtr<U> {
        KernelPtr::new(self.0.wrapping_add(bytes))
    }
}

impl<T: Plain> KernelPtr<T> {
    /// Returns a pointer to `address`, which may be any number. It is looked up, so that it can be
    /// read if it is in the kernel's memory.
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
    /// Returns a pointer from an argument or the result of a probed function.
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
    /// Returns a copy of the object; `None` if it cannot be read.
    ///
    /// # Context
    ///
    /// Any.
    #[inline(always)]
    pub fn read(self) -> Option<T> {
        let mut value = MaybeUninit::<T>::uninit();
        // SAFETY: `value` has the size of a `T`.
        let read = unsafe { arch::copy_nofault(value.as_mut_ptr().cast(), self.0, size_of::<T>()) };
        // SAFETY: All bytes were written, and `T: Plain` has no invalid bit patterns.
        read.then(|| unsafe { value.assume_init() })
    }
}

impl<T: Plain> KernelPtr<T> {
    /// Returns a copy of the object, which is a word or smaller; zero if it cannot be read.
    ///
    /// # Context
    ///
    /// Any.
    #[inline(always)]
    pub fn read_or_zero(self) -> T {
        const {
            assert!(
                matches!(size_of::<T>(), 1 | 2 | 4 | 8) && cfg!(target_endian = "little"),
                "only 1, 2, 4 or 8 bytes can be read as a word"
            );
        }
        let word = arch::word_or_zero(self.0, size_of::<T>());
        // SAFETY: On little-endian the lower bytes of the word come first, and `T: Plain` has no
        // invalid bit patterns.
        unsafe { (&raw const word).cast::<T>().read_unaligned() }
    }
}

impl<T> KernelPtr<KernelPtr<T>> {
    /// Returns the pointer stored at this address; null if it cannot be read.
    #[inline(always)]
    pub fn follow(self) -> KernelPtr<T> {
        self.read_or_zero()
    }
}
