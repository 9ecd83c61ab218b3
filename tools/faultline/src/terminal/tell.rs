// SPDX-License-Identifier: GPL-2.0

//! What the program says on stderr beside its results: a line each, with the program's name.

use super::layout::{lay_out, Part};
use super::out::columns;
use std::fmt::Display;
use std::io::{self, Write};

/// Prints a line on stderr with the program's name, wrapped on a terminal. An error of stderr is ignored.
pub fn tell(text: impl Display) {
    let text = said(&text.to_string(), columns(&io::stderr()));
    let _ = io::stderr().write_all(text.as_bytes());
}

fn said(text: &str, width: Option<usize>) -> String {
    let words: Vec<_> = text.split(' ').map(Part::plain).collect();
    lay_out("faultline: ", &words, width, false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_terminal_has_columns() {
        let text = format!("nothing comes from {}\u{1b}[2J", "a function ".repeat(10));
        let line = said(&text, None);
        assert_eq!(line.lines().count(), 1);
        assert!(line.starts_with("faultline: nothing ") && line.ends_with("\\x1b[2J\n"));
        let lines = said(&text, Some(80));
        assert!(lines.lines().count() > 1 && lines.lines().all(|line| line.chars().count() <= 80));
        assert_eq!(
            lines.split_whitespace().collect::<Vec<_>>(),
            line.split_whitespace().collect::<Vec<_>>()
        );
    }
}
