// SPDX-License-Identifier: GPL-2.0

//! An option that says nothing.

faultline::params! {
    /// a value
    0o644 value: int = 0, unit;
}
