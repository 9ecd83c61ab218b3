// SPDX-License-Identifier: GPL-2.0

//! A range beyond the type.

faultline::params! {
    /// a value
    0o644 value: byte = 0, range(0..=256);
}
