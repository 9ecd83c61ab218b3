// SPDX-License-Identifier: GPL-2.0

//! A reader of tokens, and the values of literals.

use std::iter::Peekable;

use proc_macro::{
    token_stream,
    Delimiter,
    Ident,
    Span,
    TokenStream,
    TokenTree, //
};

use crate::error::{
    Error,
    Result, //
};

/// Reads tokens one by one.
pub(crate) struct Reader {
    tokens: Peekable<token_stream::IntoIter>,
    /// The span of the last token read, for errors at the end of the input.
    last: Span,
}

impl Reader {
    pub(crate) fn new(tokens: TokenStream, before: Span) -> Self {
        Self {
            tokens: tokens.into_iter().peekable(),
            last: before,
        }
    }

    pub(crate) fn peek(&mut self) -> Option<&TokenTree> {
        self.tokens.peek()
    }

    pub(crate) fn next(&mut self) -> Option<TokenTree> {
        let token = self.tokens.next()?;
        self.last = token.span();
        Some(token)
    }

    pub(crate) fn is_empty(&mut self) -> bool {
        self.peek().is_none()
    }

    /// Returns the span of the next token, or of the last one at the end.
    pub(crate) fn span(&mut self) -> Span {
        let last = self.last;
        self.peek().map_or(last, TokenTree::span)
    }

    /// Returns the error that `wanted` was expected, and the next token found.
    pub(crate) fn expected(&mut self, wanted: &str) -> Error {
        let found = match self.peek() {
            Some(token) => format!("found `{token}`"),
            None => "found the end".to_owned(),
        };
        Error::new(self.span(), format!("expected {wanted}; {found}"))
    }

    pub(crate) fn is_punct(&mut self, wanted: char) -> bool {
        matches!(self.peek(), Some(TokenTree::Punct(punct)) if punct.as_char() == wanted)
    }

    /// Skips the next token if it is this punctuation character. Returns whether it was.
    pub(crate) fn take_punct(&mut self, wanted: char) -> bool {
        let is_next = self.is_punct(wanted);
        if is_next {
            self.next();
        }
        is_next
    }

    /// Skips the next token if it is this identifier. Returns its span if it was.
    pub(crate) fn take_word(&mut self, wanted: &str) -> Option<Span> {
        match self.peek() {
            Some(TokenTree::Ident(ident)) if ident.to_string() == wanted => {
                let span = ident.span();
                self.next();
                Some(span)
            }
            _ => None,
        }
    }

    pub(crate) fn ident(&mut self, wanted: &str) -> Result<Ident> {
        match self.next_if(|token| matches!(token, TokenTree::Ident(_))) {
            Some(TokenTree::Ident(ident)) => Ok(ident),
            _ => Err(self.expected(wanted)),
        }
    }

    pub(crate) fn next_if(&mut self, is_right: impl Fn(&TokenTree) -> bool) -> Option<TokenTree> {
        if self.peek().is_some_and(is_right) {
            self.next()
        } else {
            None
        }
    }

    /// Reads the tokens before the first of these punctuation characters.
    pub(crate) fn until(&mut self, ends: &[char]) -> Vec<TokenTree> {
        let mut tokens = Vec::new();
        while let Some(token) = self.next_if(
            |token| !matches!(token, TokenTree::Punct(punct) if ends.contains(&punct.as_char())),
        ) {
            tokens.push(token);
        }
        tokens
    }

    /// Reads attributes. Returns the texts of the doc comments among them, and all their tokens.
    pub(crate) fn attributes(&mut self) -> Result<(Vec<String>, Vec<TokenTree>)> {
        let (mut texts, mut tokens) = (Vec::new(), Vec::new());
        while self.is_punct('#') {
            tokens.extend(self.next());
            let Some(TokenTree::Group(group)) = self.next_if(
                |token| matches!(token, TokenTree::Group(group) if group.delimiter() == Delimiter::Bracket),
            ) else {
                return Err(self.expected("an attribute"));
            };
            let mut inner = Self::new(group.stream(), group.span());
            if inner.take_word("doc").is_some() && inner.take_punct('=') {
                let span = inner.span();
                match inner.next().as_ref().and_then(string) {
                    Some(text) => texts.push(text),
                    None => return Err(Error::new(span, "expected a text")),
                }
            }
            tokens.push(group.into());
        }
        Ok((texts, tokens))
    }
}

/// Returns the text of a string literal; `None` for other tokens, byte strings and C strings.
pub(crate) fn string(token: &TokenTree) -> Option<String> {
    let literal = match token {
        TokenTree::Literal(literal) => literal.to_string(),
        // A `macro_rules!` passes a fragment on in a group without delimiters.
        TokenTree::Group(group) if group.delimiter() == Delimiter::None => {
            let mut inner = group.stream().into_iter();
            let text = string(&inner.next()?);
            return inner.next().map_or(text, |_| None);
        }
        _ => return None,
    };
    if let Some(raw) = literal.strip_prefix('r') {
        let raw = raw.trim_matches('#');
        return Some(raw.strip_prefix('"')?.strip_suffix('"')?.to_owned());
    }
    let plain = literal.strip_prefix('"')?.strip_suffix('"')?;
    let mut text = String::new();
    let mut chars = plain.chars();
    while let Some(c) = chars.next() {
        text.push(match c {
            '\\' => match chars.next()? {
                'n' => '\n',
                't' => '\t',
                'r' => '\r',
                '0' => '\0',
                'x' => code(&chars.by_ref().take(2).collect::<String>())?,
                'u' => {
                    let digits: String = chars.by_ref().take_while(|&c| c != '}').collect();
                    code(digits.strip_prefix('{')?)?
                }
                other @ ('\\' | '"' | '\'') => other,
                _ => return None,
            },
            other => other,
        });
    }
    Some(text)
}

/// Returns the character with this hexadecimal code point.
fn code(digits: &str) -> Option<char> {
    char::from_u32(u32::from_str_radix(&digits.replace('_', ""), 16).ok()?)
}

/// Returns the value of an integer literal, with `-` or in parentheses as well.
pub(crate) fn integer(tokens: &[TokenTree]) -> Option<i128> {
    match tokens {
        [TokenTree::Punct(minus), rest @ ..] if minus.as_char() == '-' => {
            integer(rest)?.checked_neg()
        }
        [TokenTree::Group(group)]
            if matches!(group.delimiter(), Delimiter::None | Delimiter::Parenthesis) =>
        {
            integer(&group.stream().into_iter().collect::<Vec<_>>())
        }
        [TokenTree::Literal(literal)] => {
            let text = literal.to_string().replace('_', "");
            let (digits, radix) = match text.get(..2) {
                Some("0x") => (&text[2..], 16),
                Some("0o") => (&text[2..], 8),
                Some("0b") => (&text[2..], 2),
                _ => (&*text, 10),
            };
            i128::from_str_radix(digits, radix).ok()
        }
        _ => None,
    }
}
