// SPDX-License-Identifier: GPL-2.0

//! The options of a parameter: `range(...)`, `unit(...)`, `check(...)`, `on_change(...)`.

use proc_macro::{
    Delimiter,
    Group,
    Punct,
    Spacing,
    TokenStream,
    TokenTree, //
};

use crate::{
    error::{
        Error,
        Result, //
    },
    reader::{
        integer,
        string,
        Reader, //
    },
    tokens::parentheses,
    types::Type, //
};

/// Reads an option, and returns the method call for it, which begins with a dot. `range` is set
/// if the option is one.
pub(crate) fn option(
    input: &mut Reader,
    ty: &Type,
    range: &mut Option<(i128, i128)>,
) -> Result<TokenStream> {
    let options = ty.name.map(|name| {
        if ty.is_array {
            &["on_change"]
        } else {
            name.options
        }
    });
    let name = input.ident("an option")?;
    let text = name.to_string();
    if options.is_some_and(|options| !options.contains(&&*text)) {
        let type_name = ty.name.map_or("", |name| name.name);
        let allowed = match options {
            Some([]) | None => "none is".to_owned(),
            Some(options) => format!("{} may be", options.join(", ")),
        };
        return Err(Error::new(
            name.span(),
            format!("`{type_name}` has no option `{text}`: {allowed} given"),
        ));
    }
    let Some(TokenTree::Group(group)) = input.next_if(
        |token| matches!(token, TokenTree::Group(group) if group.delimiter() == Delimiter::Parenthesis),
    ) else {
        return Err(input.expected(&format!("the option's arguments, as in `{}`", match &*text {
            "range" => "range(0..=100)",
            "unit" => "unit(\"seconds\")",
            "check" => "check(function, \"what is allowed\")",
            _ => "on_change(function)",
        })));
    };
    let arguments = if text == "range" {
        bounds(&group, range)?
    } else {
        if text == "unit"
            && group
                .stream()
                .into_iter()
                .next()
                .as_ref()
                .and_then(string)
                .is_none()
        {
            return Err(Error::new(
                group.span(),
                "expected a unit in the plural, as in `unit(\"seconds\")`",
            ));
        }
        group.stream()
    };
    let mut dot = Punct::new('.', Spacing::Alone);
    dot.set_span(name.span());
    let span = group.span();
    Ok(TokenStream::from_iter([
        dot.into(),
        name.into(),
        parentheses(arguments, span),
    ]))
}

/// Reads `min..=max`, and returns both as arguments. `range` is set if they are literals.
fn bounds(group: &Group, range: &mut Option<(i128, i128)>) -> Result<TokenStream> {
    let wanted = "a range that includes both its ends, as in `range(0..=100)`";
    let mut inner = Reader::new(group.stream(), group.span());
    let min = inner.until(&['.']);
    // A path in the lower bound contains no dot.
    let is_range = inner.take_punct('.') && inner.take_punct('.') && inner.take_punct('=');
    let max: Vec<_> = std::iter::from_fn(|| inner.next()).collect();
    if !is_range || min.is_empty() || max.is_empty() {
        return Err(Error::new(group.span(), format!("expected {wanted}")));
    }
    if let (Some(least), Some(most)) = (integer(&min), integer(&max)) {
        if least > most {
            return Err(Error::new(
                group.span(),
                format!("the range is empty: {least} is above {most}"),
            ));
        }
        if let Some((low, high)) = *range {
            if least < low || most > high {
                return Err(Error::new(
                    group.span(),
                    format!("the range is wider than the type: {low} to {high} are allowed"),
                ));
            }
            *range = Some((least, most));
        }
    } else {
        // The values are checked when the constant is evaluated.
        *range = None;
    }
    let mut arguments = TokenStream::from_iter(min);
    arguments.extend([TokenTree::from(Punct::new(',', Spacing::Alone))]);
    arguments.extend(max);
    Ok(arguments)
}
