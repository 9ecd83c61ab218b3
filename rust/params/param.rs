// SPDX-License-Identifier: GPL-2.0

//! What each type of parameter implements, and how it refuses a value.

use core::{
    ffi::CStr,
    fmt, //
};

use crate::{
    compat::bytes,
    error::{
        code,
        Error, //
    }, //
};

use super::page::Page;

/// Why a value is refused.
#[derive(Clone, Copy, Debug)]
pub enum Refusal {
    /// The text is no value of the type (`EINVAL`).
    Invalid,
    /// The number is out of range (`ERANGE`).
    OutOfRange,
    /// The text is longer than a type of C's allows (`ENOSPC`).
    TooLong,
    /// Another error. The reason, if there is one, is printed instead of what is allowed.
    Error(Error, Option<&'static str>),
}

impl Refusal {
    /// Refuses with `EINVAL`, for this reason.
    pub const fn because(reason: &'static str) -> Self {
        Self::Error(code::EINVAL, Some(reason))
    }

    /// Returns the error that the writer gets.
    pub const fn error(self) -> Error {
        match self {
            Self::Invalid => code::EINVAL,
            Self::OutOfRange => code::ERANGE,
            Self::TooLong => code::ENOSPC,
            Self::Error(error, _) => error,
        }
    }
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        Self::Error(error, None)
    }
}

/// A type of parameter.
///
/// [`params!`](crate::params!) constructs one with `new(default)`, calls the methods that its
/// options name, and calls `const fn describe(self, Info) -> Info` for `modinfo`. All of them must
/// be `const`.
pub trait Param: Sync {
    /// The type's name in `modinfo`.
    const TYPE_NAME: &'static str;

    /// Whether the value can be set. If not, the parameter must not be writable in sysfs.
    const WRITABLE: bool = true;

    /// Whether the parameter's name alone sets it at load.
    const NOARG: bool = false;

    /// Sets the value to what `text` says. `None` stands for the name alone.
    ///
    /// # Errors
    ///
    /// Why the value is refused; the parameter keeps its old one.
    fn set(&self, text: Option<&CStr>) -> Result<(), Refusal>;

    /// Writes the value, without a newline.
    ///
    /// # Errors
    ///
    /// Those of `out`.
    fn show(&self, out: &mut Page<'_>) -> fmt::Result;

    /// Writes which values are allowed, as the end of a sentence.
    ///
    /// # Errors
    ///
    /// Those of `out`.
    fn allowed(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result;

    /// Frees the memory of the value.
    ///
    /// # Safety
    ///
    /// Must be called at most once, and the parameter must not be used after it.
    #[doc(hidden)]
    unsafe fn free(&self) {}
}

/// A function that is called with each new value, and may refuse it.
pub type OnChange<T> = fn(T) -> Result<(), Refusal>;

/// The same for values that are passed by reference.
pub type OnChangeRef<T> = for<'a> fn(&'a T) -> Result<(), Refusal>;

/// Calls `on_change`, if there is one.
#[inline]
pub(super) fn approve<T>(on_change: Option<OnChange<T>>, value: T) -> Result<(), Refusal> {
    on_change.map_or(Ok(()), |on_change| on_change(value))
}

/// Returns the bytes of `text` without the newline that `echo` appends.
pub(super) fn trim_newline(text: &CStr) -> &[u8] {
    let text = bytes(text);
    text.strip_suffix(b"\n").unwrap_or(text)
}

/// Checks at compile time that a parameter whose type cannot be set is not writable in sysfs.
#[doc(hidden)]
#[inline]
#[track_caller]
pub const fn permissions<P: Param>(perm: u16) -> u16 {
    assert!(
        P::WRITABLE || perm & 0o222 == 0,
        "a parameter of this type is read-only: no write bit is allowed"
    );
    perm
}
