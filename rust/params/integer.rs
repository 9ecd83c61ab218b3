// SPDX-License-Identifier: GPL-2.0

//! Parameters that are integers: the types of C, with ranges and units.

use core::{
    ffi::CStr,
    fmt::{
        self,
        Write as _, //
    },
    sync::atomic::{
        AtomicI16,
        AtomicI32,
        AtomicIsize,
        AtomicU16,
        AtomicU32,
        AtomicU64,
        AtomicU8,
        AtomicUsize,
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

/// Defines the type of an integer parameter. Texts are parsed by `kstrtoull()` or `kstrtoll()`, so
/// that decimal, hexadecimal and octal numbers, and errors, are those of C.
macro_rules! integer {
    ($name:ident, $atomic:ident, $value:ident, $kind:literal, $wide:ident, $parse:ident, $format:literal, $width:literal) => {
        #[doc = concat!("C's `", $kind, "`, a `", stringify!($value), "`, in a range that includes both ends.")]
        pub struct $name {
            value: $atomic,
            default: $value,
            min: $value,
            max: $value,
            unit: &'static str,
            on_change: Option<OnChange<$value>>,
        }

        impl $name {
            /// Makes a parameter with a default, of which all values are allowed.
            #[inline]
            pub const fn new(default: $value) -> Self {
                Self {
                    value: $atomic::new(default),
                    default,
                    min: $value::MIN,
                    max: $value::MAX,
                    unit: "",
                    on_change: None,
                }
            }

            /// Allows the values from `min` to `max`, both included.
            #[must_use = "the parameter with the range is returned"]
            #[inline]
            #[track_caller]
            pub const fn range(mut self, min: $value, max: $value) -> Self {
                assert!(
                    min <= self.default && self.default <= max,
                    "the default is out of the range"
                );
                self.min = min;
                self.max = max;
                self
            }

            /// Names what the number counts, in the plural, for messages and `modinfo`.
            #[must_use = "the parameter with the unit is returned"]
            #[inline]
            pub const fn unit(mut self, unit: &'static str) -> Self {
                self.unit = unit;
                self
            }

            /// Has `on_change` called with each new value in the range before it is set. It may
            /// refuse it.
            #[must_use = "the parameter with the function is returned"]
            #[inline]
            pub const fn on_change(mut self, on_change: OnChange<$value>) -> Self {
                self.on_change = Some(on_change);
                self
            }

            /// Returns the current value.
            ///
            /// # Context
            ///
            /// Any; it is a single load.
            #[inline]
            pub fn get(&self) -> $value {
                self.value.load(Ordering::Relaxed)
            }

            /// Sets the value from within the module. `on_change` is not called.
            ///
            /// # Context
            ///
            /// Any; it is a single store.
            ///
            /// # Errors
            ///
            /// `ERANGE` if the value is out of range.
            #[inline]
            pub fn store(&self, value: $value) -> crate::error::Result {
                if value < self.min || value > self.max {
                    return Err(code::ERANGE);
                }
                self.value.store(value, Ordering::Relaxed);
                Ok(())
            }

            #[doc(hidden)]
            #[inline]
            pub const fn describe(self, mut info: Info) -> Info {
                let has_range = self.min != $value::MIN || self.max != $value::MAX;
                if !has_range && self.unit.is_empty() {
                    return info;
                }
                info = info.text(" [");
                if !self.unit.is_empty() {
                    info = info.text(self.unit).text(", ");
                }
                if has_range {
                    info = info
                        .number(self.min as i128)
                        .text(" to ")
                        .number(self.max as i128)
                        .text(", ");
                }
                info.text("default ")
                    .number(self.default as i128)
                    .text("]")
            }
        }

        impl Element for $name {
            type Value = $value;
            const TYPE_NAME: &'static str = concat!("array of ", $kind);
            const WIDTH: usize = $width;
            const BLANK: $value = 0;

            fn parse(text: &CStr) -> Result<$value, Refusal> {
                let mut wide: $wide = 0;
                // SAFETY: `text` is a string with NUL, and `wide` an integer of the type that the
                // function writes to.
                to_result(unsafe { bindings::$parse(char_ptr(text), 0, &mut wide) }).map_err(
                    |error| {
                        if error == code::ERANGE {
                            Refusal::OutOfRange
                        } else {
                            Refusal::Invalid
                        }
                    },
                )?;
                $value::try_from(wide).map_err(|_| Refusal::OutOfRange)
            }

            fn show(value: $value, out: &mut Page<'_>) -> fmt::Result {
                write!(out, $format, value)
            }

            fn allowed(out: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(out, "{} to {}", $value::MIN, $value::MAX)
            }
        }

        impl Param for $name {
            const TYPE_NAME: &'static str = $kind;

            fn set(&self, text: Option<&CStr>) -> Result<(), Refusal> {
                let value = <Self as Element>::parse(text.ok_or(Refusal::Invalid)?)?;
                if value < self.min || value > self.max {
                    return Err(Refusal::OutOfRange);
                }
                approve(self.on_change, value)?;
                self.value.store(value, Ordering::Relaxed);
                Ok(())
            }

            fn show(&self, out: &mut Page<'_>) -> fmt::Result {
                <Self as Element>::show(self.get(), out)
            }

            fn allowed(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(out, "{} to {}", self.min, self.max)?;
                if !self.unit.is_empty() {
                    write!(out, " {}", self.unit)?;
                }
                out.write_str(if self.min == self.max {
                    " is allowed"
                } else {
                    " are allowed"
                })
            }
        }
    };
}

integer!(Byte, AtomicU8, u8, "byte", u64, kstrtoull, "{}", 4);
integer!(Short, AtomicI16, i16, "short", i64, kstrtoll, "{}", 7);
integer!(Ushort, AtomicU16, u16, "ushort", u64, kstrtoull, "{}", 6);
integer!(Int, AtomicI32, i32, "int", i64, kstrtoll, "{}", 12);
integer!(Uint, AtomicU32, u32, "uint", u64, kstrtoull, "{}", 11);
integer!(Long, AtomicIsize, isize, "long", i64, kstrtoll, "{}", 21);
integer!(Ulong, AtomicUsize, usize, "ulong", u64, kstrtoull, "{}", 21);
integer!(Ullong, AtomicU64, u64, "ullong", u64, kstrtoull, "{}", 21);
integer!(Hexint, AtomicU32, u32, "hexint", u64, kstrtoull, "{:#08x}", 11);
