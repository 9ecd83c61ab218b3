// SPDX-License-Identifier: GPL-2.0

//! Patterns of names: `*`, `?` and `[a-z]`, as a shell has them.

use std::fmt;

/// As long as the kernel lets a name be.
const LONGEST: usize = 511;

/// A name, or a pattern of names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Glob {
    text: String,
    parts: Vec<Part>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Letter(u8),
    Any,
    Many,
    Set { not: bool, ranges: Vec<(u8, u8)> },
}

/// What is wrong, and at which letter, counted from 0.
#[derive(Debug, PartialEq, Eq)]
pub struct Wrong {
    pub at: usize,
    pub says: String,
}

impl Glob {
    /// Takes a pattern apart. Its letters are those of names in the kernel.
    ///
    /// # Errors
    ///
    /// Fails at the first letter that no pattern can have there.
    pub fn parse(text: &str) -> Result<Self, Wrong> {
        Self::of_letters(text, is_letter)
    }

    /// The same, of the names of source files.
    pub fn parse_file(text: &str) -> Result<Self, Wrong> {
        Self::of_letters(text, |letter| {
            is_letter(letter) || matches!(letter, b'/' | b'-' | b'+')
        })
    }

    fn of_letters(text: &str, is_letter: impl Fn(u8) -> bool) -> Result<Self, Wrong> {
        let wrong = |at, says: String| Err(Wrong { at, says });
        if text.is_empty() {
            return wrong(0, "it is empty; '*' stands for all functions".into());
        }
        if text.len() > LONGEST {
            return wrong(
                LONGEST,
                format!("it is longer than {LONGEST} letters, as no name is"),
            );
        }
        let (bytes, mut parts, mut at) = (text.as_bytes(), Vec::new(), 0);
        while let Some(&letter) = bytes.get(at) {
            at += 1;
            match letter {
                b'*' if parts.last() == Some(&Part::Many) => {}
                b'*' => parts.push(Part::Many),
                b'?' => parts.push(Part::Any),
                b'[' => {
                    let (set, length) = set(&bytes[at..]).map_err(|says| Wrong {
                        at: at - 1,
                        says: says.into(),
                    })?;
                    parts.push(set);
                    at += length;
                }
                letter if is_letter(letter) => parts.push(Part::Letter(letter)),
                _ => {
                    let letter = text[at - 1..].chars().next().unwrap_or('?');
                    return wrong(
                        at - 1,
                        format!(
                            "{letter:?} is in no name; expected letters, digits, '_', '.', and the \
                             patterns '*', '?' and '[a-z]'"
                        ),
                    );
                }
            }
        }
        Ok(Glob {
            text: text.into(),
            parts,
        })
    }

    /// Returns whether it is one name, and no pattern.
    pub fn is_name(&self) -> bool {
        self.parts
            .iter()
            .all(|part| matches!(part, Part::Letter(_)))
    }

    /// The letters that each name which fits has, as [`letters_of`] names.
    pub fn letters(&self) -> u64 {
        let letters = self.parts.iter().map(|part| match part {
            Part::Letter(letter) => bit(*letter),
            _ => 0,
        });
        letters.fold(0, std::ops::BitOr::bitor)
    }

    /// Returns whether a name fits. Takes at most as many steps as the lengths of both, multiplied.
    pub fn matches(&self, name: &str) -> bool {
        let name = name.as_bytes();
        let (mut part, mut at) = (0, 0);
        // Where the last `*` is, and how far it reaches.
        let mut many = None;
        loop {
            match self.parts.get(part) {
                Some(Part::Many) => {
                    many = Some((part, at));
                    part += 1;
                    continue;
                }
                Some(found) if name.get(at).is_some_and(|&letter| found.takes(letter)) => {
                    part += 1;
                    at += 1;
                    continue;
                }
                None if at == name.len() => return true,
                _ => {}
            }
            match many {
                Some((star, reached)) if reached < name.len() => {
                    many = Some((star, reached + 1));
                    part = star + 1;
                    at = reached + 1;
                }
                _ => return false,
            }
        }
    }
}

impl fmt::Display for Glob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Part {
    fn takes(&self, letter: u8) -> bool {
        match self {
            Part::Letter(own) => *own == letter,
            Part::Any => true,
            Part::Many => false,
            Part::Set { not, ranges } => {
                let is_in = |&(first, last): &(u8, u8)| (first..=last).contains(&letter);
                ranges.iter().any(is_in) != *not
            }
        }
    }
}

