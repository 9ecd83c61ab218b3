// SPDX-License-Identifier: GPL-2.0

//! A unit that is no text.

faultline::params! {
    /// a value
    0o644 value: int = 0, unit(5);
}
