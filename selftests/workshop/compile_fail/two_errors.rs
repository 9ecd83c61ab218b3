// SPDX-License-Identifier: GPL-2.0

//! The second error is shown, too.

faultline::params! {
    /// a value
    0o666 value: int = 0;
    /// another
    0o644 other: integer = 0;
    /// one that is right
    0o644 right: int = 0;
}
