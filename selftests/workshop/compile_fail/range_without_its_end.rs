// SPDX-License-Identifier: GPL-2.0

//! A range that does not include its end.

faultline::params! {
    /// a value
    0o644 value: int = 0, range(0..100);
}
