// SPDX-License-Identifier: GPL-2.0

//! A text in an array with a comma.

faultline::params! {
    /// a value
    0o644 value: [charp; 4] = ["a", "b,c"];
}
