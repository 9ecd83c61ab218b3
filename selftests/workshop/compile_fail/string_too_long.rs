// SPDX-License-Identifier: GPL-2.0

//! A default that does not fit.

faultline::params! {
    /// a value
    0o644 value: str<3> = "four";
}
