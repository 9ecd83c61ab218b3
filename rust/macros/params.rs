// SPDX-License-Identifier: GPL-2.0

//! `params!`: declares the module's parameters, each as
//!
//! ```text
//! /// description
//! 0o644 [taints] [hw] name [as shown]: type = default[, option(...)]...;
//! ```

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

use crate::{
    error::{
        Error,
        Result, //
    },
    options::option,
    reader::{
        integer,
        string,
        Reader, //
    },
    tokens::{
        angles,
        colons,
        parentheses,
        path, //
    },
    types::{
        parse_type,
        Type,
        TypeName, //
    }, //
};

/// The longest description. With the range, unit and default appended, it fits into `module::Info`.
const TEXT_MAX: usize = 700;

pub(crate) fn expand(input: TokenStream) -> TokenStream {
    let mut input = Reader::new(input, Span::call_site());
    let mut output = TokenStream::new();
    let mut names: Vec<String> = Vec::new();
    while !input.is_empty() {
        match parameter(&mut input, &mut names) {
            Ok(tokens) => output.extend(tokens),
            Err(error) => {
                output.extend(error.into_tokens());
                // Go on with the next parameter, to report all errors at once.
                input.until(&[';']);
                input.take_punct(';');
            }
        }
    }
    output
}

/// Reads a parameter, and returns its code.
fn parameter(input: &mut Reader, names: &mut Vec<String>) -> Result<TokenStream> {
    let (docs, attributes) = input.attributes()?;
    let (perm, perm_token) = permissions(input)?;
    let mut flags = 0;
    for (flag, word) in [(1u8, "taints"), (2, "hw")] {
        // A parameter may itself be called `hw` or `taints`.
        if matches!(input.peek(), Some(TokenTree::Ident(ident)) if ident.to_string() == word) {
            let ident = input.ident(word)?;
            if input.is_punct(':') {
                return Err(Error::new(
                    ident.span(),
                    format!("`{word}` is a flag here: write `{word}_ as {word}:` for the name"),
                ));
            }
            flags |= flag;
        }
    }

    let name = input.ident("the parameter's name, an identifier as `max_count`")?;
    let mut shown = name.clone();
    if input.take_word("as").is_some() {
        shown = input.ident("the name that users see, an identifier as `max_count`")?;
    }
    let shown_text = shown.to_string().trim_start_matches("r#").to_owned();
    if !shown_text.is_ascii() {
        return Err(Error::new(
            shown.span(),
            format!("`{shown_text}`: only A-Z a-z 0-9 _ are allowed in a name"),
        ));
    }
    if names.contains(&shown_text) {
        return Err(Error::new(
            shown.span(),
            format!("there is a parameter `{shown_text}` already; each needs a name of its own"),
        ));
    }
    names.push(shown_text.clone());

    if !input.take_punct(':') {
        return Err(input.expected("`:` and the parameter's type"));
    }
    let ty = parse_type(input)?;
    if let Some(name) = ty.name {
        if !name.writable && perm & 0o222 != 0 {
            return Err(Error::new(
                perm_token.span(),
                format!(
                    "{perm_token}: a `{}` parameter is read-only: no write bit is allowed, \
                     as in 0o444",
                    name.name
                ),
            ));
        }
    }

    if !input.take_punct('=') {
        return Err(input.expected("`=` and the default"));
    }
    let default = input.until(&[',', ';']);
    let Some(first) = default.first() else {
        return Err(input.expected("the default"));
    };
    let span = first.span();
    let default = match &ty {
        Type {
            name: Some(TypeName { name: "charp", .. }),
            is_array: true,
            ..
        } => vec![joined(&default, span)?],
        _ => default,
    };
    let mut value = construct(&ty, &default, span);
    let mut range = ty.name.filter(|_| !ty.is_array).and_then(|name| name.range);
    while input.take_punct(',') {
        if input.is_punct(';') {
            break;
        }
        value.extend(option(input, &ty, &mut range)?);
    }
    if let (Some((min, max)), Some(number)) = (range, integer(&default)) {
        if number < min || max < number {
            return Err(Error::new(
                span,
                format!(
                    "the default of `{shown_text}` is out of its range: {min} to {max} are allowed"
                ),
            ));
        }
    }
    if !input.is_punct(';') {
        return Err(input.expected("`,` and an option, or `;`"));
    }

    let text = docs
        .iter()
        .flat_map(|doc| doc.lines())
        .map(str::trim)
        .collect::<Vec<_>>()
        .join(" ");
    let text = text.trim();
    if text.is_empty() {
        return Err(Error::new(
            name.span(),
            format!("`{shown_text}` has no description: write `/// description` above it"),
        ));
    }
    if text.len() > TEXT_MAX || text.contains('\0') {
        return Err(Error::new(
            name.span(),
            format!("the description of `{shown_text}` has {} bytes; {TEXT_MAX}, and no NUL, are allowed", text.len()),
        ));
    }
    input.take_punct(';');

    // With the span of the permissions the compiler's error about a type that cannot be written
    // points at them.
    let place = perm_token.span();
    let mut checked = path(&["faultline", "params", "permissions"], place);
    checked.extend(colons(place));
    checked.extend(angles(ty.tokens.clone(), place));
    checked.extend([parentheses(perm_token.into(), place)]);

    let mut body = TokenStream::from_iter(attributes);
    body.extend([
        TokenTree::from(Group::new(Delimiter::Bracket, checked)),
        Literal::u8_suffixed(flags).into(),
        name.into(),
        Literal::string(&shown_text).into(),
        Literal::string(text).into(),
        Group::new(Delimiter::Bracket, ty.tokens).into(),
        Group::new(Delimiter::Bracket, value).into(),
    ]);
    let mut code = path(&["faultline", "__param"], Span::call_site());
    code.extend([
        TokenTree::from(Punct::new('!', Spacing::Alone)),
        Group::new(Delimiter::Brace, body).into(),
    ]);
    Ok(code)
}

