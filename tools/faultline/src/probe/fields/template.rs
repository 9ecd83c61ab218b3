// SPDX-License-Identifier: GPL-2.0

//! What `--print` says: text with expressions in braces. `{{` and `}}` are braces.

use super::expression::Expression;

/// A text with expressions.
#[derive(Debug, Clone, PartialEq)]
pub struct Template(pub Vec<Piece>);

#[derive(Debug, Clone, PartialEq)]
pub enum Piece {
    Text(String),
    Value(Expression),
}

impl Template {
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut pieces = Vec::new();
        let mut plain = String::new();
        let mut rest = text;
        while let Some(at) = rest.find(['{', '}', '\\']) {
            plain += &rest[..at];
            let special = &rest[at..];
            rest = &rest[at + 1..];
            if let Some((letter, length)) = escaped(special) {
                plain.push(letter);
                rest = &special[length..];
            } else if special.starts_with('\\') {
                plain.push('\\');
            } else if special.starts_with('}') {
                return Err("a '}' without '{': for a brace write '}}'".into());
            } else {
                let Some((inside, after)) = rest.split_once('}') else {
                    return Err(format!(
                        "'{special}': '}}' is missing: for a brace write '{{{{'"
                    ));
                };
                if !plain.is_empty() {
                    pieces.push(Piece::Text(std::mem::take(&mut plain)));
                }
                pieces.push(Piece::Value(Expression::parse(inside)?));
                rest = after;
            }
        }
        plain += rest;
        if !plain.is_empty() {
            pieces.push(Piece::Text(plain));
        }
        Ok(Template(pieces))
    }

    pub fn expressions(&self) -> impl Iterator<Item = &Expression> {
        self.0.iter().filter_map(|piece| match piece {
            Piece::Value(expression) => Some(expression),
            Piece::Text(_) => None,
        })
    }
}

/// What two letters stand for, if they do.
fn escaped(text: &str) -> Option<(char, usize)> {
    let letter = match text.get(..2)? {
        "{{" => '{',
        "}}" => '}',
        "\\t" => '\t',
        "\\n" => '\n',
        "\\\\" => '\\',
        _ => return None,
    };
    Some((letter, 2))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> String {
        let pieces = Template::parse(text).unwrap().0;
        let shown = pieces.iter().map(|piece| match piece {
            Piece::Text(text) => format!("<{text}>"),
            Piece::Value(expression) => format!("[{}]", expression.text),
        });
        shown.collect()
    }

    #[test]
    fn pieces() {
        assert_eq!(
            shown("{comm} {count} -> {ret} in {ns}"),
            "[comm]< >[count]< -> >[ret]< in >[ns]"
        );
        assert_eq!(shown("{{{ a }}}"), "<{>[a]<}>");
        assert_eq!(shown("plain \\t\\\\n\\x \u{e4}"), "<plain \t\\n\\x \u{e4}>");
        assert_eq!(shown("{a}{b->c}"), "[a][b->c]");
        assert_eq!(shown(""), "");
    }

    #[test]
    fn what_is_wrong() {
        for (text, complaint) in [
            ("{a", "'{a': '}' is missing"),
            ("a}", "a '}' without '{'"),
            ("{}", "'' ends where"),
            ("{a b}", "unexpected 'b'"),
        ] {
            let error = Template::parse(text).unwrap_err();
            assert!(error.contains(complaint), "{text}: {error}");
        }
    }
}
