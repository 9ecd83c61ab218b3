// SPDX-License-Identifier: GPL-2.0

//! Parameters that are flags: `bool`, `invbool`, `bint` and `bool_enable_only`, as in C.

use core::{
    ffi::CStr,
    fmt,
    sync::atomic::{
        AtomicBool,
        Ordering, //
    }, //
};

use crate::{
    bindings,
    compat::char_ptr,
    error::{
        code,
        to_result, //
    },
    module::Info, //
};

use super::{
    array::Element,
    page::Page,
    param::{
        approve,
        OnChange,
        Param,
        Refusal, //
    }, //
};

/// Parses a flag as C does: by its first characters, as `1`, `Y`, `on`, `0`, `N`, `of`.
fn parse(text: &CStr) -> Result<bool, Refusal> {
    let mut value = false;
    // SAFETY: `text` is a string with NUL, and `value` a `bool` that may be written to.
    to_result(unsafe { bindings::kstrtobool(char_ptr(text), &mut value) })
        .map_err(|_| Refusal::Invalid)?;
    Ok(value)
}

/// Defines the type of a flag: how its value follows from what was given, and how it is shown.
macro_rules! flag {
    (
        $(#[$doc:meta])*
        $name:ident, $kind:literal, $noarg:literal, $from:expr, $true:literal, $false:literal
    ) => {
        $(#[$doc])*
        pub struct $name {
            value: AtomicBool,
            on_change: Option<OnChange<bool>>,
        }

        impl $name {
            /// Makes a flag with a default.
            #[inline]
            pub const fn new(default: bool) -> Self {
                Self {
                    value: AtomicBool::new(default),
                    on_change: None,
                }
            }

            /// Has `on_change` called with each new value before it is set. It may refuse it.
            #[must_use = "the parameter with the function is returned"]
            #[inline]
            pub const fn on_change(mut self, on_change: OnChange<bool>) -> Self {
                self.on_change = Some(on_change);
                self
            }

            /// Returns the current value.
            ///
            /// # Context
            ///
            /// Any; it is a single load.
            #[inline]
            pub fn get(&self) -> bool {
                self.value.load(Ordering::Relaxed)
            }

            /// Sets the value from within the module. `on_change` is not called.
            ///
            /// # Context
            ///
            /// Any; it is a single store.
            #[inline]
            pub fn store(&self, value: bool) {
                self.value.store(value, Ordering::Relaxed);
            }

            #[doc(hidden)]
            #[inline]
            pub const fn describe(self, info: Info) -> Info {
                info
            }
        }

        impl Param for $name {
            const TYPE_NAME: &'static str = $kind;
            const NOARG: bool = $noarg;

            fn set(&self, text: Option<&CStr>) -> Result<(), Refusal> {
                let given = match text {
                    Some(text) => parse(text)?,
                    None if Self::NOARG => true,
                    None => return Err(Refusal::Invalid),
                };
                let from: fn(&Self, bool) -> Result<bool, Refusal> = $from;
                let value = from(self, given)?;
                approve(self.on_change, value)?;
                self.value.store(value, Ordering::Relaxed);
                Ok(())
            }

            fn show(&self, out: &mut Page<'_>) -> fmt::Result {
                out.write_bytes(if self.get() { $true } else { $false })
            }

            fn allowed(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                out.write_str("0 and 1, or n and y, are allowed")
            }
        }
    };
}

flag! {
    /// A flag. At load, its name alone sets it.
    Bool, "bool", true, |_, given| Ok(given), b"Y", b"N"
}

flag! {
    /// A flag whose value is the opposite of what users write and read.
    Invbool, "invbool", false, |_, given| Ok(!given), b"N", b"Y"
}

flag! {
    /// A flag that is shown as `1` or `0`.
    Bint, "bint", true, |_, given| Ok(given), b"1", b"0"
}

flag! {
    /// A flag that cannot be cleared once it is set (`EROFS`).
    BoolEnableOnly,
    "bool_enable_only",
    true,
    |flag, given| if flag.get() && !given {
        Err(Refusal::Error(
            code::EROFS,
            Some("it was set, which cannot be taken back"),
        ))
    } else {
        Ok(given)
    },
    b"Y",
    b"N"
}

impl Element for Bool {
    type Value = bool;
    const TYPE_NAME: &'static str = "array of bool";
    const WIDTH: usize = 2;
    const BLANK: bool = false;

    fn parse(text: &CStr) -> Result<bool, Refusal> {
        parse(text)
    }

    fn show(value: bool, out: &mut Page<'_>) -> fmt::Result {
        out.write_bytes(if value { b"Y" } else { b"N" })
    }

    fn allowed(out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("0 or 1")
    }
}
