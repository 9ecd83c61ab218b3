// SPDX-License-Identifier: GPL-2.0

//! There is nothing to execute.

faultline::params! {
    /// a value
    0o755 value: int = 0;
}
