// SPDX-License-Identifier: GPL-2.0

//! Permissions that are no number.

faultline::params! {
    /// a value
    S_IRUGO value: int = 0;
}
