// SPDX-License-Identifier: GPL-2.0

//! Nothing ends it.

faultline::params! {
    /// a value
    0o644 value: int = 0
}
