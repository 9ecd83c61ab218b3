// SPDX-License-Identifier: GPL-2.0

//! A default of another type.

faultline::params! {
    /// a value
    0o644 value: int = "7";
}
