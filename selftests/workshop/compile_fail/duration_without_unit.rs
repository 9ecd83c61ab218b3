// SPDX-License-Identifier: GPL-2.0

//! A time without its unit.

faultline::params! {
    /// a value
    0o644 value: duration = "10";
}
