// SPDX-License-Identifier: GPL-2.0

//! The module's parameters, at load and in sysfs.
//!
//! [`params!`](crate::params!) declares them, one line each:
//!
//! ```no_run
//! # mod example {
//! use faultline::params::{Refusal, Words};
//!
//! #[derive(Words)]
//! pub enum Colour {
//!     Red,
//!     #[word = "dark-green"]
//!     Green,
//! }
//!
//! fn is_even(value: i32) -> Result<(), Refusal> {
//!     if value % 2 == 0 {
//!         Ok(())
//!     } else {
//!         Err(Refusal::because("even numbers are allowed"))
//!     }
//! }
//!
//! faultline::params! {
//!     /// how often, at most
//!     0o644 max_loop_count: int = 100_000, range(0..=i32::MAX);
//!     /// how long it may take
//!     0o644 limit: uint = 10, range(0..=3600), unit("seconds");
//!     /// a number that is even
//!     0o644 even: int = 0, on_change(is_even);
//!     /// do it in any case
//!     0o444 taints force: bool = false;
//!     /// which ports
//!     0o644 ports: [ushort; 4] = [80, 443];
//!     /// what it is called: a name of Rust's own is given another for users
//!     0o644 kind as type: charp<64> = "none";
//!     /// what it looks like
//!     0o644 colour: word<Colour> = "red";
//!     /// how long to wait
//!     0o644 interval: duration = "500ms", range("1ms"..="1h");
//!     /// how long it may still take
//!     0o444 left: computed = |out| write!(out, "{}", limit.get());
//! }
//!
//! fn is_over(seconds: u32) -> bool {
//!     seconds >= limit.get()
//! }
//! # }
//! ```
//!
//! Each is a static of its own type and appears in
//! `/sys/module/<module>/parameters/` with these permissions (0 keeps it out),
//! and in `modinfo` with the comment above it. What a C parameter cannot have
//! (a range, a unit, words), is added to that text by itself, with the default.
//!
//! | word | type | values | read with |
//! |------|------|--------|-----------|
//! | `byte` `short` `ushort` `int` `uint` `long` `ulong` `ullong` | [`Byte`], ... | as in C | `get()` |
//! | `hexint` | [`Hexint`] | a `uint` that is shown in hexadecimal | `get()` |
//! | `bool` `invbool` `bint` `bool_enable_only` | [`Bool`], ... | as in C: `1`, `Y`, `on`, ... | `get()` |
//! | `charp<N>` `string<N>` | [`Charp`], [`CharArray`] | any bytes, at most `N` | `read()` |
//! | `str<N>` | [`Str`] | a text with a check of its own | `read()` |
//! | `[int; N]` and so on | [`Array`], [`Charps`] | up to `N`, with commas | `read()` |
//! | `word<T>` | [`Word`] | one of the words of an enumeration | `get()` |
//! | `cpus` | [`Cpus`] | a list of CPUs: `0,2-3`, `all` | `read()` |
//! | `prefix` | [`Prefix`] | an IPv4 prefix: `10.0.0.0/8` | `get()` |
//! | `duration` | [`Duration`] | a time with its unit: `500ms` | `get()` |
//! | `computed` | [`Computed`] | only read: what a function writes | |
//!
//! A type of your own is given by its path; it is a [`Param`].
//!
//! # Reading
//!
//! `get()` is one load from memory, from any context, an NMI included. `read()`
//! returns a guard, also in any context: the value as it was at this moment,
//! kept by RCU until the guard is dropped. Between the two, nothing may sleep.
//!
//! # Setting
//!
//! A value is parsed as a whole, then shown to the function that `on_change`
//! names, and then it takes the place of the old one at once. Whatever fails
//! before that changes nothing: one line in the log says `refused:
//! <name>=<value>: <what is allowed>`, and the writer, or the loader of the
//! module, gets the error: `EINVAL`, `ERANGE` for a number out of its range,
//! `ENOSPC` for too long a `charp` or `string`, or the function's own.
//!
//! # Context
//!
//! Setting and showing a parameter, and the functions given to one, happen in
//! process context with the module's parameter lock held. Parameters given at
//! load are set before [`Module::init`](crate::module::Module::init); sysfs
//! shows and sets them from just before that until just after the module's
//! object is dropped. So these functions may use nothing but statics.
//!
//! # Lock order
//!
//! The parameter lock comes first: the kernel takes it before it calls one of
//! these functions, which may take any other. Nothing in this library takes it,
//! so no caller of the library can take it while another lock is held.
//!
//! C header: [`include/linux/moduleparam.h`](srctree/include/linux/moduleparam.h)

mod array;
mod computed;
mod cpus;
mod duration;
mod flag;
mod integer;
mod prefix;
mod published;
mod string;
mod sysfs;
mod word;

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

#[doc(inline)]
pub use faultline_macros::Words;

