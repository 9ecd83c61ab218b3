// SPDX-License-Identifier: GPL-2.0

//! Parameters that are texts, each with a copy of its own.

use core::{
    ffi::CStr,
    fmt,
    str, //
};

use crate::{
    compat::{
        bytes,
        c_str,
        push,
        KVec,
        GFP_KERNEL, //
    },
    error::Error,
    module::Info,
    text::Text, //
};

use super::{
    ask,
    line,
    published::{
        Block,
        Guard,
        Published, //
    },
    OnChangeRef,
    Page,
    Param,
    Refusal, //
};

/// The bytes that a parameter has now.
///
/// # Invariants
///
/// What is published are bytes of which one is NUL.
struct Value {
    first: &'static str,
    published: Published,
}

impl Value {
    /// A text by default, which is in the module itself.
    #[inline]
    #[track_caller]
    const fn new(first: &'static str, max: usize) -> Self {
        assert!(
            max > 0 && max < Page::ROOM,
            "a text may be declared with 1 to 4094 bytes: sysfs has one page for it"
        );
        assert!(first.len() <= max, "the default is longer than the maximum");
        let mut i = 0;
        while i < first.len() {
            assert!(first.as_bytes()[i] != 0, "the default has a NUL byte");
            i += 1;
        }
        // INVARIANT: Nothing is published.
        Self {
            first,
            published: Published::nothing(),
        }
    }

    /// A copy of these bytes, without NUL, and one.
    fn copy(text: &[u8], max: usize) -> Result<Block, Refusal> {
        if text.len() > max {
            return Err(Refusal::TooLong);
        }
        let mut copy =
            KVec::with_capacity(text.len().wrapping_add(1), GFP_KERNEL).map_err(Error::from)?;
        for &byte in text {
            push(&mut copy, byte).map_err(Error::from)?;
        }
        push(&mut copy, 0).map_err(Error::from)?;
        Block::of_bytes(copy).ok_or(Refusal::Invalid)
    }

    fn read(&self) -> Guard<'_, [u8]> {
        // SAFETY: By the invariant.
        unsafe {
            self.published
                .read(self.first.as_bytes(), |at| bytes(c_str(at.cast())))
        }
    }

    fn publish(&self, copy: Block) {
        // INVARIANT: `copy` has made it.
        self.published.publish(copy);
    }
}

/// Makes the type of a text that is any bytes, as C has it.
macro_rules! any_bytes {
    ($(#[$doc:meta])* $name:ident, $kind:literal) => {
        $(#[$doc])*
        pub struct $name<const N: usize> {
            value: Value,
            on_change: Option<OnChangeRef<[u8]>>,
        }

        impl<const N: usize> $name<N> {
            /// A text with this default, of at most `N` bytes.
            #[inline]
            #[track_caller]
            pub const fn new(default: &'static str) -> Self {
                Self {
                    value: Value::new(default, N),
                    on_change: None,
                }
            }

            /// Has a function look at each text that is given, before it is
            /// taken. It may refuse it.
            #[must_use = "the parameter with the function is returned"]
            #[inline]
            pub const fn on_change(mut self, on_change: OnChangeRef<[u8]>) -> Self {
                self.on_change = Some(on_change);
                self
            }

            /// The bytes.
            ///
            /// # Context
            ///
            /// Any.
            pub fn read(&self) -> Guard<'_, [u8]> {
                self.value.read()
            }

            #[doc(hidden)]
            #[inline]
            pub const fn describe(self, info: Info) -> Info {
                info
            }
        }

        impl<const N: usize> Param for $name<N> {
            const KIND: &'static str = $kind;

            fn set(&self, text: Option<&CStr>) -> Result<(), Refusal> {
                let text = bytes(text.ok_or(Refusal::Invalid)?);
                let copy = Value::copy(text, N)?;
                ask(self.on_change, text)?;
                self.value.publish(copy);
                Ok(())
            }

            fn show(&self, out: &mut Page<'_>) -> fmt::Result {
                out.write_bytes(&self.read())
            }

            fn allowed(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(out, "at most {N} bytes are allowed")
            }

            unsafe fn free(&self) {
                // SAFETY: The parameter is freed once, when nobody can read it any more.
                unsafe { self.value.published.free() };
            }
        }
    };
}

any_bytes! {
    /// A text of at most `N` bytes, of C's type `charp`. As in C, the newline
    /// that `echo` writes is part of it.
    Charp, "charp"
}

any_bytes! {
    /// A text of at most `N` bytes, of the type that C declares with
    /// `module_param_string` and a buffer of `N + 1` bytes. As in C, the newline
    /// that `echo` writes is part of it.
    CharArray, "string"
}

/// The longest text of an array of them, as of a single one in C.
const ELEMENT_MAX: usize = 1024;

/// Up to `N` texts with commas between them, of C's type `array of charp`. None
/// of them can have a comma in it.
pub struct Charps<const N: usize> {
    value: Value,
    /// By default there are none, which differs from one that is empty.
    is_empty: bool,
    on_change: Option<OnChangeRef<[u8]>>,
}

impl<const N: usize> Charps<N> {
    /// Texts with this default, which is written with commas: `"a,b"`. The empty
    /// one is none at all.
    #[inline]
    #[track_caller]
    pub const fn new(default: &'static str) -> Self {
        assert!(N > 0, "an array has room for at least one element");
        let mut commas = 0;
        let mut i = 0;
        while i < default.len() {
            if default.as_bytes()[i] == b',' {
                commas += 1;
            }
            i += 1;
        }
        assert!(
            commas < N,
            "the default has more elements than the array has room for"
        );
        Self {
            value: Value::new(default, Page::ROOM - 1),
            is_empty: default.is_empty(),
            on_change: None,
        }
    }

    /// Has a function look at the texts that are given, with their commas,
    /// before they are taken. It may refuse them.
    #[must_use = "the parameter with the function is returned"]
    #[inline]
    pub const fn on_change(mut self, on_change: OnChangeRef<[u8]>) -> Self {
        self.on_change = Some(on_change);
        self
    }

    /// The texts with their commas, to be [split](slice::split) there.
    ///
    /// # Context
    ///
    /// Any.
    pub fn read(&self) -> Guard<'_, [u8]> {
        self.value.read()
    }

    /// How many texts there are.
    ///
    /// # Context
    ///
    /// Any.
    pub fn count(&self) -> usize {
        if self.is_absent() {
            return 0;
        }
        self.read().split(|&byte| byte == b',').count()
    }

    /// There are no texts, not even an empty one.
    fn is_absent(&self) -> bool {
        self.is_empty && self.value.published.is_nothing()
    }

    #[doc(hidden)]
    #[inline]
    pub const fn describe(self, info: Info) -> Info {
        info
    }
}

