// SPDX-License-Identifier: GPL-2.0

//! A default that is none of the words.

use faultline::params::Words;

/// Colours.
#[derive(Words)]
pub enum Colour {
    /// One.
    Red,
}

faultline::params! {
    /// a value
    0o644 value: word<Colour> = "green";
}
