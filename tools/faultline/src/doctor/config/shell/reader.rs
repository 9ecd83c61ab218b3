// SPDX-License-Identifier: GPL-2.0

//! The assignments in a file that a shell sources, one after the other, and what the shell makes of
//! each value.

/// Longer values than any of these files needs are not known, as they would be made from
/// each other: `A=$A$A` doubles one with each line.
pub const LONGEST: usize = 4096;

/// One assignment, as it is read.
pub struct Assignment {
    pub name: String,
    /// The value, or nothing where only a shell could tell it.
    pub value: Option<String>,
    pub line: usize,
}

/// What a variable is now; empty if it is not set, and nothing where only a shell could tell.
pub type Lookup<'a> = &'a dyn Fn(&str) -> Option<String>;

/// Reads statements, one after the other.
pub struct Reader<'a> {
    text: &'a [u8],
    at: usize,
    line: usize,
    /// The `if`, `case`, loops and groups that it is inside of, by their ends.
    inside: Vec<&'static str>,
    /// Whether it is behind a `&&` or `||`.
    is_conditional: bool,
}

impl<'a> Reader<'a> {
    /// Begins with the first line of `text`.
    pub fn new(text: &'a str) -> Self {
        Reader {
            text: text.as_bytes(),
            at: 0,
            line: 1,
            inside: Vec::new(),
            is_conditional: false,
        }
    }

    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn next(&mut self) -> Option<u8> {
        let byte = self.peek()?;
        self.at += 1;
        if byte == b'\n' {
            self.line += 1;
        }
        Some(byte)
    }

    /// The next assignment that is a statement of its own.
    pub fn assignment(&mut self, lookup: Lookup<'_>) -> Option<Assignment> {
        loop {
            self.skip_blank();
            let (start, line) = (self.at, self.line);
            self.peek()?;
            if let Some((name, appends)) = self.name() {
                let value = self.word(lookup);
                if self.is_command_next() {
                    // For that command only.
                    self.skip_statement();
                    continue;
                }
                let value = match (value, appends) {
                    (Some(value), true) => lookup(&name).map(|before| before + &value),
                    (value, _) => value,
                };
                let value = value.filter(|value| {
                    self.inside.is_empty() && !self.is_conditional && value.len() <= LONGEST
                });
                return Some(Assignment { name, value, line });
            }
            self.at = start;
            self.line = line;
            let word = self.bare_word();
            match word.as_str() {
                "if" => self.inside.push("fi"),
                "case" => {
                    self.inside.push("esac");
                    self.skip_statement();
                }
                "for" | "while" | "until" => self.inside.push("done"),
                "{" => self.inside.push("}"),
                "(" => self.inside.push(")"),
                // Of a `case`, a pattern ends with one, too.
                end @ ("fi" | "esac" | "done" | "}" | ")") => {
                    if self.inside.last().is_some_and(|open| *open == end) {
                        self.inside.pop();
                    }
                }
                "then" | "else" | "do" | "export" | "readonly" | "local" | "elif" => {}
                "" => {
                    // A quote, or a letter that no word has.
                    self.next();
                    self.skip_statement();
                }
                _ => self.skip_statement(),
            }
        }
    }

    fn skip_blank(&mut self) {
        while let Some(byte) = self.peek() {
            match byte {
                b'#' => {
                    while self.peek().is_some_and(|byte| byte != b'\n') {
                        self.next();
                    }
                }
                b'\\' if self.text.get(self.at + 1) == Some(&b'\n') => {
                    self.next();
                    self.next();
                }
                b'\n' | b';' => {
                    self.is_conditional = false;
                    self.next();
                }
                b'&' | b'|' => {
                    self.is_conditional = true;
                    self.next();
                }
                b' ' | b'\t' | b'\r' => {
                    self.next();
                }
                _ => break,
            }
        }
    }

    /// `NAME=` or `NAME+=`, and whether it is the latter.
    fn name(&mut self) -> Option<(String, bool)> {
        let rest = &self.text[self.at..];
        let length = rest
            .iter()
            .take_while(|byte| byte.is_ascii_alphanumeric() || **byte == b'_')
            .count();
        if length == 0 || rest[0].is_ascii_digit() {
            return None;
        }
        let (appends, sign) = match rest.get(length..) {
            Some([b'=', ..]) => (false, 1),
            Some([b'+', b'=', ..]) => (true, 2),
            _ => return None,
        };
        self.at += length + sign;
        Some((
            String::from_utf8_lossy(&rest[..length]).into_owned(),
            appends,
        ))
    }

