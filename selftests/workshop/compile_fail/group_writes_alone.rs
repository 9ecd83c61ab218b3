// SPDX-License-Identifier: GPL-2.0

//! The group may write what the user may not.

faultline::params! {
    /// a value
    0o464 value: int = 0;
}
