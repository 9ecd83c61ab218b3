// SPDX-License-Identifier: GPL-2.0

//! The words for functions, which are SystemTap's:
//!
//! ```text
//! kernel.function("PATTERN")        functions of the kernel itself
//! module("M").function("PATTERN")   of the modules whose names fit
//! PATTERN                           of the kernel and of all modules
//! ```
//!
//! each with `.call` (the same as without), `.return`, and `.return.maxactive(N)`. What is wrong is
//! said with the column, and with what would be right.

use super::glob::Glob;
use std::fmt;
use std::str::FromStr;

/// As many calls in progress as a kretprobe can follow, in the kernel's own probe events too.
const MOST_ACTIVE: u32 = 4096;

/// Which functions, and where in them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern {
    /// As the user wrote it.
    pub text: String,
    pub place: Place,
    pub function: Glob,
    pub point: Point,
    /// Of a return: how many calls at once a kretprobe follows.
    pub maxactive: Option<u32>,
}

/// Whose functions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    Kernel,
    Module(Glob),
    Anywhere,
}

/// When a call is seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Point {
    Entry,
    Return,
}

impl Point {
    pub fn word(self) -> &'static str {
        match self {
            Point::Entry => "entry",
            Point::Return => "return",
        }
    }
}

/// What is wrong with a pattern.
#[derive(Debug, PartialEq, Eq)]
pub struct Wrong {
    /// Counted from 1.
    pub column: usize,
    pub says: String,
}

impl fmt::Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "column {}: {}", self.column, self.says)
    }
}

impl std::error::Error for Wrong {}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl FromStr for Pattern {
    type Err = Wrong;

    fn from_str(text: &str) -> Result<Self, Wrong> {
        Reader { text, at: 0 }.pattern()
    }
}

/// The text, and how far it is read.
struct Reader<'a> {
    text: &'a str,
    at: usize,
}

const EXAMPLE: &str = "kernel.function(\"vfs_read\")";

impl<'a> Reader<'a> {
    fn wrong<T>(&self, at: usize, says: impl Into<String>) -> Result<T, Wrong> {
        Err(Wrong {
            column: self
                .text
                .char_indices()
                .filter(|(byte, _)| *byte < at)
                .count()
                + 1,
            says: says.into(),
        })
    }

    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn skip_blanks(&mut self) {
        self.at = self.text.len() - self.rest().trim_start().len();
    }

    /// Takes a letter, if it is the next one.
    fn take(&mut self, letter: char) -> bool {
        self.skip_blanks();
        let is_next = self.rest().starts_with(letter);
        if is_next {
            self.at += letter.len_utf8();
        }
        is_next
    }

    fn expect(&mut self, letter: char, example: &str) -> Result<(), Wrong> {
        match self.take(letter) {
            true => Ok(()),
            false => self.wrong(
                self.at,
                format!("expected '{letter}', as in {example}, not {}", self.seen()),
            ),
        }
    }

    /// What is next, for a message.
    fn seen(&self) -> String {
        match self.rest().trim_start().chars().next() {
            Some(letter) => format!("{letter:?}"),
            None => "the end".into(),
        }
    }

