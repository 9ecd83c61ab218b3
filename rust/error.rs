// SPDX-License-Identifier: GPL-2.0

//! Error numbers, as C functions return them.
//!
//! Our own: `kernel::error` of 6.12 lacks `EDEADLK`, `EILSEQ`, `ENAMETOOLONG`, `EOPNOTSUPP` and
//! `EOVERFLOW`, and its `from_errno()` prints, which takes a kernel that was built with Rust.
//!
//! C header: [`include/linux/err.h`](srctree/include/linux/err.h)

use core::{
    fmt,
    num::NonZeroI32,
    ptr::NonNull, //
};

use crate::compat::{
    self,
    ffi::c_int,
    AllocError, //
};

/// The greatest error number.
const MAX_ERRNO: c_int = 4095;

/// An error number.
///
/// # Invariants
///
/// The number is from `-MAX_ERRNO` to -1.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Error(NonZeroI32);

/// A result, by default with an [`Error`].
pub type Result<T = (), E = Error> = core::result::Result<T, E>;

impl Error {
    /// Returns the error with this negative number; `EINVAL` if there is none.
    pub const fn from_errno(errno: c_int) -> Self {
        match NonZeroI32::new(errno) {
            // INVARIANT: The number was compared with both ends.
            Some(errno) if -MAX_ERRNO <= errno.get() && errno.get() < 0 => Self(errno),
            _ => code::EINVAL,
        }
    }

    /// Returns the number as a C function does: negative.
    pub const fn to_errno(self) -> c_int {
        self.0.get()
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Error({})", self.0)
    }
}

impl From<AllocError> for Error {
    fn from(_: AllocError) -> Self {
        code::ENOMEM
    }
}

impl From<compat::Error> for Error {
    fn from(error: compat::Error) -> Self {
        Self::from_errno(error.to_errno())
    }
}

/// The errors by their names in C, as far as they are used.
pub mod code {
    use crate::compat::ffi::c_int;

    macro_rules! codes {
        ($($name:ident: $meaning:literal;)*) => { $(
            #[doc = $meaning]
            pub const $name: super::Error = {
                let errno = -(crate::compat::bindings::$name as c_int);
                // INVARIANT: Other numbers fail the assertion, at compile time.
                assert!(-super::MAX_ERRNO <= errno && errno < 0);
                match core::num::NonZeroI32::new(errno) {
                    Some(errno) => super::Error(errno),
                    None => unreachable!(),
                }
            };
        )* };
    }

    codes! {
        EBUSY: "Device or resource busy.";
        EDEADLK: "Resource deadlock would occur.";
        EEXIST: "File exists.";
        EFAULT: "Bad address.";
        EILSEQ: "Illegal byte sequence.";
        EINTR: "Interrupted system call.";
        EINVAL: "Invalid argument.";
        ENAMETOOLONG: "File name too long.";
        ENODEV: "No such device.";
        ENOENT: "No such file or directory.";
        ENOMEM: "Out of memory.";
        ENOSPC: "No space left on device.";
        EOPNOTSUPP: "Operation not supported.";
        EOVERFLOW: "Value too large for defined data type.";
        EPERM: "Operation not permitted.";
        ERANGE: "Math result not representable.";
        EROFS: "Read-only file system.";
    }
}

/// Turns the return value of a C function, which is negative on failure, into a result.
pub(crate) fn to_result(returned: c_int) -> Result<c_int> {
    if returned < 0 {
        Err(Error::from_errno(returned))
    } else {
        Ok(returned)
    }
}

/// Turns a pointer that may be an `ERR_PTR` into a result. Null is `ENOMEM`.
pub(crate) fn from_err_ptr<T>(pointer: *mut T) -> Result<NonNull<T>> {
    let value = pointer as isize;
    if (-(MAX_ERRNO as isize)..0).contains(&value) {
        // The range is that of error numbers, so the cast is lossless.
        return Err(Error::from_errno(value as c_int));
    }
    NonNull::new(pointer).ok_or(code::ENOMEM)
}
