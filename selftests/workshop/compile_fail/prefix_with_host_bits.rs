// SPDX-License-Identifier: GPL-2.0

//! A prefix with bits behind its length.

faultline::params! {
    /// a value
    0o644 value: prefix = "10.1.0.0/8";
}
