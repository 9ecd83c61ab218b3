// SPDX-License-Identifier: GPL-2.0

//! Expressions, as text: `count`, `sk->__sk_common.skc_dport`, `ret`, `str(name)`. What they mean in a
//! function is told by its types: see `compile`.

/// What a user wants to know of a call.
#[derive(Debug, Clone, PartialEq)]
pub struct Expression {
    /// As it was written, without blanks around it.
    pub text: String,
    /// How its value is to be taken, if its type is not to tell.
    pub cast: Option<Cast>,
    pub base: Base,
    pub steps: Vec<Step>,
}

/// How a value is to be taken.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Cast {
    /// As the address of a text in the kernel's memory.
    Str,
    /// As the address of a text in the memory of the process.
    Ustr,
    /// As a number, in hexadecimal.
    Hex,
    /// As an IPv4 address of network byte order.
    Ip,
    /// As a number of so many bytes.
    Number { bytes: u32, signed: bool },
}

impl Cast {
    const NAMES: &'static [(&'static str, Cast)] = &[
        ("str", Cast::Str),
        ("ustr", Cast::Ustr),
        ("hex", Cast::Hex),
        ("ip", Cast::Ip),
        (
            "u8",
            Cast::Number {
                bytes: 1,
                signed: false,
            },
        ),
        (
            "u16",
            Cast::Number {
                bytes: 2,
                signed: false,
            },
        ),
        (
            "u32",
            Cast::Number {
                bytes: 4,
                signed: false,
            },
        ),
        (
            "u64",
            Cast::Number {
                bytes: 8,
                signed: false,
            },
        ),
        (
            "s8",
            Cast::Number {
                bytes: 1,
                signed: true,
            },
        ),
        (
            "s16",
            Cast::Number {
                bytes: 2,
                signed: true,
            },
        ),
        (
            "s32",
            Cast::Number {
                bytes: 4,
                signed: true,
            },
        ),
        (
            "s64",
            Cast::Number {
                bytes: 8,
                signed: true,
            },
        ),
    ];
}

/// Where an expression begins.
#[derive(Debug, Clone, PartialEq)]
pub enum Base {
    Parameter(String),
    /// An argument by its place, from 0.
    Argument(usize),
    Return,
    Known(Known),
}

/// What is known of a call of any function.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Known {
    /// How long the call took.
    Ns,
    /// The thread.
    Pid,
    /// The process.
    Tgid,
    Cpu,
    /// The name of the thread.
    Comm,
    Function,
    /// When it was, in seconds since boot.
    Time,
}

/// A step from a value to another.
#[derive(Debug, Clone, PartialEq)]
pub enum Step {
    /// `->name` or `.name`, which mean the same: whether it goes through a pointer, the type tells.
    Member(String),
    /// `[N]`
    Index(u64),
    /// `*` before the expression.
    Dereference,
}

impl Known {
    const NAMES: &'static [(&'static str, Known)] = &[
        ("ns", Known::Ns),
        ("pid", Known::Pid),
        ("tgid", Known::Tgid),
        ("cpu", Known::Cpu),
        ("comm", Known::Comm),
        ("function", Known::Function),
        ("time", Known::Time),
    ];

    pub fn name(self) -> &'static str {
        let known = Self::NAMES.iter().find(|(_, known)| *known == self);
        known.map_or("", |(name, _)| name)
    }
}

impl Expression {
    /// Reads all of `text`.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut cursor = Cursor::new(text);
        let expression = Self::take(&mut cursor)?;
        cursor.skip_blanks();
        match cursor.rest {
            "" => Ok(expression),
            rest => Err(format!("'{}': unexpected '{rest}'", text.trim())),
        }
    }

    /// Reads as much as is an expression.
    pub fn take(cursor: &mut Cursor<'_>) -> Result<Self, String> {
        cursor.skip_blanks();
        let start = cursor.rest;
        let mut expression = Self::inner(cursor)?;
        let length = start.len() - cursor.rest.len();
        expression.text = start[..length].trim_end().to_string();
        Ok(expression)
    }

    fn inner(cursor: &mut Cursor<'_>) -> Result<Self, String> {
        if cursor.take("*") {
            cursor.skip_blanks();
            let mut of = Self::inner(cursor)?;
            if of.cast.is_some() {
                return Err(format!(
                    "'{}': '*' goes inside the parentheses",
                    cursor.whole
                ));
            }
            of.steps.push(Step::Dereference);
            return Ok(of);
        }
        let quoted = cursor.take("$");
        let Some(name) = cursor.word() else {
            return Err(
                cursor.expected("the name of a parameter, or ret, ns, pid, tgid, cpu, comm")
            );
        };
        if name.starts_with(|letter: char| letter.is_ascii_digit()) {
            return Err(format!(
                "'{}': '{name}' stands where the name of a parameter is expected",
                cursor.whole
            ));
        }
        let before = cursor.rest;
        cursor.skip_blanks();
        if !quoted && cursor.take("(") {
            return Self::cast(cursor, name);
        }
        cursor.rest = before;
        Ok(Expression {
            text: String::new(),
            cast: None,
            base: base(name, quoted),
            steps: Self::steps(cursor)?,
        })
    }

    fn cast(cursor: &mut Cursor<'_>, name: &str) -> Result<Self, String> {
        let Some((_, cast)) = Cast::NAMES.iter().find(|(known, _)| *known == name) else {
            return Err(format!(
                "'{}': no function '{name}': expected str, ustr, hex, ip, or a type from u8 to s64",
                cursor.whole
            ));
        };
        cursor.skip_blanks();
        let mut of = Self::inner(cursor)?;
        if of.cast.is_some() {
            return Err(format!("'{}': one function at a time", cursor.whole));
        }
        cursor.skip_blanks();
        if !cursor.take(")") {
            return Err(cursor.expected("')'"));
        }
        of.cast = Some(*cast);
        Ok(of)
    }

    fn steps(cursor: &mut Cursor<'_>) -> Result<Vec<Step>, String> {
        let mut steps = Vec::new();
        loop {
            let before = cursor.rest;
            cursor.skip_blanks();
            if cursor.take("->") || cursor.take(".") {
                cursor.skip_blanks();
                let Some(name) = cursor.word() else {
                    return Err(cursor.expected("the name of a member"));
                };
                steps.push(Step::Member(name.into()));
            } else if cursor.take("[") {
                cursor.skip_blanks();
                let number = cursor.word().and_then(|word| word.parse().ok());
                cursor.skip_blanks();
                match number {
                    Some(number) if cursor.take("]") => steps.push(Step::Index(number)),
                    _ => return Err(cursor.expected("a number and ']'")),
                }
            } else {
                cursor.rest = before;
                return Ok(steps);
            }
        }
    }
}

