// SPDX-License-Identifier: GPL-2.0

//! The group may read what the user may not.

faultline::params! {
    /// a value
    0o040 value: int = 0;
}
