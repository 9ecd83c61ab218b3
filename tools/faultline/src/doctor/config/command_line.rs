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

    /// Returns whether a word without a value is there.
    pub fn has(&self, name: &str) -> bool {
        self.words().any(|word| same(word, name))
    }

    /// The value of `name=`: the last one, which is the one that counts for most.
    pub fn value(&self, name: &str) -> Option<&str> {
        let pairs = self.words().filter_map(|word| word.split_once('='));
        let found = pairs.filter(|(key, _)| same(key, name)).last();
        found.map(|(_, value)| value)
    }

    /// All values of `name=`, in order.
    pub fn values(&self, name: &str) -> Vec<&str> {
        let pairs = self.words().filter_map(|word| word.split_once('='));
        pairs
            .filter(|(key, _)| same(key, name))
            .map(|(_, value)| value)
            .collect()
    }
}

/// To the kernel, `-` and `_` are the same in a parameter's name.
fn same(one: &str, other: &str) -> bool {
    let plain = |letter: char| if letter == '-' { '_' } else { letter };
    one.chars().map(plain).eq(other.chars().map(plain))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_and_values() {
        let line = CommandLine::parse(
            "BOOT_IMAGE=/vmlinuz quiet crashkernel=1M crashkernel=512M-:192M dyndbg=\"a b\" \
             crash-kexec-post-notifiers -- nowatchdog\n",
        );
        assert_eq!(line.value("crashkernel"), Some("512M-:192M"));
        assert_eq!(line.values("crashkernel").len(), 2);
        assert_eq!(line.value("dyndbg"), Some("a b"));
        assert!(line.has("crash_kexec_post_notifiers") && line.has("quiet"));
        assert!(!line.has("nowatchdog") && !line.has("crashkernel"));
        assert_eq!(CommandLine::parse("").words().count(), 0);
    }
}
