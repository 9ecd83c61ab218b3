// SPDX-License-Identifier: GPL-2.0

//! Reads a [`Pattern`], letter by letter: what is wrong has its column, and what would be right.

use super::glob::Glob;
use super::pattern::{Pattern, Place, Point, Wrong};
use std::str::FromStr;

/// As many calls in progress as a kretprobe can follow, in the kernel's own probe events too.
const MOST_ACTIVE: u32 = 4096;

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
        let (place, (function, file)) = match (word, self.rest().chars().next()) {
            ("kernel", Some('.')) => (Place::Kernel, self.function()?),
            ("kernel", Some('(')) => {
                return self.wrong(self.at, format!("expected '.', as in {EXAMPLE}"));
            }
            ("module", Some('(')) => {
                let module = self.module()?;
                let before = self.at;
                let (function, file) = self.function()?;
                if file.is_some() {
                    let at = before + self.text[before..self.at].find('@').unwrap_or(0);
                    return self.wrong(
                        at,
                        "source files are known of the kernel's own functions only, not of modules'",
                    );
                }
                (Place::Module(module), (function, None))
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
            file,
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

    /// `.function("PATTERN")`, with a file or not.
    fn function(&mut self) -> Result<(Glob, Option<Glob>), Wrong> {
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
        self.glob_and_file(at, pattern)
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
    fn bare(&mut self) -> Result<(Glob, Option<Glob>), Wrong> {
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
        self.glob_and_file(at, text)
    }

    /// `NAME`, or `NAME@FILE`.
    fn glob_and_file(&self, at: usize, text: &str) -> Result<(Glob, Option<Glob>), Wrong> {
        let Some((name, file)) = text.split_once('@') else {
            return Ok((self.glob(at, text)?, None));
        };
        let of_file = at + name.len() + 1;
        if let Some(colon) = file.find(':') {
            return self.wrong(
                of_file + colon,
                format!(
                    "functions are probed, no lines: \"{name}@{}\"",
                    &file[..colon]
                ),
            );
        }
        if file.is_empty() {
            return self.wrong(
                of_file,
                "expected a source file, as in vfs_*@fs/read_write.c",
            );
        }
        let parsed = Glob::parse_file(file);
        let file = parsed.or_else(|wrong| self.wrong(of_file + wrong.at, wrong.says))?;
        Ok((self.glob(at, name)?, Some(file)))
    }

    fn glob(&self, at: usize, text: &str) -> Result<Glob, Wrong> {
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
mod tests;
