// SPDX-License-Identifier: GPL-2.0

//! Everything that is taken from the in-tree `kernel` crate.
//!
//! That crate changes with every release and is narrower on older ones, so no
//! other file names it, and this one takes little:
//!
//! - [`Error`], [`Result`] and the codes, since allocation returns them;
//! - [`KBox`], [`KVec`] and [`Arc`], the fallible allocations;
//! - the C types, and the structures of `bindings`, which our own bindings
//!   build on.
//!
//! Printing, module declaration, parameters and threads are our own: those of
//! the `kernel` crate need a kernel that was built with Rust, or do not exist.

use core::{
    ffi::CStr,
    ptr::NonNull, //
};

pub use kernel::{
    alloc::{
        flags::GFP_KERNEL,
        KBox,
        KVec, //
    },
    error::{
        code,
        Error,
        Result, //
    },
    ffi,
    sync::Arc, //
};

pub(crate) use kernel::bindings;

/// The pointer that C wants for a string. What `char` is to Rust differs between
/// `core` and the kernel, and between kernels.
pub(crate) const fn char_ptr(text: &CStr) -> *const ffi::c_char {
    text.to_bytes_with_nul().as_ptr().cast()
}

/// The string that C has at a pointer.
///
/// # Safety
///
/// `text` is a string with NUL, which lives and stays the same as long as `'a`.
pub(crate) unsafe fn c_str<'a>(text: *const ffi::c_char) -> &'a CStr {
    // SAFETY: By the function's requirement, which also says that there is a
    // byte after the length.
    unsafe {
        let len = crate::bindings::strlen(text).wrapping_add(1);
        CStr::from_bytes_with_nul_unchecked(core::slice::from_raw_parts(text.cast(), len))
    }
}

/// The bytes of a string, without its NUL.
pub(crate) fn bytes(text: &CStr) -> &[u8] {
    match text.to_bytes_with_nul() {
        [bytes @ .., _nul] => bytes,
        [] => &[],
    }
}

/// Adds to a vector for which `with_capacity` has reserved the room.
///
/// Unlike `push`, which may have to grow the vector, this is compiled to code
/// without arithmetic that could panic.
///
/// # Errors
///
/// `ENOMEM` if there is no room.
pub fn push<T>(vector: &mut KVec<T>, value: T) -> Result {
    vector.push_within_capacity(value).map_err(|_| code::ENOMEM)
}

/// Turns the return value of a C function, negative on failure, into a result.
pub(crate) fn to_result(returned: ffi::c_int) -> Result<ffi::c_int> {
    if returned < 0 {
        Err(Error::from_errno(returned))
    } else {
        Ok(returned)
    }
}

/// Turns a pointer that may carry an error (`ERR_PTR`) into a result.
///
/// C header: [`include/linux/err.h`](srctree/include/linux/err.h)
pub(crate) fn from_err_ptr<T>(pointer: *mut T) -> Result<NonNull<T>> {
    /// The highest error number that a pointer can carry.
    const MAX_ERRNO: isize = 4095;

    let value = pointer as isize;
    if (-MAX_ERRNO..0).contains(&value) {
        // A number of at most four digits loses nothing here.
        return Err(Error::from_errno(value as ffi::c_int));
    }
    NonNull::new(pointer).ok_or(code::ENOMEM)
}
