// SPDX-License-Identifier: GPL-2.0

//! A default that could not be set, by a constant.

/// The default.
const DEFAULT: i32 = 101;

faultline::params! {
    /// a value
    0o644 value: int = DEFAULT, range(0..=100);
}
