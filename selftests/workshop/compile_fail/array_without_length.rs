// SPDX-License-Identifier: GPL-2.0

//! An array without a maximum.

faultline::params! {
    /// a value
    0o644 value: [int] = [1];
}
