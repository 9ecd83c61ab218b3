// SPDX-License-Identifier: GPL-2.0

//! A name that is none.

faultline::params! {
    /// a value
    0o644 1st: int = 0;
}
