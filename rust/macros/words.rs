// SPDX-License-Identifier: GPL-2.0

//! `#[derive(Words)]`: implements `Words` for an enumeration.

use proc_macro::{
    Delimiter,
    Ident,
    Span,
    TokenStream,
    TokenTree, //
};

use crate::{
    error::{
        Error,
        Result, //
    },
    reader::{
        string,
        Reader, //
    }, //
};

pub(crate) fn expand(input: TokenStream) -> Result<TokenStream> {
    let mut input = Reader::new(input, Span::call_site());
    input.attributes()?;
    if input.take_word("pub").is_some() {
        input.next_if(|token| matches!(token, TokenTree::Group(_)));
    }
    if input.take_word("enum").is_none() {
        return Err(input.expected("an enumeration: only an `enum` has words"));
    }
    let name = input.ident("the name of the enumeration")?;
    let Some(TokenTree::Group(body)) = input.next() else {
        return Err(Error::new(
            name.span(),
            "an enumeration with words cannot be generic",
        ));
    };

    let mut variants = Vec::new();
    let mut rest = Reader::new(body.stream(), body.span());
    while !rest.is_empty() {
        let (variant, word, span) = variant(&mut rest)?;
        if variants.iter().any(|(_, other)| *other == word) {
            return Err(Error::new(
                span,
                format!("the word \"{word}\" is used twice; each variant needs a different one"),
            ));
        }
        variants.push((variant, word));
    }
    if variants.is_empty() {
        return Err(Error::new(
            name.span(),
            format!("`{name}` has no variants: an enumeration needs at least one word"),
        ));
    }

    let count = variants.len();
    let words: Vec<_> = variants
        .iter()
        .map(|(variant, word)| format!("({word:?}, {name}::{variant})"))
        .collect();
    let words = words.join(", ");
    let code = format!(
        "impl ::faultline::params::Words for {name} {{
            const WORDS: &'static [(&'static str, Self)] = {{
                static WORDS: [(&str, {name}); {count}] = [{words}];
                &WORDS
            }};
        }}"
    );
    code.parse()
        .map_err(|_| Error::new(name.span(), "cannot generate code for the words"))
}

/// Reads a variant. Returns its name, its word, and the span of the word.
fn variant(input: &mut Reader) -> Result<(Ident, String, Span)> {
    let mut given = None;
    while input.take_punct('#') {
        let Some(TokenTree::Group(attribute)) = input.next() else {
            return Err(input.expected("an attribute"));
        };
        let mut attribute = Reader::new(attribute.stream(), attribute.span());
        if attribute.take_word("word").is_none() {
            continue;
        }
        if !attribute.take_punct('=') {
            return Err(attribute.expected("`= \"...\"`, as in `#[word = \"red\"]`"));
        }
        let span = attribute.span();
        let word = attribute.next().as_ref().and_then(string);
        match word {
            Some(word) => given = Some((word, span)),
            None => {
                return Err(Error::new(
                    span,
                    "expected a word, as in `#[word = \"red\"]`",
                ))
            }
        }
    }
    let name = input.ident("a variant")?;
    let (word, span) = given.unwrap_or_else(|| (lower_case(&name.to_string()), name.span()));
    if word.is_empty()
        || !word
            .bytes()
            .all(|byte| byte.is_ascii_graphic() && byte != b',')
    {
        return Err(Error::new(
            span,
            format!("{word:?} is not a word: printable ASCII without space and comma is allowed"),
        ));
    }
    match input.peek() {
        None => (),
        Some(TokenTree::Group(fields)) if fields.delimiter() != Delimiter::None => {
            return Err(Error::new(
                fields.span(),
                format!("`{name}` has fields: a variant with a word cannot have any"),
            ))
        }
        Some(_) => {
            // Skips a discriminant.
            input.until(&[',']);
            input.take_punct(',');
        }
    }
    Ok((name, word, span))
}

/// Turns `DarkRed` into `dark_red`.
fn lower_case(name: &str) -> String {
    let mut word = String::new();
    for c in name.trim_start_matches("r#").chars() {
        if c.is_uppercase() && !word.is_empty() {
            word.push('_');
        }
        word.extend(c.to_lowercase());
    }
    word
}
