// SPDX-License-Identifier: GPL-2.0

//! Two parameters of one name.

faultline::params! {
    /// a value
    0o644 value: int = 0;
    /// another
    0o644 other as value: int = 0;
}
