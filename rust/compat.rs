// SPDX-License-Identifier: GPL-2.0

//! Everything that is taken from the in-tree `kernel` crate.
//!
//! That crate changes with every release and is narrower on older ones, so no
//! other file names it, and this one takes little:
//!
//! - [`KBox`], [`KVec`] and [`Arc`], the fallible allocations, with the error
//!   that they return and the flags that they take;
//! - the C types, and the structures of `bindings`, which our own bindings
//!   build on;
//! - `Opaque`, for what C writes to behind a shared reference.
//!
//! The same of it is there in 6.12 and in 7.3, apart from what [`push`] says.
//! What differs is found in the crate's source by `rust/Kbuild`. Errors, printing, module
//! declaration, parameters and threads are our own: those of the `kernel` crate
//! are narrower on older kernels, need a kernel that was built with Rust, or do
//! not exist.

use core::{
    ffi::CStr,
    ptr::NonNull, //
};

pub use kernel::{
    alloc::{
        flags::GFP_KERNEL,
        AllocError,
        KBox,
        KVec, //
    },
    ffi,
    sync::Arc, //
};

pub(crate) use kernel::{
    bindings,
    types::Opaque, //
};

/// The address of what is in a box. Whoever has it owns the box, and gives it back
/// by `KBox::from_raw`.
pub(crate) fn into_raw<T>(content: KBox<T>) -> NonNull<T> {
    // SAFETY: A box has an address, which is not null.
    unsafe { NonNull::new_unchecked(KBox::into_raw(content)) }
}

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
    let text = text.cast::<u8>();
    let mut len: usize = 0;
    // SAFETY: `text` ends with a NUL, so each byte up to it can be read, and it is
    // the byte after the length. (`CStr::from_ptr` has an addition that could panic,
    // and what `strlen` returns is not in the bindings of each architecture.)
    unsafe {
        while text.add(len).read() != 0 {
            len = len.wrapping_add(1);
        }
        CStr::from_bytes_with_nul_unchecked(core::slice::from_raw_parts(text, len.wrapping_add(1)))
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
/// `AllocError` if there is no room.
pub fn push<T>(vector: &mut KVec<T>, value: T) -> Result<(), AllocError> {
    #[cfg(kernel_has = "push_within_capacity")]
    return vector.push_within_capacity(value).map_err(|_| AllocError);

    #[cfg(not(kernel_has = "push_within_capacity"))]
    {
        let len = vector.len();
        if len >= vector.capacity() {
            return Err(AllocError);
        }
        // SAFETY: There is room for one more element, which is written before
        // it is counted.
        unsafe {
            vector.as_mut_ptr().add(len).write(value);
            vector.set_len(len.wrapping_add(1));
        }
        Ok(())
    }
}
