// SPDX-License-Identifier: GPL-2.0

//! An array of what has none.

faultline::params! {
    /// a value
    0o644 value: [duration; 2] = ["1s"];
}
