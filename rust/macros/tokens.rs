// SPDX-License-Identifier: GPL-2.0

//! Tokens of the code that a macro writes, each with the span at which the compiler reports it.

use proc_macro::{
    Delimiter,
    Group,
    Ident,
    Punct,
    Spacing,
    Span,
    TokenStream,
    TokenTree, //
};

/// Returns `::a::b`.
pub(crate) fn path(names: &[&str], span: Span) -> TokenStream {
    names
        .iter()
        .flat_map(|name| colons(span).chain([Ident::new(name, span).into()]))
        .collect()
}

/// Returns `::`.
pub(crate) fn colons(span: Span) -> impl Iterator<Item = TokenTree> {
    [Spacing::Joint, Spacing::Alone]
        .into_iter()
        .map(move |spacing| {
            let mut colon = Punct::new(':', spacing);
            colon.set_span(span);
            colon.into()
        })
}

/// Returns `<...>`.
pub(crate) fn angles(inner: impl IntoIterator<Item = TokenTree>, span: Span) -> TokenStream {
    let sign = |sign| {
        let mut punct = Punct::new(sign, Spacing::Alone);
        punct.set_span(span);
        TokenTree::from(punct)
    };
    std::iter::once(sign('<'))
        .chain(inner)
        .chain([sign('>')])
        .collect()
}

/// Returns `(...)`.
pub(crate) fn parentheses(inner: TokenStream, span: Span) -> TokenTree {
    let mut group = Group::new(Delimiter::Parenthesis, inner);
    group.set_span(span);
    group.into()
}