/// Reads the permissions in sysfs, and checks them as C's
/// `VERIFY_OCTAL_PERMISSIONS` does.
fn permissions(input: &mut Reader) -> Result<(i128, TokenTree)> {
    let Some(token) = input.next_if(|token| integer(std::slice::from_ref(token)).is_some()) else {
        return Err(
            input.expected("the permissions in sysfs, in octal, as 0o644 (0: not in sysfs)")
        );
    };
    let perm = integer(std::slice::from_ref(&token)).unwrap_or_default();
    let error = |why: &str| Err(Error::new(token.span(), format!("{token}: {why}")));
    if perm != 0 && !token.to_string().starts_with("0o") {
        return error("permissions are written in octal, as 0o644");
    }
    if perm & 0o002 != 0 {
        return error("a parameter cannot be writable by others: 0o644 lets root write it");
    }
    if perm & !0o664 != 0 {
        return error("only the read and write bits of 0o664 are allowed");
    }
    let (user, group, others) = (perm >> 6, perm >> 3 & 7, perm & 7);
    if user & 4 < group & 4 || group & 4 < others & 4 {
        return error(
            "others may read only if the group may, and the group only if root may: 0o444",
        );
    }
    if user & 2 < group & 2 {
        return error("the group may write only if root may: 0o664");
    }
    Ok((perm, token))
}

/// Joins the strings of an array with commas, as they are stored.
fn joined(default: &[TokenTree], span: Span) -> Result<TokenTree> {
    let wanted = || Error::new(span, "expected strings, as in `[\"a\", \"b\"]`");
    let [TokenTree::Group(group)] = default else {
        return Err(wanted());
    };
    let mut inner = Reader::new(group.stream(), group.span());
    let mut texts = Vec::new();
    while let Some(token) = inner.next() {
        let text = string(&token).ok_or_else(wanted)?;
        if text.contains(',') {
            return Err(Error::new(
                token.span(),
                "a string in an array cannot contain a comma, which separates them",
            ));
        }
        texts.push(text);
        if !inner.take_punct(',') && !inner.is_empty() {
            return Err(wanted());
        }
    }
    let mut literal = Literal::string(&texts.join(","));
    literal.set_span(span);
    Ok(literal.into())
}

/// Returns `<type>::new(default)`, or `<type>::none()`.
fn construct(ty: &Type, default: &[TokenTree], span: Span) -> TokenStream {
    let is_none = matches!(default, [TokenTree::Ident(ident)] if ident.to_string() == "none");
    let mut arguments = TokenStream::new();
    if !is_none {
        if ty.is_array && !matches!(default, [TokenTree::Literal(_)]) {
            let mut reference = Punct::new('&', Spacing::Alone);
            reference.set_span(span);
            arguments.extend([TokenTree::from(reference)]);
        }
        arguments.extend(default.iter().cloned());
    }
    let mut code = angles(ty.tokens.clone(), span);
    code.extend(colons(span));
    code.extend([TokenTree::from(Ident::new(
        if is_none { "none" } else { "new" },
        span,
    ))]);
    code.extend([parentheses(arguments, span)]);
    code
}
