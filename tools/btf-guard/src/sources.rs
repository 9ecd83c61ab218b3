// SPDX-License-Identifier: GPL-2.0

//! Which of the bindings the library's source names: by its tokens, so that
//! what is written inside a macro counts as well.

use std::{collections::HashSet, fs, path::Path};

use anyhow::{anyhow, Context, Result};
use proc_macro2::{Delimiter, TokenStream, TokenTree};

#[derive(Default)]
pub struct Sources {
    /// `X` of each `bindings::X` and `bindings::{X, ...}`.
    pub named: HashSet<String>,
    /// `f` of each `.f` which is not a call: fields, perhaps behind a pointer.
    pub fields: HashSet<String>,
}

impl Sources {
    pub fn add(&mut self, path: &Path) -> Result<()> {
        let text = fs::read_to_string(path).with_context(|| path.display().to_string())?;
        self.add_text(&text)
            .with_context(|| path.display().to_string())
    }

    fn add_text(&mut self, text: &str) -> Result<()> {
        let stream: TokenStream = text.parse().map_err(|e| anyhow!("this is no Rust: {e}"))?;
        self.add_tokens(stream);
        Ok(())
    }

    fn add_tokens(&mut self, stream: TokenStream) {
        let tokens: Vec<_> = stream.into_iter().collect();
        for (at, token) in tokens.iter().enumerate() {
            if let TokenTree::Group(group) = token {
                self.add_tokens(group.stream());
            }
            match &tokens[at..] {
                [TokenTree::Ident(module), a, b, next, ..]
                    if module == "bindings" && is(a, ':') && is(b, ':') =>
                {
                    match next {
                        TokenTree::Ident(name) => {
                            self.named.insert(name.to_string());
                        }
                        TokenTree::Group(group) => self.named.extend(identifiers(group.stream())),
                        _ => {}
                    }
                }
                [dot, TokenTree::Ident(name), rest @ ..] if is(dot, '.') => {
                    let call = match rest.first() {
                        Some(TokenTree::Group(group)) => {
                            group.delimiter() == Delimiter::Parenthesis
                        }
                        _ => false,
                    };
                    if !call {
                        self.fields.insert(name.to_string());
                    }
                }
                _ => {}
            }
        }
    }
}

fn is(token: &TokenTree, punct: char) -> bool {
    matches!(token, TokenTree::Punct(found) if found.as_char() == punct)
}

fn identifiers(stream: TokenStream) -> Vec<String> {
    stream
        .into_iter()
        .filter_map(|token| match token {
            TokenTree::Ident(name) => Some(name.to_string()),
            _ => None,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_fields_are_found_in_macros_too() {
        let mut sources = Sources::default();
        sources
            .add_text(
                "macro_rules! m { ($x:ident) => { bindings::$x(bindings::one::default()) } }
                 use crate::bindings::{two, three as four};
                 fn f(p: *const bindings::five) { unsafe { (*p).inner.g(); (*p).six } }",
            )
            .unwrap();
        for name in ["one", "two", "three", "five"] {
            assert!(sources.named.contains(name), "{name}");
        }
        assert!(sources.fields.contains("inner") && sources.fields.contains("six"));
        assert!(!sources.fields.contains("g"));
    }
}
