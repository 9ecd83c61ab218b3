// SPDX-License-Identifier: GPL-2.0

//! The procedural macros of the library.
//!
//! A macro reads what it is given, refuses what is wrong with an error that
//! points at it and says what is allowed, and leaves the code itself to
//! `macro_rules!` of the library. Nothing but the compiler's own `proc_macro`
//! is used: the crates that usually help here are not there in all kernels.

mod error;
mod params;
mod reader;
mod words;

use proc_macro::TokenStream;

/// Declares the module's parameters; the library's documentation of `params`
/// says how.
#[proc_macro]
pub fn params(input: TokenStream) -> TokenStream {
    params::expand(input)
}

/// Gives an enumeration its words: those of its variants, in lower case, or what
/// `#[word = "..."]` says.
#[proc_macro_derive(Words, attributes(word))]
pub fn words(input: TokenStream) -> TokenStream {
    words::expand(input).unwrap_or_else(|error| error.into_tokens())
}