pub use self::{
    array::{
        Array,
        Element, //
    },
    computed::Computed,
    cpus::{
        CpuList,
        Cpus, //
    },
    duration::Duration,
    flag::{
        Bint,
        Bool,
        BoolEnableOnly,
        Invbool, //
    },
    integer::{
        Byte,
        Hexint,
        Int,
        Long,
        Short,
        Uint,
        Ullong,
        Ulong,
        Ushort, //
    },
    prefix::{
        Ipv4Prefix,
        Prefix, //
    },
    published::Guard,
    string::{
        CharArray,
        Charp,
        Charps,
        Str, //
    },
    sysfs::{
        KernelParam,
        Page, //
    },
    word::{
        Word,
        Words, //
    },
};

/// Why a value is refused.
#[derive(Clone, Copy, Debug)]
pub enum Refusal {
    /// It is no value of the type (`EINVAL`).
    Invalid,
    /// It is a number out of the range (`ERANGE`).
    OutOfRange,
    /// It is longer than allowed, of a type of C's (`ENOSPC`).
    TooLong,
    /// With this error, for a reason of its own, if there is one, which is
    /// printed instead of what is allowed.
    Error(Error, Option<&'static str>),
}

impl Refusal {
    /// Refuses with `EINVAL`, for this reason.
    pub const fn because(reason: &'static str) -> Self {
        Self::Error(code::EINVAL, Some(reason))
    }

    /// The error that the writer gets.
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

/// What can be a parameter.
///
/// [`params!`](crate::params!) makes one with `new(default)`, calls the methods that its options
/// name, and calls `const fn describe(self, Info) -> Info` for `modinfo`; all of
/// them have to be `const`.
pub trait Param: Sync {
    /// What `modinfo` calls the type.
    const KIND: &'static str;

    /// May it be writable in sysfs?
    const LIVE: bool = true;

    /// May its name stand alone at load?
    const NOARG: bool = false;

    /// Takes the value that `text` says, `None` being the name alone, or
    /// refuses it and keeps the old one.
    ///
    /// # Errors
    ///
    /// The reason why it refuses.
    fn set(&self, text: Option<&CStr>) -> Result<(), Refusal>;

    /// Writes the value, without a newline.
    ///
    /// # Errors
    ///
    /// Those of `out`.
    fn show(&self, out: &mut Page<'_>) -> fmt::Result;

    /// Writes what is allowed, as the end of a sentence.
    ///
    /// # Errors
    ///
    /// Those of `out`.
    fn allowed(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result;

    /// Gives its memory back.
    ///
    /// # Safety
    ///
    /// It is called once, after which nobody uses the parameter.
    #[doc(hidden)]
    unsafe fn free(&self) {}
}

/// A function that looks at a value before it is taken.
pub type OnChange<T> = fn(T) -> Result<(), Refusal>;

/// A function that looks at a value that is larger than a number.
pub type OnChangeRef<T> = for<'a> fn(&'a T) -> Result<(), Refusal>;

/// Has the function, if there is one, look at the value.
#[inline]
fn ask<T>(on_change: Option<OnChange<T>>, value: T) -> Result<(), Refusal> {
    on_change.map_or(Ok(()), |on_change| on_change(value))
}

/// A text without the newline that `echo` puts at its end.
fn line(text: &CStr) -> &[u8] {
    let text = bytes(text);
    text.strip_suffix(b"\n").unwrap_or(text)
}

/// Checks that only a parameter which can change is writable.
#[doc(hidden)]
#[inline]
#[track_caller]
pub const fn permissions<P: Param>(perm: u16) -> u16 {
    assert!(
        P::LIVE || perm & 0o222 == 0,
        "a parameter of this type can only be read: no write bit is allowed"
    );
    perm
}

/// The code of one parameter.
#[doc(hidden)]
#[macro_export]
macro_rules! __param {
    (
        $(#[$attribute:meta])*
        [$($perm:tt)*] $flags:literal $name:ident $shown:literal $text:literal
        [$($type:tt)*] [$($value:tt)*]
    ) => {
        $(#[$attribute])*
        #[allow(non_upper_case_globals, reason = "this is how users know it")]
        pub(crate) static $name: $($type)* = $($value)*;

        const _: () = {
            #[link_section = "__param"]
            #[used(compiler)]
            static __FAULTLINE_PARAM: $crate::params::KernelParam = $crate::params::KernelParam::new(
                // SAFETY: A name in Rust has no NUL, and one was just added.
                unsafe {
                    ::core::ffi::CStr::from_bytes_with_nul_unchecked(
                        concat!($shown, "\0").as_bytes(),
                    )
                },
                $($perm)*,
                $flags,
                &$name,
            );
        };
        $crate::__modinfo!($crate::module::Info::new(concat!("parmtype=", $shown, ":"))
            .text(<$($type)* as $crate::params::Param>::KIND));
        // No variable here: it could have the name of a parameter.
        $crate::__modinfo!(<$($type)*>::describe(
            $($value)*,
            $crate::module::Info::new(concat!("parm=", $shown, ":", $text)),
        ));
    };
}
