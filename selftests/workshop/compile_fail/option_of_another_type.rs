// SPDX-License-Identifier: GPL-2.0

//! An option that the type has not.

faultline::params! {
    /// a value
    0o644 value: bool = true, range(0..=1);
}
