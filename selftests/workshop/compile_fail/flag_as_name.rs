// SPDX-License-Identifier: GPL-2.0

//! A name that is a flag.

faultline::params! {
    /// a value
    0o644 hw: int = 0;
}
