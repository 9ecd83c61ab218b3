// SPDX-License-Identifier: GPL-2.0

//! What is computed cannot be written.

faultline::params! {
    /// a value
    0o644 value: computed = |_| Ok(());
}
