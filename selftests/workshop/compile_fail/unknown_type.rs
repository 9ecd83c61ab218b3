// SPDX-License-Identifier: GPL-2.0

//! A type that there is not.

faultline::params! {
    /// a value
    0o644 value: integer = 0;
}
