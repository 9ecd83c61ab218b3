// SPDX-License-Identifier: GPL-2.0

//! A string without a maximum.

faultline::params! {
    /// a value
    0o644 value: string = "a";
}
