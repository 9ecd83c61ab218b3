// SPDX-License-Identifier: GPL-2.0

//! A type that takes no length.

faultline::params! {
    /// a value
    0o644 value: int<4> = 0;
}
