// SPDX-License-Identifier: GPL-2.0

//! A time out of its range.

faultline::params! {
    /// a value
    0o644 value: duration = "2s", range("1ms"..="1s");
}
