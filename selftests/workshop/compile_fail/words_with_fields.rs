// SPDX-License-Identifier: GPL-2.0

//! A word with more to say.

use faultline::params::Words;

/// Colours.
#[derive(Words)]
pub enum Colour {
    /// One.
    Red(u8),
}