/// The set of letters in a name, some of which look the same here: who compares many names with many
/// patterns sees by it that most cannot fit.
pub fn letters_of(name: &str) -> u64 {
    name.bytes().fold(0, |all, letter| all | bit(letter))
}

fn bit(letter: u8) -> u64 {
    1 << (letter % 64)
}

fn is_letter(letter: u8) -> bool {
    letter.is_ascii_alphanumeric() || matches!(letter, b'_' | b'.' | b'$')
}

/// What follows a `[`, and how long it is with its `]`.
fn set(bytes: &[u8]) -> Result<(Part, usize), &'static str> {
    let not = matches!(bytes.first(), Some(b'!' | b'^'));
    let first = usize::from(not);
    let (mut ranges, mut at) = (Vec::new(), first);
    loop {
        match bytes.get(at) {
            None => return Err("this '[' has no ']'"),
            Some(b']') if at == first => return Err("'[]' fits no letter"),
            Some(b']') => return Ok((Part::Set { not, ranges }, at + 1)),
            Some(&low) if is_letter(low) => match (bytes.get(at + 1), bytes.get(at + 2)) {
                (Some(b'-'), Some(&high)) if high != b']' => {
                    if !is_letter(high) || high < low {
                        return Err("a range goes upwards, as in [a-z]");
                    }
                    ranges.push((low, high));
                    at += 3;
                }
                _ => {
                    ranges.push((low, low));
                    at += 1;
                }
            },
            Some(_) => {
                return Err("only letters, digits, '_', '.' and ranges like a-z are in '[]'")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fits(pattern: &str, name: &str) -> bool {
        Glob::parse(pattern).unwrap().matches(name)
    }

    #[test]
    fn names_and_patterns() {
        for (pattern, name) in [
            ("vfs_read", "vfs_read"),
            ("*", "x"),
            ("*", ""),
            ("**_read", "vfs_read"),
            ("tcp_v4_*", "tcp_v4_"),
            ("*read*", "ksys_pread64"),
            ("v?s_[rw]*", "vfs_write"),
            ("[!_]*", "vfs_read"),
            ("x[a-c0-9_]", "x_"),
            ("x[a-c0-9_]", "x7"),
            ("*a*b*c", "xaybzabc"),
            ("foo.part.0", "foo.part.0"),
        ] {
            assert!(fits(pattern, name), "{pattern} {name}");
        }
        for (pattern, name) in [
            ("vfs_read", "vfs_readv"),
            ("vfs_read", "vfs_rea"),
            ("?", ""),
            ("tcp_v4_*", "tcp_v6_x"),
            ("[!_]*", "_x"),
            ("x[a-c]", "xd"),
            ("*a*b*c", "xaybza"),
        ] {
            assert!(!fits(pattern, name), "{pattern} {name}");
        }
        assert!(Glob::parse("a.b$c").unwrap().is_name());
        for pattern in ["*", "a?", "[a]"] {
            assert!(!Glob::parse(pattern).unwrap().is_name());
        }
    }

    #[test]
    fn what_is_no_pattern() {
        for (pattern, at, says) in [
            ("", 0, "empty"),
            ("a b", 1, "' ' is in no name"),
            ("a{b,c}", 1, "'{' is in no name"),
            ("\u{e4}", 0, "is in no name"),
            ("ab[", 2, "no ']'"),
            ("ab[!", 2, "no ']'"),
            ("[]", 0, "'[]'"),
            ("[z-a]", 0, "upwards"),
            ("[a-/]", 0, "upwards"),
            ("[*]", 0, "only letters"),
        ] {
            let wrong = Glob::parse(pattern).unwrap_err();
            assert!(wrong.at == at && wrong.says.contains(says), "{wrong:?}");
        }
        assert_eq!(Glob::parse(&"x".repeat(512)).unwrap_err().at, 511);
    }

    #[test]
    fn letters_that_a_name_must_have() {
        let needs = |pattern: &str| Glob::parse(pattern).unwrap().letters();
        assert_eq!(needs("*"), 0);
        assert_eq!(needs("*kprobe?[abc]"), letters_of("kprobe"));
        let lacks = |pattern: &str, name: &str| needs(pattern) & !letters_of(name) != 0;
        assert!(lacks("*kprobe*", "vfs_read") && !lacks("*kprobe*", "register_kprobe"));
    }

    #[test]
    fn many_stars_end() {
        let pattern = "*a".repeat(200) + "b";
        assert!(!fits(&pattern, &"a".repeat(511)));
    }
}
