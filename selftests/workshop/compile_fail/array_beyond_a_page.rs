// SPDX-License-Identifier: GPL-2.0

//! An array that sysfs could not show.

faultline::params! {
    /// a value
    0o644 value: [int; 400] = [1];
}
