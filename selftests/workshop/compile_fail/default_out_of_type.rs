// SPDX-License-Identifier: GPL-2.0

//! A default that the type has not.

faultline::params! {
    /// a value
    0o644 value: byte = 256;
}
