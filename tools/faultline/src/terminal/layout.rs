// SPDX-License-Identifier: GPL-2.0

//! Wraps text into lines, with or without colours. The words are escaped for a terminal.

use super::escape;
use anstyle::{AnsiColor, Style};
use std::fmt::Write;

/// The width of lines if stdout is not a terminal.
pub const WIDTH: usize = 80;

/// What is as it should be.
pub const GOOD: Style = AnsiColor::Green.on_default();
/// What is not.
pub const BAD: Style = AnsiColor::Red.on_default().bold();
/// What could not be told, or may not be so.
pub const DOUBT: Style = AnsiColor::Yellow.on_default();
/// What matters least.
pub const ASIDE: Style = Style::new().dimmed();

/// Words that stay together, and their style.
pub struct Part(pub String, pub Style);

impl Part {
    pub fn plain(text: impl Into<String>) -> Self {
        Part(text.into(), Style::new())
    }
}

/// Returns the parts after `lead`, separated by blanks and wrapped at `width` (none: not wrapped);
/// further lines are indented as far as the lead.
pub fn lay_out(lead: &str, parts: &[Part], width: Option<usize>, colour: bool) -> String {
    let indent = lead.chars().count();
    let (mut out, mut column) = (lead.to_string(), indent);
    for (at, Part(text, style)) in parts.iter().enumerate() {
        let text = escape::line(text);
        let length = text.chars().count();
        if at > 0 && width.is_some_and(|width| column + 1 + length > width) {
            let _ = write!(out, "\n{:indent$}", "");
            column = indent;
        } else if at > 0 {
            out.push(' ');
            column += 1;
        }
        if colour {
            let _ = write!(out, "{style}{text}{style:#}");
        } else {
            out += &text;
        }
        column += length;
    }
    out.push('\n');
    out
}

/// Gives the first word of each line its style, where it is one of `words` and the line begins with it or with
/// two blanks and it.
pub fn painted(text: &str, words: &[(&str, Style)]) -> String {
    let mut out = String::with_capacity(text.len() + 256);
    for line in text.split_inclusive('\n') {
        let inside = line.strip_prefix("  ").unwrap_or(line);
        let lead = &line[..line.len() - inside.len()];
        let found = words.iter().find_map(|(word, style)| {
            let rest = inside.strip_prefix(word)?;
            let ends = rest.starts_with([' ', '\n']) || rest.is_empty();
            ends.then_some((word, style, rest))
        });
        let _ = match found {
            Some((word, style, rest)) => write!(out, "{lead}{style}{word}{style:#}{rest}"),
            None => write!(out, "{line}"),
        };
    }
    out
}

/// Returns `text` after `lead`, wrapped at blanks.
pub fn wrapped(lead: &str, text: &str) -> String {
    let words: Vec<_> = text.split_whitespace().map(Part::plain).collect();
    lay_out(lead, &words, Some(WIDTH), false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wraps_at_80_columns() {
        let text = wrapped("  12.0 s  ", &"word ".repeat(40));
        assert!(text.lines().count() > 2 && text.lines().all(|line| line.len() <= WIDTH));
        assert!(text
            .lines()
            .skip(1)
            .all(|line| line.starts_with("          word")));
        assert_eq!(wrapped("", ""), "\n");
    }

    #[test]
    fn words_from_elsewhere_are_escaped_before_they_are_measured() {
        let parts = [Part::plain("a\u{1b}[2J"), Part::plain("b")];
        assert_eq!(lay_out("> ", &parts, Some(12), false), "> a\\x1b[2J b\n");
        assert_eq!(lay_out("> ", &parts, Some(11), false), "> a\\x1b[2J\n  b\n");
        assert_eq!(wrapped("", "x\u{9b}y \u{202e}z"), "x\\x9by \\u{202e}z\n");
    }

    #[test]
    fn first_words_are_painted() {
        let words = [("ok", GOOD), ("NO DUMP:", BAD)];
        let text = "  ok      a\nok\n   ok x\nokay\nNO DUMP: ok\n  | NO DUMP: b";
        assert_eq!(
            painted(text, &words),
            "  \u{1b}[32mok\u{1b}[0m      a\n\u{1b}[32mok\u{1b}[0m\n   ok x\nokay\n\
             \u{1b}[1m\u{1b}[31mNO DUMP:\u{1b}[0m ok\n  | NO DUMP: b"
        );
        assert_eq!(painted(text, &[]), text);
    }

    #[test]
    fn colours_take_no_room() {
        let bold = |text: &str| Part(text.into(), Style::new().bold());
        let parts = [bold("a b"), bold("c")];
        assert_eq!(lay_out("> ", &parts, Some(7), false), "> a b c\n");
        assert_eq!(lay_out("> ", &parts, Some(6), false), "> a b\n  c\n");
        assert_eq!(
            lay_out("> ", &parts, Some(7), true),
            "> \u{1b}[1ma b\u{1b}[0m \u{1b}[1mc\u{1b}[0m\n"
        );
    }
}
