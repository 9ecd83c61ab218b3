// SPDX-License-Identifier: GPL-2.0

//! A kernel command line: its words, as the kernel splits them.

/// The words of a kernel command line.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct CommandLine(Vec<String>);

impl CommandLine {
    /// Splits at blanks that are not in quotes. After `--` the words are init's.
    pub fn parse(text: &str) -> Self {
        let (mut words, mut word, mut quoted) = (Vec::new(), String::new(), false);
        for letter in text.chars() {
            match letter {
                '"' => quoted = !quoted,
                blank if blank.is_whitespace() && !quoted => words.push(std::mem::take(&mut word)),
                other => word.push(other),
            }
        }
        words.push(word);
        words.retain(|word| !word.is_empty());
        let end = words
            .iter()
            .position(|word| word == "--")
            .unwrap_or(words.len());
        words.truncate(end);
        CommandLine(words)
    }

    pub fn words(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words() {
        let line = CommandLine::parse("BOOT_IMAGE=/vmlinuz quiet dyndbg=\"a b\"\t-- nowatchdog\n");
        let words: Vec<_> = line.words().collect();
        assert_eq!(words, ["BOOT_IMAGE=/vmlinuz", "quiet", "dyndbg=a b"]);
        assert_eq!(CommandLine::parse("").words().count(), 0);
    }
}
