// SPDX-License-Identifier: GPL-2.0

//! Errors in the input of a macro.

use proc_macro::{
    Delimiter,
    Group,
    Ident,
    Literal,
    Punct,
    Spacing,
    Span,
    TokenStream,
    TokenTree, //
};

/// A compiler error that points at `span`.
pub(crate) struct Error {
    span: Span,
    message: String,
}

pub(crate) type Result<T> = std::result::Result<T, Error>;

impl Error {
    pub(crate) fn new(span: Span, message: impl Into<String>) -> Self {
        Self {
            span,
            message: message.into(),
        }
    }

    /// Returns `::core::compile_error! { "message" }` with the error's span on each token.
    pub(crate) fn into_tokens(self) -> TokenStream {
        let colon = |spacing| TokenTree::from(Punct::new(':', spacing));
        let mut tokens = vec![
            colon(Spacing::Joint),
            colon(Spacing::Alone),
            Ident::new("core", self.span).into(),
            colon(Spacing::Joint),
            colon(Spacing::Alone),
            Ident::new("compile_error", self.span).into(),
            Punct::new('!', Spacing::Alone).into(),
        ];
        let mut message = TokenTree::from(Literal::string(&self.message));
        message.set_span(self.span);
        tokens.push(Group::new(Delimiter::Brace, message.into()).into());
        for token in &mut tokens {
            token.set_span(self.span);
        }
        tokens.into_iter().collect()
    }
}