    fn word(&mut self) -> &'a str {
        self.skip_blanks();
        let rest = self.rest();
        let is_part = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
        let end = rest.find(|letter| !is_part(letter)).unwrap_or(rest.len());
        self.at += end;
        &rest[..end]
    }

    fn pattern(mut self) -> Result<Pattern, Wrong> {
        self.skip_blanks();
        let start = self.at;
        let word = self.word();
        self.skip_blanks();
        let (place, function) = match (word, self.rest().chars().next()) {
            ("kernel", Some('.')) => (Place::Kernel, self.function()?),
            ("kernel", Some('(')) => {
                return self.wrong(self.at, format!("expected '.', as in {EXAMPLE}"));
            }
            ("module", Some('(')) => {
                let module = self.module()?;
                (Place::Module(module), self.function()?)
            }
            ("module", Some('.')) => {
                return self.wrong(
                    self.at,
                    "expected the module's name, as in module(\"veth\").function(\"veth_xmit\")",
                );
            }
            ("process", Some('(' | '.')) => {
                return self.wrong(
                    start,
                    format!("functions of programs are not probed, only the kernel's: {EXAMPLE}"),
                );
            }
            (word, Some('(')) if !word.is_empty() => {
                return self.wrong(
                    start,
                    format!(
                        "expected kernel.function(\"PATTERN\"), module(\"M\").function(\"PATTERN\") \
                         or a pattern alone, not '{word}('"
                    ),
                );
            }
            _ => {
                self.at = start;
                (Place::Anywhere, self.bare()?)
            }
        };
        let (mut point, mut maxactive) = (Point::Entry, None);
        let mut is_said = false;
        while self.take('.') {
            self.skip_blanks();
            let at = self.at;
            match self.word() {
                "call" | "return" if is_said => {
                    return self.wrong(at, "the pattern is of calls or of returns already");
                }
                "call" => is_said = true,
                "return" => (point, is_said) = (Point::Return, true),
                "maxactive" => {
                    if point != Point::Return {
                        return self.wrong(
                            at,
                            format!("maxactive is of returns: {EXAMPLE}.return.maxactive(64)"),
                        );
                    }
                    if maxactive.is_some() {
                        return self.wrong(at, "maxactive is there already");
                    }
                    maxactive = Some(self.number()?);
                }
                "inline" => {
                    return self.wrong(
                        at,
                        "inlined instances of a function have no entry that a probe could be put \
                         at; '.call' is of those that are called",
                    );
                }
                word => {
                    return self.wrong(
                        at,
                        format!(
                            "expected 'call', 'return' or 'maxactive(N)' after the '.', not '{word}'"
                        ),
                    );
                }
            }
        }
        self.skip_blanks();
        if !self.rest().is_empty() {
            return self.wrong(
                self.at,
                format!(
                    "expected '.return', '.call' or the end, not {}; each pattern is an argument of \
                     its own",
                    self.seen()
                ),
            );
        }
        Ok(Pattern {
            text: self.text.trim().into(),
            place,
            function,
            point,
            maxactive,
        })
    }

    /// `("M")`. The kernel has `_` in the names of modules where their files may have `-`.
    fn module(&mut self) -> Result<Glob, Wrong> {
        let example = "module(\"veth\").function(\"*\")";
        let (at, name) = self.argument(example)?;
        match name.contains('[') {
            true => self.glob(at, name),
            false => self.glob(at, &name.replace('-', "_")),
        }
    }

    /// `.function("PATTERN")`.
    fn function(&mut self) -> Result<Glob, Wrong> {
        self.expect('.', EXAMPLE)?;
        self.skip_blanks();
        let at = self.at;
        let word = self.word();
        if word != "function" {
            return self.wrong(
                at,
                format!("only functions are probed: {EXAMPLE}, not '{word}'"),
            );
        }
        let (at, pattern) = self.argument(EXAMPLE)?;
        self.glob(at, pattern)
    }

    /// `("TEXT")`, and where the text begins.
    fn argument(&mut self, example: &str) -> Result<(usize, &'a str), Wrong> {
        self.expect('(', example)?;
        self.skip_blanks();
        if !self.take('"') {
            return self.wrong(
                self.at,
                format!(
                    "expected a name in double quotes, as in {example}; in a shell, single quotes \
                     around the whole keep them"
                ),
            );
        }
        let at = self.at;
        let Some(length) = self.rest().find('"') else {
            return self.wrong(at - 1, "this '\"' has no second one");
        };
        let text = &self.rest()[..length];
        self.at += length + 1;
        self.expect(')', example)?;
        Ok((at, text))
    }

    fn number(&mut self) -> Result<u32, Wrong> {
        let example = ".return.maxactive(64)";
        self.expect('(', example)?;
        self.skip_blanks();
        let at = self.at;
        let word = self.word();
        let number = word.parse().ok();
        let Some(number) = number.filter(|number| (1..=MOST_ACTIVE).contains(number)) else {
            return self.wrong(
                at,
                format!("expected a number from 1 to {MOST_ACTIVE}, as in {example}"),
            );
        };
        self.expect(')', example)?;
        Ok(number)
    }

    /// A pattern alone: up to a suffix, since names of functions may have dots of their own.
    fn bare(&mut self) -> Result<Glob, Wrong> {
        let rest = self.rest();
        let suffix = |word: &str| {
            let at = rest.find(word)?;
            let next = rest[at + word.len()..].chars().next();
            matches!(next, None | Some('.' | '(' | ' ')).then_some(at)
        };
        let ends = [".call", ".return", ".inline", ".maxactive", ".function"];
        let end = ends.into_iter().filter_map(suffix).min();
        let blank = rest.find(char::is_whitespace);
        let end = end.into_iter().chain(blank).min().unwrap_or(rest.len());
        let (at, text) = (self.at, &rest[..end]);
        self.at += end;
        if text.is_empty() {
            return self.wrong(
                at,
                format!("expected a function or a pattern of functions, such as {EXAMPLE}"),
            );
        }
        self.glob(at, text)
    }

    fn glob(&self, at: usize, text: &str) -> Result<Glob, Wrong> {
        if let Some(sign) = text.find('@') {
            let name = &text[..sign];
            return self.wrong(
                at + sign,
                format!(
                    "source files are known to debug information only, which is not read here; a \
                     function is chosen by its name alone: \"{name}\""
                ),
            );
        }
        if let Some(colon) = text.find(':') {
            let (module, name) = (&text[..colon], text[colon..].trim_start_matches(':'));
            return self.wrong(
                at + colon,
                format!("':' is in no name; a module's function is module(\"{module}\").function(\"{name}\")"),
            );
        }
        Glob::parse(text).or_else(|wrong| self.wrong(at + wrong.at, wrong.says))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Pattern {
        text.parse()
            .unwrap_or_else(|wrong| panic!("{text}: {wrong}"))
    }

    #[test]
    fn all_forms() {
        let kernel = parse("kernel.function(\"tcp_v4_*\")");
        assert_eq!(kernel.place, Place::Kernel);
        assert_eq!(kernel.function.to_string(), "tcp_v4_*");
        assert_eq!((kernel.point, kernel.maxactive), (Point::Entry, None));
        let call = parse(" kernel . function ( \"vfs_read\" ) . call ");
        assert_eq!((call.place, call.point), (Place::Kernel, Point::Entry));
        assert_eq!(call.text, "kernel . function ( \"vfs_read\" ) . call");
        let module = parse("module(\"nf-tables\").function(\"*\").return");
        assert_eq!(
            module.place,
            Place::Module(Glob::parse("nf_tables").unwrap())
        );
        assert_eq!(module.point, Point::Return);
        let active = parse("kernel.function(\"vfs_read\").return.maxactive(4096)");
        assert_eq!(
            (active.point, active.maxactive),
            (Point::Return, Some(4096))
        );
        for (text, name, point) in [
            ("tcp_v4_*", "tcp_v4_*", Point::Entry),
            ("vfs_read.return", "vfs_read", Point::Return),
            ("foo.part.0", "foo.part.0", Point::Entry),
            ("foo.constprop.0.call", "foo.constprop.0", Point::Entry),
            ("kernel", "kernel", Point::Entry),
            ("module", "module", Point::Entry),
            ("kernel_read", "kernel_read", Point::Entry),
            (
                "module_put.return.maxactive(3)",
                "module_put",
                Point::Return,
            ),
            ("do_[a-c]*", "do_[a-c]*", Point::Entry),
            ("foo.returns", "foo.returns", Point::Entry),
        ] {
            let plain = parse(text);
            assert_eq!(plain.place, Place::Anywhere, "{text}");
            assert_eq!(
                (plain.function.to_string().as_str(), plain.point),
                (name, point)
            );
        }
    }

    #[test]
    fn each_mistake_has_its_column_and_what_is_right() {
        for (text, column, says) in [
            ("", 1, "expected a function or a pattern"),
            ("  ", 3, "expected a function or a pattern"),
            ("kernel.function(vfs_read)", 17, "in double quotes"),
            ("kernel.function(\"vfs_read)", 17, "no second one"),
            ("kernel.function(\"vfs_read\"", 27, "expected ')'"),
            ("kernel.function\"vfs_read\"", 16, "expected '('"),
            ("kernel(\"vfs_read\")", 7, "expected '.'"),
            ("kernel.statement(\"x\")", 8, "only functions"),
            ("kernel.function(\"\")", 18, "empty"),
            ("kernel.function(\"a b\")", 19, "' ' is in no name"),
            ("kernel.function(\"x[\")", 19, "no ']'"),
            (
                "kernel.function(\"vfs_read@fs/read_write.c\")",
                26,
                "\"vfs_read\"",
            ),
            (
                "kernel.function(\"*@fs/read_write.c:10\")",
                19,
                "debug information",
            ),
            ("vfs_read@fs/read_write.c", 9, "debug information"),
            ("kernel.function(\"x\").inline", 22, "'.call'"),
            ("x.inline", 3, "no entry"),
            ("kernel.function(\"x\").exported", 22, "'return'"),
            ("kernel.function(\"x\").", 22, "'return'"),
            (
                "kernel.function(\"x\").maxactive(3)",
                22,
                ".return.maxactive(64)",
            ),
            (
                "kernel.function(\"x\").call.maxactive(3)",
                27,
                ".return.maxactive(64)",
            ),
            ("x.return.maxactive(0)", 20, "from 1 to 4096"),
            ("x.return.maxactive(4097)", 20, "from 1 to 4096"),
            ("x.return.maxactive(x)", 20, "from 1 to 4096"),
            ("x.return.maxactive", 19, "expected '('"),
            ("x.return.maxactive(1).maxactive(1)", 23, "already"),
            ("x.return.call", 10, "already"),
            ("x.return.return", 10, "already"),
            ("module.function(\"x\")", 7, "module(\"veth\")"),
            ("module(veth).function(\"x\")", 8, "in double quotes"),
            ("module(\"veth\")", 15, "expected '.'"),
            ("module(\"veth\").function", 24, "expected '('"),
            ("module(\"ve/th\").function(\"x\")", 11, "'/' is in no name"),
            ("process(\"sh\").function(\"main\")", 1, "of programs"),
            ("syscall(\"read\")", 1, "not 'syscall('"),
            (
                "veth:veth_xmit",
                5,
                "module(\"veth\").function(\"veth_xmit\")",
            ),
            ("vfs_read vfs_write", 10, "argument of its own"),
            (
                "kernel.function(\"x\"), kernel.function(\"y\")",
                21,
                "argument of its own",
            ),
            ("\u{e4}.return", 1, "is in no name"),
            ("x-y", 2, "'-' is in no name"),
        ] {
            match text.parse::<Pattern>() {
                Ok(pattern) => panic!("{text}: {pattern:?}"),
                Err(wrong) => assert!(
                    wrong.column == column && wrong.says.contains(says),
                    "{text}: {wrong}"
                ),
            }
        }
    }
}
