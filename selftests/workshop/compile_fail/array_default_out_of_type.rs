// SPDX-License-Identifier: GPL-2.0

//! A default that an element cannot have.

faultline::params! {
    /// a value
    0o644 value: [byte; 2] = [1, 256];
}
