// SPDX-License-Identifier: GPL-2.0

//! No default.

faultline::params! {
    /// a value
    0o644 value: int;
}
