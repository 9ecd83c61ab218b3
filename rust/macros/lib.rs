// SPDX-License-Identifier: GPL-2.0

//! The procedural macros of the library.
//!
//! A macro parses its input, reports an error at the wrong token, with what is allowed there, and
//! leaves the generated code to `macro_rules!` of the library. Only the compiler's own `proc_macro`
//! is used, since not all kernels have the crates that usually help here.

mod error;
mod options;
mod params;
mod reader;
mod tokens;
mod types;
mod words;

use proc_macro::TokenStream;

/// Declares the module's parameters; see the library's `params`.
#[proc_macro]
pub fn params(input: TokenStream) -> TokenStream {
    params::expand(input)
}

/// Implements `Words` for an enumeration. The word of a variant is its name in lower case, or what
/// `#[word = "..."]` says.
#[proc_macro_derive(Words, attributes(word))]
pub fn words(input: TokenStream) -> TokenStream {
    words::expand(input).unwrap_or_else(|error| error.into_tokens())
}
