// SPDX-License-Identifier: GPL-2.0

//! Parameters that are texts of C's kind: `charp`, `string`, and arrays of `charp`.

use core::{
    ffi::CStr,
    fmt, //
};

use crate::{
    compat::bytes,
    module::Info, //
};

use super::{
    bytes::Bytes,
    page::Page,
    param::{
        approve,
        OnChangeRef,
        Param,
        Refusal, //
    },
    rcu_value::Guard, //
};

/// Defines the type of a text that may be any bytes but NUL, as in C.
macro_rules! any_bytes {
    ($(#[$doc:meta])* $name:ident, $kind:literal) => {
        $(#[$doc])*
        pub struct $name<const N: usize> {
            value: Bytes,
            on_change: Option<OnChangeRef<[u8]>>,
        }

        impl<const N: usize> $name<N> {
            /// Makes a parameter with a default, of at most `N` bytes.
            #[inline]
            #[track_caller]
            pub const fn new(default: &'static str) -> Self {
                Self {
                    value: Bytes::new(default, N),
                    on_change: None,
                }
            }

            /// Has `on_change` called with each new text before it is set. It may refuse it.
            #[must_use = "the parameter with the function is returned"]
            #[inline]
            pub const fn on_change(mut self, on_change: OnChangeRef<[u8]>) -> Self {
                self.on_change = Some(on_change);
                self
            }

            /// Returns the current bytes.
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
            const TYPE_NAME: &'static str = $kind;

            fn set(&self, text: Option<&CStr>) -> Result<(), Refusal> {
                let text = bytes(text.ok_or(Refusal::Invalid)?);
                let copy = Bytes::copy(text, N)?;
                approve(self.on_change, text)?;
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
                // SAFETY: `Param::free` is called once, after the last use, so no reader is left.
                unsafe { self.value.free() };
            }
        }
    };
}

any_bytes! {
    /// A text of at most `N` bytes, as C's `charp`. As in C, the newline that `echo` appends is
    /// part of it.
    Charp, "charp"
}

any_bytes! {
    /// A text of at most `N` bytes, as C's `module_param_string` with a buffer of `N + 1` bytes. As
    /// in C, the newline that `echo` appends is part of it.
    CharArray, "string"
}

/// The longest text in an array: the limit that C has for a single `charp`.
const ELEMENT_MAX: usize = 1024;

/// Up to `N` texts separated by commas, as C's array of `charp`. None of them can contain a comma.
pub struct Charps<const N: usize> {
    value: Bytes,
    /// Whether the default is no text at all, as opposed to one empty text.
    is_empty: bool,
    on_change: Option<OnChangeRef<[u8]>>,
}

impl<const N: usize> Charps<N> {
    /// Makes a parameter with a default, separated by commas: `"a,b"`. The empty one is no text at
    /// all.
    #[inline]
    #[track_caller]
    pub const fn new(default: &'static str) -> Self {
        assert!(N > 0, "an array has at least one element");
        let mut commas = 0;
        let mut i = 0;
        while i < default.len() {
            if default.as_bytes()[i] == b',' {
                commas += 1;
            }
            i += 1;
        }
        assert!(commas < N, "the default has more elements than the array");
        Self {
            value: Bytes::new(default, Page::ROOM - 1),
            is_empty: default.is_empty(),
            on_change: None,
        }
    }

    /// Has `on_change` called with new texts, separated by commas, before they are set. It may
    /// refuse them.
    #[must_use = "the parameter with the function is returned"]
    #[inline]
    pub const fn on_change(mut self, on_change: OnChangeRef<[u8]>) -> Self {
        self.on_change = Some(on_change);
        self
    }

    /// Returns the current texts, separated by commas.
    ///
    /// # Context
    ///
    /// Any.
    pub fn read(&self) -> Guard<'_, [u8]> {
        self.value.read()
    }

    /// Returns the number of texts.
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

    /// Returns whether there is no text, not even an empty one.
    fn is_absent(&self) -> bool {
        self.is_empty && self.value.is_default()
    }

    #[doc(hidden)]
    #[inline]
    pub const fn describe(self, info: Info) -> Info {
        info
    }
}

impl<const N: usize> Param for Charps<N> {
    const TYPE_NAME: &'static str = "array of charp";

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
        let copy = Bytes::copy(text, Page::ROOM - 1)?;
        approve(self.on_change, text)?;
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
        // SAFETY: `Param::free` is called once, after the last use, so no reader is left.
        unsafe { self.value.free() };
    }
}
