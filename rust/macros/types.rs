// SPDX-License-Identifier: GPL-2.0

//! The types that a parameter can be declared with.

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
    reader::Reader,
    tokens::{
        angles,
        path, //
    }, //
};

/// A type for which [`params!`](crate::params) has a name, as `int`.
pub(crate) struct TypeName {
    pub(crate) name: &'static str,
    /// The type in `faultline::params`.
    path: &'static str,
    /// Whether generic arguments follow the name: `<...>`.
    argument: Argument,
    /// The least and the greatest value of an integer.
    pub(crate) range: Option<(i128, i128)>,
    pub(crate) options: &'static [&'static str],
    /// Whether arrays of it are allowed.
    in_array: bool,
    /// Whether the value can be set.
    pub(crate) writable: bool,
}

/// The generic arguments of a type, in angle brackets.
enum Argument {
    None,
    /// Required, with its description.
    Required(&'static str),
    /// Optional, with its default.
    Default(&'static str),
}

impl TypeName {
    const fn new(name: &'static str, path: &'static str) -> Self {
        Self {
            name,
            path,
            argument: Argument::None,
            range: None,
            options: &["on_change"],
            in_array: false,
            writable: true,
        }
    }

    const fn integer(name: &'static str, path: &'static str, min: i128, max: i128) -> Self {
        Self {
            range: Some((min, max)),
            options: &["range", "unit", "on_change"],
            in_array: true,
            ..Self::new(name, path)
        }
    }
}

const TYPE_NAMES: &[TypeName] = &[
    TypeName::integer("byte", "Byte", 0, u8::MAX as i128),
    TypeName::integer("short", "Short", i16::MIN as i128, i16::MAX as i128),
    TypeName::integer("ushort", "Ushort", 0, u16::MAX as i128),
    TypeName::integer("int", "Int", i32::MIN as i128, i32::MAX as i128),
    TypeName::integer("uint", "Uint", 0, u32::MAX as i128),
    TypeName::integer("long", "Long", i64::MIN as i128, i64::MAX as i128),
    TypeName::integer("ulong", "Ulong", 0, u64::MAX as i128),
    TypeName::integer("ullong", "Ullong", 0, u64::MAX as i128),
    TypeName::integer("hexint", "Hexint", 0, u32::MAX as i128),
    TypeName {
        in_array: true,
        ..TypeName::new("bool", "Bool")
    },
    TypeName::new("invbool", "Invbool"),
    TypeName::new("bint", "Bint"),
    TypeName::new("bool_enable_only", "BoolEnableOnly"),
    TypeName {
        argument: Argument::Default("1024"),
        in_array: true,
        ..TypeName::new("charp", "Charp")
    },
    TypeName {
        argument: Argument::Required("a maximum length, as in `string<31>`"),
        ..TypeName::new("string", "CharArray")
    },
    TypeName {
        argument: Argument::Required("a maximum length, as in `str<32>`"),
        options: &["check", "on_change"],
        ..TypeName::new("str", "Str")
    },
    TypeName {
        argument: Argument::Required("an enumeration with words, as in `word<Colour>`"),
        ..TypeName::new("word", "Word")
    },
    TypeName::new("cpus", "Cpus"),
    TypeName::new("prefix", "Prefix"),
    TypeName {
        options: &["range", "on_change"],
        ..TypeName::new("duration", "Duration")
    },
    TypeName {
        options: &[],
        writable: false,
        ..TypeName::new("computed", "Computed")
    },
];

/// The type of a parameter.
pub(crate) struct Type {
    /// The type, or that of an array's elements; `None` if the type is a path.
    pub(crate) name: Option<&'static TypeName>,
    pub(crate) is_array: bool,
    /// The type in Rust.
    pub(crate) tokens: TokenStream,
}

/// Reads the type: a name as in C, an array of one, or a path.
pub(crate) fn parse_type(input: &mut Reader) -> Result<Type> {
    let tokens = input.until(&['=', ';']);
    let Some(first) = tokens.first() else {
        return Err(input.expected("the parameter's type, as `int`"));
    };
    match first {
        TokenTree::Group(group) if group.delimiter() == Delimiter::Bracket => {
            let mut inner = Reader::new(group.stream(), group.span());
            let element = inner.ident("the type of an element, as in `[int; 4]`")?;
            let names = || TYPE_NAMES.iter().filter(|name| name.in_array);
            let Some(name) = names().find(|name| element.to_string() == name.name) else {
                return Err(Error::new(
                    element.span(),
                    format!(
                        "there is no array of `{element}`: {} are allowed",
                        list(names())
                    ),
                ));
            };
            if !inner.take_punct(';') || inner.is_empty() {
                return Err(inner.expected("`;` and the maximum length, as in `[int; 4]`"));
            }
            let max: TokenStream = std::iter::from_fn(|| inner.next()).collect();
            let max = Group::new(Delimiter::Brace, max).into();
            let arguments = if name.name == "charp" {
                vec![max]
            } else {
                let mut arguments: Vec<_> =
                    path(&["faultline", "params", name.path], element.span())
                        .into_iter()
                        .collect();
                arguments.extend([Punct::new(',', Spacing::Alone).into(), max]);
                arguments
            };
            let array = if name.name == "charp" {
                "Charps"
            } else {
                "Array"
            };
            let mut code = path(&["faultline", "params", array], element.span());
            code.extend(angles(arguments, element.span()));
            Ok(Type {
                name: Some(name),
                is_array: true,
                tokens: code,
            })
        }
        TokenTree::Ident(ident) => {
            let text = ident.to_string();
            let is_path =
                matches!(tokens.get(1), Some(TokenTree::Punct(punct)) if punct.as_char() == ':');
            let Some(name) = TYPE_NAMES.iter().find(|name| name.name == text) else {
                if is_path || text.starts_with(|c: char| c.is_uppercase()) {
                    return Ok(path_type(tokens));
                }
                return Err(Error::new(
                    ident.span(),
                    format!(
                        "there is no type `{text}`: {}, `[...; N]` of some of them, and paths to \
                         types that are a `Param` are allowed",
                        list(TYPE_NAMES.iter())
                    ),
                ));
            };
            let mut code = path(&["faultline", "params", name.path], ident.span());
            match (&name.argument, tokens.get(1)) {
                (Argument::None, None) => (),
                (Argument::None, Some(token)) => {
                    return Err(Error::new(
                        token.span(),
                        format!("`{text}` takes no arguments in angle brackets"),
                    ))
                }
                (Argument::Default(argument), None) => {
                    let argument: TokenStream =
                        argument.parse().map_err(|_| input.expected("a type"))?;
                    code.extend(angles(argument, ident.span()));
                }
                (Argument::Required(what), None) => {
                    return Err(Error::new(ident.span(), format!("`{text}` needs {what}")))
                }
                (_, Some(_)) => code.extend(tokens.into_iter().skip(1)),
            }
            Ok(Type {
                name: Some(name),
                is_array: false,
                tokens: code,
            })
        }
        _ => Ok(path_type(tokens)),
    }
}

fn path_type(tokens: Vec<TokenTree>) -> Type {
    Type {
        name: None,
        is_array: false,
        tokens: tokens.into_iter().collect(),
    }
}

/// Lists type names for a message.
fn list<'a>(names: impl Iterator<Item = &'a TypeName>) -> String {
    names.map(|name| name.name).collect::<Vec<_>>().join(", ")
}
