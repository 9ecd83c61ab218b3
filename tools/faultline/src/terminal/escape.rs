// SPDX-License-Identifier: GPL-2.0

//! Escapes untrusted text for a terminal: the kernel log, names of devices and of processes, output
//! of other programs. Such text may move the cursor, clear the screen, or reverse the order of
//! letters. Everything that the program prints goes through here.

use std::borrow::Cow;
use std::fmt::Write;

/// Returns whether a terminal would interpret the character instead of showing it.
fn is_active(letter: char) -> bool {
    letter.is_control()
        || matches!(letter,
            // Line and paragraph separators; marks, embeddings, overrides and isolates of
            // direction; characters without a width.
            '\u{2028}' | '\u{2029}' | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
                | '\u{2060}'..='\u{2069}' | '\u{feff}' | '\u{e0000}'..='\u{e007f}')
}

fn escaped(text: &str, keeps: fn(char) -> bool, write: fn(&mut String, char)) -> Cow<'_, str> {
    let is_left = |letter: char| keeps(letter) || !is_active(letter);
    if text.chars().all(is_left) {
        return text.into();
    }
    let mut out = String::with_capacity(text.len() + 16);
    for letter in text.chars() {
        if is_left(letter) {
            out.push(letter);
        } else {
            write(&mut out, letter);
        }
    }
    out.into()
}

fn for_people(out: &mut String, letter: char) {
    let _ = match u32::from(letter) {
        code @ ..=0xff => write!(out, "\\x{code:02x}"),
        code => write!(out, "\\u{{{code:x}}}"),
    };
}

fn for_json(out: &mut String, letter: char) {
    for unit in letter.encode_utf16(&mut [0; 2]) {
        let _ = write!(out, "\\u{unit:04x}");
    }
}

/// Escapes one line.
pub fn line(text: &str) -> Cow<'_, str> {
    escaped(text, |_| false, for_people)
}

/// Escapes text of several lines, and keeps the newlines.
pub fn text(text: &str) -> Cow<'_, str> {
    escaped(text, |letter| letter == '\n', for_people)
}

/// Escapes a JSON document. serde_json does not escape DEL, the C1 controls and other characters;
/// they can only be in strings.
pub fn json(text: &str) -> Cow<'_, str> {
    escaped(text, |letter| letter == '\n', for_json)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_would_act_on() {
        assert_eq!(
            line("a\u{1b}[2Jb\r\n\tc\u{7f}"),
            "a\\x1b[2Jb\\x0d\\x0a\\x09c\\x7f"
        );
        assert_eq!(
            line("\u{9b}31m \u{202e}abc\u{2028}"),
            "\\x9b31m \\u{202e}abc\\u{2028}"
        );
        assert_eq!(text("a\nb\u{7}\n"), "a\nb\\x07\n");
        for harmless in ["", "eth0", "n\u{e4}me \u{1f600} \\x1b", "\u{4e2d}"] {
            assert!(matches!(line(harmless), Cow::Borrowed(text) if text == harmless));
        }
    }

    #[test]
    fn json_stays_what_it_is() {
        let value = serde_json::json!({ "dev": "\u{1b}[2J\u{9b}\u{7f}\u{202e}\u{e0001}\n" });
        for document in [
            value.to_string(),
            serde_json::to_string_pretty(&value).unwrap(),
        ] {
            let safe = json(&document);
            assert!(
                !safe
                    .chars()
                    .any(|letter| letter != '\n' && is_active(letter)),
                "{safe:?}"
            );
            assert_eq!(
                serde_json::from_str::<serde_json::Value>(&safe).unwrap(),
                value
            );
        }
    }
}
