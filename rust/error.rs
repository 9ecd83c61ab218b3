// SPDX-License-Identifier: GPL-2.0

//! Error numbers, as C functions return them.
//!
//! They are our own, since the `kernel` crate knows few of the codes on older
//! kernels, and prints in a way that needs a kernel built with Rust.
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

/// The highest error number.
const MAX_ERRNO: c_int = 4095;

/// An error number.
///
/// # Invariants
///
/// It is from `-MAX_ERRNO` to -1.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Error(NonZeroI32);

/// What may fail, by default with an [`Error`].
pub type Result<T = (), E = Error> = core::result::Result<T, E>;

impl Error {
    /// The error with this number, which is negative; `EINVAL` for a number
    /// that is none of an error.
    pub const fn from_errno(errno: c_int) -> Self {
        match NonZeroI32::new(errno) {
            // INVARIANT: It was just compared.
            Some(errno) if -MAX_ERRNO <= errno.get() && errno.get() < 0 => Self(errno),
            _ => code::EINVAL,
        }
    }

    /// The number, as a C function returns it.
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

/// The errors by their names in C.
pub mod code {
    use crate::compat::ffi::c_int;

    macro_rules! codes {
        ($($name:ident: $meaning:literal;)*) => { $(
            #[doc = $meaning]
            pub const $name: super::Error = {
                let errno = -(crate::compat::bindings::$name as c_int);
                // INVARIANT: The compiler refuses any other number here.
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
        EDEADLK: "It would wait for itself.";
        EEXIST: "It exists already.";
        EILSEQ: "Text that is not encoded as it should be.";
        EINTR: "Interrupted by a signal.";
        EINVAL: "Invalid argument.";
        ENAMETOOLONG: "The name is too long.";
        ENODEV: "No such device.";
        ENOENT: "No such file or directory.";
        ENOMEM: "Out of memory.";
        ENOSPC: "There is no room for it.";
        EOPNOTSUPP: "Not supported.";
        EOVERFLOW: "The value is too large for its type.";
        EPERM: "Operation not permitted.";
        ERANGE: "The number is out of range.";
        EROFS: "It can only be read.";
    }
}

/// Turns the return value of a C function, negative on failure, into a result.
pub(crate) fn to_result(returned: c_int) -> Result<c_int> {
    if returned < 0 {
        Err(Error::from_errno(returned))
    } else {
        Ok(returned)
    }
}

/// Turns a pointer that may carry an error (`ERR_PTR`) into a result.
pub(crate) fn from_err_ptr<T>(pointer: *mut T) -> Result<NonNull<T>> {
    let value = pointer as isize;
    if (-(MAX_ERRNO as isize)..0).contains(&value) {
        // A number of at most four digits loses nothing here.
        return Err(Error::from_errno(value as c_int));
    }
    NonNull::new(pointer).ok_or(code::ENOMEM)
}
