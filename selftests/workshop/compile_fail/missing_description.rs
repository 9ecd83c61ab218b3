// SPDX-License-Identifier: GPL-2.0

//! Nothing says what it is for.

faultline::params! {
    0o644 value: int = 0;
}
