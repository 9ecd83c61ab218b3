// SPDX-License-Identifier: GPL-2.0

//! Parameters that are texts in UTF-8, with a check of their own.

use core::{
    ffi::CStr,
    fmt,
    str, //
};

use crate::{
    module::Info,
    text::Text, //
};

use super::{
    bytes::Bytes,
    page::Page,
    param::{
        approve,
        trim_newline,
        OnChangeRef,
        Param,
        Refusal, //
    },
    rcu_value::Guard, //
};

/// A check of texts: a function, and its description in words.
#[derive(Clone, Copy)]
struct Check {
    accepts: fn(&str) -> bool,
    allowed: &'static str,
}

/// A text in UTF-8 of at most `N` bytes, with a check of its own. The newline that `echo` appends
/// is not part of it.
///
/// # Invariants
///
/// The value is UTF-8.
pub struct Str<const N: usize> {
    value: Bytes,
    check: Option<Check>,
    on_change: Option<OnChangeRef<str>>,
}

impl<const N: usize> Str<N> {
    /// Makes a parameter with a default, of at most `N` bytes.
    #[inline]
    #[track_caller]
    pub const fn new(default: &'static str) -> Self {
        // INVARIANT: A `str` is UTF-8.
        Self {
            value: Bytes::new(default, N),
            check: None,
            on_change: None,
        }
    }

    /// Allows the texts for which `accepts` returns true. `allowed` describes them, with a verb.
    #[must_use = "the parameter with the check is returned"]
    #[inline]
    pub const fn check(mut self, accepts: fn(&str) -> bool, allowed: &'static str) -> Self {
        self.check = Some(Check { accepts, allowed });
        self
    }

    /// Has `on_change` called with each new text that the check accepts, before it is set. It may
    /// refuse it.
    #[must_use = "the parameter with the function is returned"]
    #[inline]
    pub const fn on_change(mut self, on_change: OnChangeRef<str>) -> Self {
        self.on_change = Some(on_change);
        self
    }

    /// Returns the current text.
    ///
    /// # Context
    ///
    /// Any.
    pub fn read(&self) -> Guard<'_, str> {
        self.value.read().map(|text| {
            // SAFETY: By the invariant the bytes are UTF-8.
            unsafe { str::from_utf8_unchecked(text) }
        })
    }

    /// Returns a copy of the current text.
    ///
    /// # Context
    ///
    /// Any.
    pub fn copy(&self) -> Text<N> {
        // Texts longer than `N` were refused, so it fits.
        Text::format(format_args!("{}", &*self.read())).unwrap_or_default()
    }

    #[doc(hidden)]
    #[inline]
    pub const fn describe(self, info: Info) -> Info {
        if self.value.default.is_empty() {
            info
        } else {
            info.text(" [default ").text(self.value.default).text("]")
        }
    }
}

impl<const N: usize> Param for Str<N> {
    const TYPE_NAME: &'static str = "string";

    fn set(&self, text: Option<&CStr>) -> Result<(), Refusal> {
        let text = str::from_utf8(trim_newline(text.ok_or(Refusal::Invalid)?));
        let text = text.map_err(|_| Refusal::Invalid)?;
        // The length is part of the check, so the error is `EINVAL`, not C's `ENOSPC`.
        if text.len() > N || self.check.is_some_and(|check| !(check.accepts)(text)) {
            return Err(Refusal::Invalid);
        }
        let copy = Bytes::copy(text.as_bytes(), N)?;
        approve(self.on_change, text)?;
        // INVARIANT: `copy` was made of a `str`.
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
        // SAFETY: `Param::free` is called once, after the last use, so no reader is left.
        unsafe { self.value.free() };
    }
}
