// SPDX-License-Identifier: GPL-2.0

//! Parameters that can only be read.

use core::{
    ffi::CStr,
    fmt, //
};

use crate::module::Info;

use super::{
    page::Page,
    param::{
        Param,
        Refusal, //
    }, //
};

/// A value that a function computes each time it is read.
pub struct Computed {
    compute: fn(&mut dyn fmt::Write) -> fmt::Result,
}

impl Computed {
    /// Makes a parameter of which `compute` writes the value, without a newline.
    #[inline]
    pub const fn new(compute: fn(&mut dyn fmt::Write) -> fmt::Result) -> Self {
        Self { compute }
    }

    #[doc(hidden)]
    #[inline]
    pub const fn describe(self, info: Info) -> Info {
        info
    }
}

impl Param for Computed {
    const TYPE_NAME: &'static str = "readonly";
    const WRITABLE: bool = false;
    // Has `set` called for the name alone too, which logs the reason.
    const NOARG: bool = true;

    fn set(&self, _text: Option<&CStr>) -> Result<(), Refusal> {
        Err(Refusal::Invalid)
    }

    fn show(&self, out: &mut Page<'_>) -> fmt::Result {
        (self.compute)(out)
    }

    fn allowed(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("this can only be read")
    }
}
