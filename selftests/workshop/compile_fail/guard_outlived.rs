// SPDX-License-Identifier: GPL-2.0

//! A text that outlives its guard.

faultline::params! {
    /// a value
    0o644 value: str<8> = "a";
}

/// The text, after the guard is gone.
pub fn text() -> &'static str {
    &*value.read()
}
