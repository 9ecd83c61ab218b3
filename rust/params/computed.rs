// SPDX-License-Identifier: GPL-2.0

//! Values that are only read.

use core::{
    ffi::CStr,
    fmt, //
};

use crate::module::Info;

use super::{
    Page,
    Param,
    Refusal, //
};

/// A value that is only read: what a function writes when it is asked.
pub struct Computed {
    compute: fn(&mut dyn fmt::Write) -> fmt::Result,
}

impl Computed {
    /// The value that `compute` writes, without a newline.
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
    const KIND: &'static str = "readonly";
    const LIVE: bool = false;
    // So that the name alone is refused with a line of ours as well.
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
