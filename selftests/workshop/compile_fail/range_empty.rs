// SPDX-License-Identifier: GPL-2.0

//! A range with nothing in it.

faultline::params! {
    /// a value
    0o644 value: int = 0, range(5..=1);
}
