// SPDX-License-Identifier: GPL-2.0

//! Permissions that are not octal.

faultline::params! {
    /// a value
    644 value: int = 0;
}
