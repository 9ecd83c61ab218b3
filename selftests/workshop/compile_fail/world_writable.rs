// SPDX-License-Identifier: GPL-2.0

//! Everybody may write.

faultline::params! {
    /// a value
    0o666 value: int = 0;
}
