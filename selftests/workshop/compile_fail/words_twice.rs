// SPDX-License-Identifier: GPL-2.0

//! A word for two meanings.

use faultline::params::Words;

/// Colours.
#[derive(Words)]
pub enum Colour {
    /// One.
    Red,
    /// Another.
    #[word = "red"]
    Rouge,
}
