// SPDX-License-Identifier: GPL-2.0

//! A word that is two.

use faultline::params::Words;

/// Colours.
#[derive(Words)]
pub enum Colour {
    /// One.
    #[word = "dark red"]
    Red,
}
