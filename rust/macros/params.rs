// SPDX-License-Identifier: GPL-2.0

//! `params!`: the module's parameters.
//!
//! ```text
//! /// what it is for
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
    reader::{
        integer,
        string,
        Reader, //
    }, //
};

/// A type that has a word here.
struct Word {
    word: &'static str,
    /// The type in `faultline::params`.
    name: &'static str,
    /// What is written behind the word: `<...>`.
    argument: Argument,
    /// The least and the greatest value, of an integer.
    range: Option<(i128, i128)>,
    options: &'static [&'static str],
    /// May there be an array of it?
    in_array: bool,
    /// May it change?
    live: bool,
}

enum Argument {
    None,
    Required(&'static str),
    Default(&'static str),
}

impl Word {
    const fn new(word: &'static str, name: &'static str) -> Self {
        Self {
            word,
            name,
            argument: Argument::None,
            range: None,
            options: &["on_change"],
            in_array: false,
            live: true,
        }
    }

    const fn integer(word: &'static str, name: &'static str, min: i128, max: i128) -> Self {
        Self {
            range: Some((min, max)),
            options: &["range", "unit", "on_change"],
            in_array: true,
            ..Self::new(word, name)
        }
    }
}

const WORDS: &[Word] = &[
    Word::integer("byte", "Byte", 0, u8::MAX as i128),
    Word::integer("short", "Short", i16::MIN as i128, i16::MAX as i128),
    Word::integer("ushort", "Ushort", 0, u16::MAX as i128),
    Word::integer("int", "Int", i32::MIN as i128, i32::MAX as i128),
    Word::integer("uint", "Uint", 0, u32::MAX as i128),
    Word::integer("long", "Long", i64::MIN as i128, i64::MAX as i128),
    Word::integer("ulong", "Ulong", 0, u64::MAX as i128),
    Word::integer("ullong", "Ullong", 0, u64::MAX as i128),
    Word::integer("hexint", "Hexint", 0, u32::MAX as i128),
    Word {
        in_array: true,
        ..Word::new("bool", "Bool")
    },
    Word::new("invbool", "Invbool"),
    Word::new("bint", "Bint"),
    Word::new("bool_enable_only", "BoolEnableOnly"),
    Word {
        argument: Argument::Default("1024"),
        in_array: true,
        ..Word::new("charp", "Charp")
    },
    Word {
        argument: Argument::Required("the most bytes, as in `string<31>`"),
        ..Word::new("string", "CharArray")
    },
    Word {
        argument: Argument::Required("the most bytes, as in `str<32>`"),
        options: &["check", "on_change"],
        ..Word::new("str", "Str")
    },
    Word {
        argument: Argument::Required("an enumeration with words, as in `word<Colour>`"),
        ..Word::new("word", "Word")
    },
    Word::new("cpus", "Cpus"),
    Word::new("prefix", "Prefix"),
    Word {
        options: &["range", "on_change"],
        ..Word::new("duration", "Duration")
    },
    Word {
        options: &[],
        live: false,
        ..Word::new("computed", "Computed")
    },
];

/// The longest description: with what is added to it, it fits into a string of
/// `.modinfo`.
const TEXT_MAX: usize = 700;

/// A parameter's type: its word, if it has one, and the type itself.
struct Type {
    word: Option<&'static Word>,
    is_array: bool,
    tokens: TokenStream,
}

pub(crate) fn expand(input: TokenStream) -> TokenStream {
    let mut input = Reader::new(input, Span::call_site());
    let mut output = TokenStream::new();
    let mut names: Vec<String> = Vec::new();
    while !input.is_empty() {
        match parameter(&mut input, &mut names) {
            Ok(tokens) => output.extend(tokens),
            Err(error) => {
                output.extend(error.into_tokens());
                // What follows may be right, or wrong in another way.
                input.until(&[';']);
                input.take_punct(';');
            }
        }
    }
    output
}

/// Reads one parameter; returns its code.
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
            format!("`{shown_text}`: a name is of A-Z a-z 0-9 _"),
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
    let kind = parse_type(input)?;
    if let Some(word) = kind.word {
        if !word.live && perm & 0o222 != 0 {
            return Err(Error::new(
                perm_token.span(),
                format!(
                    "{perm_token}: a `{}` parameter can only be read: no write bit is allowed, \
                     as in 0o444",
                    word.word
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
    let default = match &kind {
        Type {
            word: Some(Word { word: "charp", .. }),
            is_array: true,
            ..
        } => vec![joined(&default, span)?],
        _ => default,
    };
    let mut value = construct(&kind, &default, span);
    let mut range = kind
        .word
        .filter(|_| !kind.is_array)
        .and_then(|word| word.range);
    while input.take_punct(',') {
        if input.is_punct(';') {
            break;
        }
        value.extend(option(input, &kind, &mut range)?);
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
            format!("`{shown_text}` has no description: write `/// what it is for` above it"),
        ));
    }
    if text.len() > TEXT_MAX || text.contains('\0') {
        return Err(Error::new(
            name.span(),
            format!("the description of `{shown_text}` has {} bytes; {TEXT_MAX}, and no NUL, are allowed", text.len()),
        ));
    }
    input.take_punct(';');

    // By its place, the compiler's error about a type of the user's points there.
    let place = perm_token.span();
    let mut checked = path(&["faultline", "params", "permissions"], place);
    checked.extend(colons(place));
    checked.extend(angles(kind.tokens.clone(), place));
    checked.extend([parentheses(perm_token.into(), place)]);

    let mut body = TokenStream::from_iter(attributes);
    body.extend([
        TokenTree::from(Group::new(Delimiter::Bracket, checked)),
        Literal::u8_suffixed(flags).into(),
        name.into(),
        Literal::string(&shown_text).into(),
        Literal::string(text).into(),
        Group::new(Delimiter::Bracket, kind.tokens).into(),
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
        return Err(input.expected("the permissions in sysfs, in octal, as 0o644 (0: not there)"));
    };
    let perm = integer(std::slice::from_ref(&token)).unwrap_or_default();
    let error = |why: &str| Err(Error::new(token.span(), format!("{token}: {why}")));
    if perm != 0 && !token.to_string().starts_with("0o") {
        return error("permissions are written in octal, as 0o644");
    }
    if perm & 0o002 != 0 {
        return error("not everybody may write a parameter: root may with 0o644");
    }
    if perm & !0o664 != 0 {
        return error("sysfs knows no other bits than 0o664: to read and to write");
    }
    let (user, group, others) = (perm >> 6, perm >> 3 & 7, perm & 7);
    if user & 4 < group & 4 || group & 4 < others & 4 {
        return error("what others may read, the group must, and what it may, the user, as 0o444");
    }
    if user & 2 < group & 2 {
        return error("what the group may write, the user must be allowed to write, as 0o664");
    }
    Ok((perm, token))
}

/// Reads the type: a word as in C, an array of one, or a path to a type.
fn parse_type(input: &mut Reader) -> Result<Type> {
    let tokens = input.until(&['=', ';']);
    let Some(first) = tokens.first() else {
        return Err(input.expected("the parameter's type, as `int`"));
    };
    match first {
        TokenTree::Group(group) if group.delimiter() == Delimiter::Bracket => {
            let mut inner = Reader::new(group.stream(), group.span());
            let element = inner.ident("the type of an element, as in `[int; 4]`")?;
            let words = || WORDS.iter().filter(|word| word.in_array);
            let Some(word) = words().find(|word| element.to_string() == word.word) else {
                return Err(Error::new(
                    element.span(),
                    format!(
                        "there is no array of `{element}`: {} are allowed",
                        list(words())
                    ),
                ));
            };
            if !inner.take_punct(';') || inner.is_empty() {
                return Err(inner.expected("`;` and the most elements, as in `[int; 4]`"));
            }
            let max: TokenStream = std::iter::from_fn(|| inner.next()).collect();
            let max = Group::new(Delimiter::Brace, max).into();
            let arguments = if word.word == "charp" {
                vec![max]
            } else {
                let mut arguments: Vec<_> =
                    path(&["faultline", "params", word.name], element.span())
                        .into_iter()
                        .collect();
                arguments.extend([Punct::new(',', Spacing::Alone).into(), max]);
                arguments
            };
            let name = if word.word == "charp" {
                "Charps"
            } else {
                "Array"
            };
            let mut kind = path(&["faultline", "params", name], element.span());
            kind.extend(angles(arguments, element.span()));
            Ok(Type {
                word: Some(word),
                is_array: true,
                tokens: kind,
            })
        }
        TokenTree::Ident(ident) => {
            let name = ident.to_string();
            let is_path =
                matches!(tokens.get(1), Some(TokenTree::Punct(punct)) if punct.as_char() == ':');
            let Some(word) = WORDS.iter().find(|word| word.word == name) else {
                if is_path || name.starts_with(|c: char| c.is_uppercase()) {
                    return Ok(path_type(tokens));
                }
                return Err(Error::new(
                    ident.span(),
                    format!(
                        "there is no type `{name}`: {}, `[...; N]` of some of them, and paths to \
                         types that are a `Param` are allowed",
                        list(WORDS.iter())
                    ),
                ));
            };
            let mut kind = path(&["faultline", "params", word.name], ident.span());
            match (&word.argument, tokens.get(1)) {
                (Argument::None, None) => (),
                (Argument::None, Some(token)) => {
                    return Err(Error::new(
                        token.span(),
                        format!("`{name}` takes nothing in angles"),
                    ))
                }
                (Argument::Default(argument), None) => {
                    let argument: TokenStream =
                        argument.parse().map_err(|_| input.expected("a type"))?;
                    kind.extend(angles(argument, ident.span()));
                }
                (Argument::Required(what), None) => {
                    return Err(Error::new(ident.span(), format!("`{name}` needs {what}")))
                }
                (_, Some(_)) => kind.extend(tokens.into_iter().skip(1)),
            }
            Ok(Type {
                word: Some(word),
                is_array: false,
                tokens: kind,
            })
        }
        _ => Ok(path_type(tokens)),
    }
}

fn path_type(tokens: Vec<TokenTree>) -> Type {
    Type {
        word: None,
        is_array: false,
        tokens: tokens.into_iter().collect(),
    }
}

/// The words, to be shown.
fn list<'a>(words: impl Iterator<Item = &'a Word>) -> String {
    words.map(|word| word.word).collect::<Vec<_>>().join(", ")
}

/// The texts of an array, in one with commas between them, as they are kept.
fn joined(default: &[TokenTree], span: Span) -> Result<TokenTree> {
    let wanted = || Error::new(span, "expected texts, as in `[\"a\", \"b\"]`");
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
                "a text in an array has no comma: that is what separates them",
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

/// `<type>::new(default)`, or `<type>::none()`.
fn construct(kind: &Type, default: &[TokenTree], span: Span) -> TokenStream {
    let is_none = matches!(default, [TokenTree::Ident(ident)] if ident.to_string() == "none");
    let mut arguments = TokenStream::new();
    if !is_none {
        if kind.is_array && !matches!(default, [TokenTree::Literal(_)]) {
            let mut reference = Punct::new('&', Spacing::Alone);
            reference.set_span(span);
            arguments.extend([TokenTree::from(reference)]);
        }
        arguments.extend(default.iter().cloned());
    }
    let mut code = angles(kind.tokens.clone(), span);
    code.extend(colons(span));
    code.extend([TokenTree::from(Ident::new(
        if is_none { "none" } else { "new" },
        span,
    ))]);
    code.extend([parentheses(arguments, span)]);
    code
}

/// Reads an option; returns the call that it is, with the dot before it. The range, if
/// it is one, is kept.
fn option(
    input: &mut Reader,
    kind: &Type,
    range: &mut Option<(i128, i128)>,
) -> Result<TokenStream> {
    let options = kind.word.map(|word| {
        if kind.is_array {
            &["on_change"]
        } else {
            word.options
        }
    });
    let name = input.ident("an option")?;
    let text = name.to_string();
    if options.is_some_and(|options| !options.contains(&&*text)) {
        let word = kind.word.map_or("", |word| word.word);
        let allowed = match options {
            Some([]) | None => "none is".to_owned(),
            Some(options) => format!("{} may be", options.join(", ")),
        };
        return Err(Error::new(
            name.span(),
            format!("`{word}` has no option `{text}`: {allowed} given"),
        ));
    }
    let Some(TokenTree::Group(group)) = input.next_if(
        |token| matches!(token, TokenTree::Group(group) if group.delimiter() == Delimiter::Parenthesis),
    ) else {
        return Err(input.expected(&format!("what the option is, as in `{}`", match &*text {
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
                "expected what the number counts, in the plural, as in `unit(\"seconds\")`",
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

/// `min..=max` as two arguments.
fn bounds(group: &Group, range: &mut Option<(i128, i128)>) -> Result<TokenStream> {
    let wanted = "a range that includes both its ends, as in `range(0..=100)`";
    let mut inner = Reader::new(group.stream(), group.span());
    let min = inner.until(&['.']);
    // A path in the lower bound has no dot in it.
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
                    format!("the range is wider than the type: {low} to {high} are its values"),
                ));
            }
            *range = Some((least, most));
        }
    } else {
        // The compiler looks at it when it knows the values.
        *range = None;
    }
    let mut arguments = TokenStream::from_iter(min);
    arguments.extend([TokenTree::from(Punct::new(',', Spacing::Alone))]);
    arguments.extend(max);
    Ok(arguments)
}

/// `::a::b`.
fn path(names: &[&str], span: Span) -> TokenStream {
    names
        .iter()
        .flat_map(|name| colons(span).chain([Ident::new(name, span).into()]))
        .collect()
}

fn colons(span: Span) -> impl Iterator<Item = TokenTree> {
    [Spacing::Joint, Spacing::Alone]
        .into_iter()
        .map(move |spacing| {
            let mut colon = Punct::new(':', spacing);
            colon.set_span(span);
            colon.into()
        })
}

/// `<...>`.
fn angles(inner: impl IntoIterator<Item = TokenTree>, span: Span) -> TokenStream {
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

/// `(...)`.
fn parentheses(inner: TokenStream, span: Span) -> TokenTree {
    let mut group = Group::new(Delimiter::Parenthesis, inner);
    group.set_span(span);
    group.into()
}
