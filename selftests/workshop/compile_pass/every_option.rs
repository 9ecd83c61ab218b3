// SPDX-License-Identifier: GPL-2.0

//! What is right, in every form: without an error, and without a warning.

#![forbid(unsafe_code)]

use faultline::params::{
    Refusal,
    Words, //
};

/// Colours.
#[derive(Words)]
pub enum Colour {
    /// One.
    DarkRed = 7,
    /// Another.
    #[word = "green!"]
    Green,
}

/// A bound that is a constant.
const MOST: i32 = 10;

faultline::params! {
    /// an int
    /// in two lines
    0o644 a: int = -1, range(-5..=MOST), unit("things"), on_change(look);
    /// with a comma at its end: \ "é"&'
    0o644 b: int = 0, range(0..=0x1f),;
    /// of a path
    0o440 c: faultline::params::Uint = 7;
    /// with all flags
    0o600 taints hw d as type: int = 0;
    /// not in sysfs
    0 e: bool = true;
    #[doc = "with an attribute"]
    0o444 f: [bool; 2] = [];
    /// no text at all
    0o444 g: [charp; 2] = [];
    /// without a word
    0o444 h: word<Colour> = none;
    /// with a word
    0o444 i: word<Colour> = "dark_red";
    /// shorter
    0o444 j: charp<{ 4 + 4 }> = "a,b\"c";
    /// a variable with a name of Rust's
    0o444 r#fn: int = 0;
}

fn look(_value: i32) -> Result<(), Refusal> {
    Ok(())
}

/// They can be used.
pub fn sum() -> usize {
    let numbers = a.get().wrapping_add(b.get()).wrapping_add(r#fn.get());
    f.read().len().wrapping_add(numbers as usize)
}
