// SPDX-License-Identifier: GPL-2.0

//! What is told of a command besides its options: the end of its `--help`, and the sections of its
//! manual page.

use crate::terminal::layout::wrapped;

/// A list of words, each with its meaning.
#[derive(Clone, Copy)]
pub struct Words {
    pub title: &'static str,
    pub rows: fn() -> Vec<(String, String)>,
}

/// What is told of a command. Texts are paragraphs with an empty line between them.
#[derive(Clone, Copy)]
pub struct Guide {
    /// What it does.
    pub about: &'static str,
    pub words: Option<Words>,
    pub exit_status: &'static [(u8, &'static str)],
    /// What the numbers do not tell.
    pub exit_note: &'static str,
    /// Environment variables that it reads; for the manual page alone, as the next two.
    pub environment: &'static [(&'static str, &'static str)],
    pub files: &'static [(&'static str, &'static str)],
    /// Manual pages of other programs.
    pub see_also: &'static [(&'static str, &'static str)],
    /// Command lines; a line that ends in a backslash is continued.
    pub examples: &'static [&'static str],
}

impl Guide {
    /// A guide with nothing but the usual exit statuses.
    pub const NEW: Guide = Guide {
        about: "",
        words: None,
        exit_status: &[
            (0, "success"),
            (1, "the check failed"),
            (2, "wrong usage"),
            (3, "could not tell"),
        ],
        exit_note: "",
        environment: &[],
        files: &[],
        see_also: &[],
        examples: &[],
    };

    /// The same for a command that only watches, and checks nothing.
    pub const WATCHES: Guide = Guide {
        exit_status: &[(0, "success"), (2, "wrong usage"), (3, "could not tell")],
        ..Guide::NEW
    };

    /// Returns the end of the command's `--help`. clap wraps it.
    pub fn help(&self) -> String {
        let mut text = String::new();
        if !self.about.is_empty() {
            text += self.about;
            text += "\n\n";
        }
        if let Some(words) = &self.words {
            text += &format!("{}:\n", words.title);
            for (word, meaning) in (words.rows)() {
                text += &wrapped(&format!("  {word:<16}"), &meaning);
            }
            text.push('\n');
        }
        text += "exit status:";
        for (status, meaning) in self.exit_status {
            text += &format!("\n  {status}  {meaning}");
        }
        if !self.exit_note.is_empty() {
            text.push('\n');
            text += self.exit_note;
        }
        if !self.examples.is_empty() {
            text += "\n\nexamples:";
            for example in self.examples {
                text += &format!("\n  {}", example.replace('\n', "\n      "));
            }
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_the_help() {
        let guide = Guide {
            about: "One.\n\nTwo.",
            words: Some(Words {
                title: "modes",
                rows: || vec![("soft".into(), "spins".into())],
            }),
            exit_note: "Else: 4.",
            examples: &["a b", "c \\\nd"],
            ..Guide::NEW
        };
        assert_eq!(
            guide.help(),
            "One.\n\nTwo.\n\nmodes:\n  soft            spins\n\n\
             exit status:\n  0  success\n  1  the check failed\n  2  wrong usage\n  \
             3  could not tell\nElse: 4.\n\nexamples:\n  a b\n  c \\\n      d"
        );
    }
}
