// SPDX-License-Identifier: GPL-2.0

//! More defaults than there is room.

faultline::params! {
    /// a value
    0o644 value: [int; 2] = [1, 2, 3];
}
