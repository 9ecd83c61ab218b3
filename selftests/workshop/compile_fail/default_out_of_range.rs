// SPDX-License-Identifier: GPL-2.0

//! A default that could not be set.

faultline::params! {
    /// a value
    0o644 value: int = 101, range(0..=100);
}