impl<const N: usize> Param for Charps<N> {
    const KIND: &'static str = "array of charp";

    fn set(&self, text: Option<&CStr>) -> Result<(), Refusal> {
        let text = bytes(text.ok_or(Refusal::Invalid)?);
        for (place, element) in text.split(|&byte| byte == b',').enumerate() {
            if place >= N {
                return Err(Refusal::Invalid);
            }
            if element.len() > ELEMENT_MAX {
                return Err(Refusal::TooLong);
            }
        }
        let copy = Value::copy(text, Page::ROOM - 1)?;
        ask(self.on_change, text)?;
        self.value.publish(copy);
        Ok(())
    }

    fn show(&self, out: &mut Page<'_>) -> fmt::Result {
        if self.is_absent() {
            return out.absent();
        }
        out.write_bytes(&self.read())
    }

    fn allowed(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            out,
            "1 to {N} texts with commas, each of at most {ELEMENT_MAX} bytes, are allowed"
        )
    }

    unsafe fn free(&self) {
        // SAFETY: The parameter is freed once, when nobody can read it any more.
        unsafe { self.value.published.free() };
    }
}

/// Which texts are allowed, for the computer and for people.
#[derive(Clone, Copy)]
struct Check {
    accepts: fn(&str) -> bool,
    allowed: &'static str,
}

/// A text in UTF-8 of at most `N` bytes, with a check of its own. The newline
/// that `echo` writes is not part of it.
///
/// # Invariants
///
/// The value is UTF-8.
pub struct Str<const N: usize> {
    value: Value,
    check: Option<Check>,
    on_change: Option<OnChangeRef<str>>,
}

impl<const N: usize> Str<N> {
    /// A text with this default, of at most `N` bytes.
    #[inline]
    #[track_caller]
    pub const fn new(default: &'static str) -> Self {
        // INVARIANT: A `str` is UTF-8.
        Self {
            value: Value::new(default, N),
            check: None,
            on_change: None,
        }
    }

    /// Allows those texts for which `accepts` says so. `allowed` says in words which
    /// ones these are, with a verb.
    #[must_use = "the parameter with the check is returned"]
    #[inline]
    pub const fn check(mut self, accepts: fn(&str) -> bool, allowed: &'static str) -> Self {
        self.check = Some(Check { accepts, allowed });
        self
    }

    /// Has a function look at each text that the check accepts, before it is
    /// taken. It may refuse it.
    #[must_use = "the parameter with the function is returned"]
    #[inline]
    pub const fn on_change(mut self, on_change: OnChangeRef<str>) -> Self {
        self.on_change = Some(on_change);
        self
    }

    /// The text.
    ///
    /// # Context
    ///
    /// Any.
    pub fn read(&self) -> Guard<'_, str> {
        self.value.read().map(|text| {
            // SAFETY: By the invariant.
            unsafe { str::from_utf8_unchecked(text) }
        })
    }

    /// A copy of the text.
    ///
    /// # Context
    ///
    /// Any.
    pub fn copy(&self) -> Text<N> {
        // It fits: it is not longer than that.
        Text::format(format_args!("{}", &*self.read())).unwrap_or_default()
    }

    #[doc(hidden)]
    #[inline]
    pub const fn describe(self, info: Info) -> Info {
        if self.value.first.is_empty() {
            info
        } else {
            info.text(" [default ").text(self.value.first).text("]")
        }
    }
}

impl<const N: usize> Param for Str<N> {
    const KIND: &'static str = "string";

    fn set(&self, text: Option<&CStr>) -> Result<(), Refusal> {
        let text = str::from_utf8(line(text.ok_or(Refusal::Invalid)?));
        let text = text.map_err(|_| Refusal::Invalid)?;
        // Unlike those of C, it is checked, and its length is part of that.
        if text.len() > N || self.check.is_some_and(|check| !(check.accepts)(text)) {
            return Err(Refusal::Invalid);
        }
        let copy = Value::copy(text.as_bytes(), N)?;
        ask(self.on_change, text)?;
        // INVARIANT: It is a copy of UTF-8.
        self.value.publish(copy);
        Ok(())
    }

    fn show(&self, out: &mut Page<'_>) -> fmt::Result {
        out.write_bytes(&self.value.read())
    }

    fn allowed(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.check {
            Some(Check { allowed, .. }) => write!(out, "{allowed}, in at most {N} bytes"),
            None => write!(out, "UTF-8 in at most {N} bytes is allowed"),
        }
    }

    unsafe fn free(&self) {
        // SAFETY: The parameter is freed once, when nobody can read it any more.
        unsafe { self.value.published.free() };
    }
}
