// SPDX-License-Identifier: GPL-2.0

//! A name for users that is none.

faultline::params! {
    /// a value
    0o644 first as "1 st": int = 0;
}
