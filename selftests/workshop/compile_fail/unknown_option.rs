// SPDX-License-Identifier: GPL-2.0

//! An option that there is not.

faultline::params! {
    /// a value
    0o644 value: int = 0, rnage(0..=5);
}
