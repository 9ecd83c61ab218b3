// SPDX-License-Identifier: GPL-2.0

//! An array with room for nothing.

faultline::params! {
    /// a value
    0o644 value: [int; 0] = [];
}