    /// A word without quotes, of a command or a keyword.
    fn bare_word(&mut self) -> String {
        let start = self.at;
        match self.peek() {
            Some(b'(' | b')' | b'{' | b'}') => self.at += 1,
            _ => {
                while self
                    .peek()
                    .is_some_and(|byte| byte.is_ascii_alphanumeric() || b"_./-[]:!".contains(&byte))
                {
                    self.at += 1;
                }
            }
        }
        String::from_utf8_lossy(&self.text[start..self.at]).into_owned()
    }

    /// Whether a word follows on the same line that is no assignment.
    fn is_command_next(&mut self) -> bool {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\r')) {
            self.next();
        }
        if matches!(
            self.peek(),
            None | Some(b'\n' | b';' | b'#' | b'&' | b'|' | b')')
        ) {
            return false;
        }
        let start = self.at;
        let is_assignment = self.name().is_some();
        self.at = start;
        !is_assignment
    }

    fn skip_statement(&mut self) {
        loop {
            match self.peek() {
                None | Some(b'\n' | b';' | b'&' | b'|' | b')') => return,
                Some(b' ' | b'\t' | b'\r' | b'(' | b'<' | b'>') => {
                    self.next();
                }
                Some(b'#') => return self.skip_blank(),
                Some(_) => {
                    self.word(&|_| None);
                }
            }
        }
    }

    /// A word, with what quotes and variables make of it.
    fn word(&mut self, lookup: Lookup<'_>) -> Option<String> {
        let mut out = Vec::new();
        let mut is_known = true;
        let mut in_quotes = false;
        while let Some(byte) = self.peek() {
            match byte {
                b'"' => {
                    self.next();
                    in_quotes = !in_quotes;
                }
                b'\'' if !in_quotes => {
                    self.next();
                    while let Some(byte) = self.next() {
                        if byte == b'\'' {
                            break;
                        }
                        out.push(byte);
                    }
                }
                b'\\' => {
                    self.next();
                    match self.next() {
                        None | Some(b'\n') => {}
                        Some(byte) => {
                            if in_quotes && !b"$`\"\\".contains(&byte) {
                                out.push(b'\\');
                            }
                            out.push(byte);
                        }
                    }
                }
                b'$' => match self.variable(lookup) {
                    Some(value) if out.len() <= LONGEST => out.extend(value.bytes()),
                    _ => is_known = false,
                },
                b'`' => {
                    self.next();
                    while self.next().is_some_and(|byte| byte != b'`') {}
                    is_known = false;
                }
                b' ' | b'\t' | b'\r' | b'\n' | b';' | b'&' | b'|' | b'(' | b')' | b'<' | b'>'
                    if !in_quotes =>
                {
                    break;
                }
                _ => {
                    self.next();
                    out.push(byte);
                }
            }
        }
        is_known.then(|| String::from_utf8_lossy(&out).into_owned())
    }

    /// What follows a `$`; one that is not set is empty.
    fn variable(&mut self, lookup: Lookup<'_>) -> Option<String> {
        self.next();
        let is_name = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
        match self.peek() {
            Some(b'(') => {
                let mut depth = 0usize;
                while let Some(byte) = self.next() {
                    match byte {
                        b'(' => depth += 1,
                        b')' => depth -= 1,
                        _ => {}
                    }
                    if depth == 0 {
                        break;
                    }
                }
                None
            }
            Some(b'{') => {
                self.next();
                let start = self.at;
                while self.peek().is_some_and(|byte| byte != b'}') {
                    self.next();
                }
                let inner = String::from_utf8_lossy(&self.text[start..self.at]).into_owned();
                self.next();
                inner.bytes().all(is_name).then(|| lookup(&inner)).flatten()
            }
            Some(byte) if is_name(byte) && !byte.is_ascii_digit() => {
                let start = self.at;
                while self.peek().is_some_and(is_name) {
                    self.at += 1;
                }
                lookup(&String::from_utf8_lossy(&self.text[start..self.at]))
            }
            Some(b' ' | b'"' | b'\n') | None => Some("$".to_owned()),
            Some(_) => {
                self.next();
                None
            }
        }
    }
}
