// SPDX-License-Identifier: GPL-2.0

//! Strings of the section `.modinfo`, which are built at compile time.

use core::ffi::CStr;

/// A string of `.modinfo`, which is built at compile time.
///
/// The functions are inline, so that none of them, with their checks that panic, becomes part of a
/// module.
#[doc(hidden)]
#[derive(Clone, Copy)]
pub struct Info {
    bytes: [u8; Self::MAX],
    len: usize,
}

impl Info {
    const MAX: usize = 2048;

    #[doc(hidden)]
    #[inline]
    pub const fn new(text: &str) -> Self {
        let info = Self {
            bytes: [0; Self::MAX],
            len: 0,
        };
        info.text(text)
    }

    /// Appends a text.
    #[doc(hidden)]
    #[must_use = "the string with the addition is returned"]
    #[inline]
    pub const fn text(mut self, text: &str) -> Self {
        let text = text.as_bytes();
        let mut i = 0;
        while i < text.len() {
            self.bytes[self.len] = text[i];
            self.len += 1;
            i += 1;
        }
        self
    }

    /// Appends a number of at most 64 bits.
    #[doc(hidden)]
    #[must_use = "the string with the addition is returned"]
    #[inline]
    pub const fn number(mut self, number: i128) -> Self {
        if number < 0 {
            self = self.text("-");
        }
        let number = number.unsigned_abs() as u64;
        let mut unit = 1;
        while number / unit >= 10 {
            unit *= 10;
        }
        while unit > 0 {
            self.bytes[self.len] = b'0' + (number / unit % 10) as u8;
            self.len += 1;
            unit /= 10;
        }
        self
    }

    /// Takes away a space at the end.
    #[doc(hidden)]
    #[must_use = "the string without it is returned"]
    #[inline]
    pub const fn trimmed(mut self) -> Self {
        if self.len > 0 && self.bytes[self.len - 1] == b' ' {
            self.len -= 1;
            self.bytes[self.len] = 0;
        }
        self
    }

    /// The string, for C: what follows it is NUL.
    #[doc(hidden)]
    #[inline]
    pub const fn as_c_str(&'static self) -> &'static CStr {
        match CStr::from_bytes_until_nul(&self.bytes) {
            Ok(text) => text,
            Err(_) => c"",
        }
    }

    /// Returns the size of the string with its NUL.
    #[doc(hidden)]
    #[inline]
    pub const fn size(&self) -> usize {
        self.len + 1
    }

    /// Returns the string with its NUL.
    #[doc(hidden)]
    #[inline]
    pub const fn array<const N: usize>(&self) -> [u8; N] {
        let mut array = [0; N];
        let mut i = 0;
        while i < self.len {
            array[i] = self.bytes[i];
            i += 1;
        }
        array
    }
}

/// Puts an [`Info`](crate::module::Info) into `.modinfo`.
#[doc(hidden)]
#[macro_export]
macro_rules! __modinfo {
    ($info:expr) => {
        const _: () = {
            // The names must not occur in `$info`.
            const __FAULTLINE_INFO: $crate::module::Info = $info;
            #[link_section = ".modinfo"]
            #[used(compiler)]
            static __FAULTLINE_STRING: [u8; __FAULTLINE_INFO.size()] = __FAULTLINE_INFO.array();
        };
    };
}