/// What a name stands for. `$name` is a parameter in any case, as SystemTap writes it.
fn base(name: &str, quoted: bool) -> Base {
    let known = Known::NAMES.iter().find(|(known, _)| *known == name);
    let number = name
        .strip_prefix("arg")
        .and_then(|digits| digits.parse().ok());
    match (name, known, number) {
        ("ret", ..) if !quoted => Base::Return,
        ("return", ..) if quoted => Base::Return,
        (_, Some((_, known)), _) if !quoted => Base::Known(*known),
        (_, _, Some(number)) => Base::Argument(number),
        _ => Base::Parameter(name.into()),
    }
}

/// A place in a text.
pub struct Cursor<'a> {
    pub whole: &'a str,
    pub rest: &'a str,
}

impl<'a> Cursor<'a> {
    pub fn new(text: &'a str) -> Self {
        Cursor {
            whole: text.trim(),
            rest: text,
        }
    }

    pub fn skip_blanks(&mut self) {
        self.rest = self.rest.trim_start();
    }

    /// Takes `text`, if it is next.
    pub fn take(&mut self, text: &str) -> bool {
        let rest = self.rest.strip_prefix(text);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    /// Takes letters, digits and underscores, if any is next.
    pub fn word(&mut self) -> Option<&'a str> {
        let is_part = |letter: char| letter == '_' || letter.is_ascii_alphanumeric();
        let end = self.rest.find(|letter| !is_part(letter));
        let (word, rest) = self.rest.split_at(end.unwrap_or(self.rest.len()));
        self.rest = rest;
        (!word.is_empty()).then_some(word)
    }

    /// The complaint that something else is next.
    pub fn expected(&self, what: &str) -> String {
        match self.rest.trim() {
            "" => format!("'{}' ends where {what} is expected", self.whole),
            rest => format!("'{}': expected {what} at '{rest}'", self.whole),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn member(name: &str) -> Step {
        Step::Member(name.into())
    }

    #[test]
    fn what_they_say() {
        let parsed = |text: &str| {
            let Expression {
                text,
                cast,
                base,
                steps,
            } = Expression::parse(text).unwrap();
            (text, cast, base, steps)
        };
        let parameter = |name: &str| Base::Parameter(name.into());
        assert_eq!(
            parsed(" count "),
            ("count".into(), None, parameter("count"), vec![])
        );
        assert_eq!(
            parsed("sk->__sk_common.skc_dport"),
            (
                "sk->__sk_common.skc_dport".into(),
                None,
                parameter("sk"),
                vec![member("__sk_common"), member("skc_dport")]
            )
        );
        assert_eq!(
            parsed("ustr( ret -> x [ 3 ] )"),
            (
                "ustr( ret -> x [ 3 ] )".into(),
                Some(Cast::Ustr),
                Base::Return,
                vec![member("x"), Step::Index(3)]
            )
        );
        assert_eq!(parsed("*pos").3, [Step::Dereference],);
        assert_eq!(parsed("hex(*p->q)").3, [member("q"), Step::Dereference]);
        assert_eq!(parsed("arg7").2, Base::Argument(7));
        assert_eq!(parsed("args").2, parameter("args"));
        assert_eq!(parsed("comm").2, Base::Known(Known::Comm));
        assert_eq!(parsed("$comm").2, parameter("comm"));
        assert_eq!(parsed("$ret").2, parameter("ret"));
        assert_eq!(parsed("$return").2, Base::Return);
        assert_eq!(parsed("str").2, parameter("str"));
    }

    #[test]
    fn what_is_none() {
        let known = [
            ("", "'' ends where the name of a parameter"),
            ("a->", "'a->' ends where the name of a member is expected"),
            ("a.->b", "'a.->b': expected the name of a member at '->b'"),
            ("a b", "'a b': unexpected 'b'"),
            ("a + 1", "'a + 1': unexpected '+ 1'"),
            ("a[x]", "'a[x]': expected a number and ']'"),
            ("a[1", "'a[1' ends where a number and ']' is expected"),
            ("str(a", "'str(a' ends where ')' is expected"),
            (
                "sizeof(a)",
                "no function 'sizeof': expected str, ustr, hex, ip",
            ),
            ("str(ustr(a))", "one function at a time"),
            ("*str(a)", "'*' goes inside the parentheses"),
            ("0", "'0' stands where the name of a parameter is expected"),
            ("\u{e4}", "expected the name of a parameter"),
        ];
        for (text, complaint) in known {
            let error = Expression::parse(text).unwrap_err();
            assert!(error.contains(complaint), "{text}: {error}");
        }
    }
}
