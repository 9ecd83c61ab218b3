// SPDX-License-Identifier: GPL-2.0

//! A type says that it cannot be written.

use core::{
    ffi::CStr,
    fmt, //
};

use faultline::{
    module::Info,
    params::{
        Page,
        Param,
        Refusal, //
    }, //
};

/// A parameter that never changes.
pub struct Fixed(u32);

impl Fixed {
    /// With this value.
    pub const fn new(value: u32) -> Self {
        Self(value)
    }

    /// Nothing is to be added.
    pub const fn describe(self, info: Info) -> Info {
        info
    }
}

impl Param for Fixed {
    const TYPE_NAME: &'static str = "fixed";
    const WRITABLE: bool = false;

    fn set(&self, _text: Option<&CStr>) -> Result<(), Refusal> {
        Err(Refusal::Invalid)
    }

    fn show(&self, out: &mut Page<'_>) -> fmt::Result {
        fmt::Write::write_fmt(out, format_args!("{}", self.0))
    }

    fn allowed(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("nothing is")
    }
}

faultline::params! {
    /// a value
    0o644 fixed_value: crate::Fixed = 7;
}
