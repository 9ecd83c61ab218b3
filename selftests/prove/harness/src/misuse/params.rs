// SPDX-License-Identifier: GPL-2.0

//! Parameters of lockup and route_probe, by a table that says of each which texts it takes and how it
//! then reads: random texts, near to those and far from them, are taken and refused as it says, and
//! what is refused changes nothing.

use super::dice::Dice;
use anyhow::{bail, ensure, Context};
use prove::module::{self, Module};
use rustix::io::Errno;
use std::fs;
use std::net::IpAddr;
use std::path::Path;

/// What a parameter takes.
#[derive(Clone, Copy)]
enum Rule {
    /// A number between these, as C's `kstrtouint()` reads it.
    Number(u64, u64),
    /// A text for `kstrtobool()`.
    Bool,
    /// So many bytes, each a letter, a digit, or one of these.
    Name {
        least: usize,
        most: usize,
        also: &'static str,
    },
    /// One of these words, or some of the others with commas between.
    Words(&'static [&'static str], &'static [&'static str]),
    /// `any`, or an address of either family, also with the length of a prefix, in 43 letters.
    Prefix,
    /// `any`, or a number and a mask, in 23 letters.
    Mark,
    /// A word, or a number from 1, in 10 letters.
    Table,
    /// The name of a device.
    Device,
}

const LOCKUP: &[(&str, Rule)] = &[
    ("delay_secs", Rule::Number(0, 3600)),
    ("hold_secs", Rule::Number(0, 86400)),
    ("iterations", Rule::Number(1, 1000)),
    ("cooldown_secs", Rule::Number(0, 3600)),
    ("limit_mib", Rule::Number(0, u32::MAX as u64)),
    ("count", Rule::Number(1, u32::MAX as u64)),
    ("touch_watchdog", Rule::Bool),
    ("alloc_under_lock", Rule::Bool),
    (
        "at",
        Rule::Name {
            least: 0,
            most: 128,
            also: "._$",
        },
    ),
    (
        "run_id",
        Rule::Name {
            least: 1,
            most: 32,
            also: "._-",
        },
    ),
];

const ROUTE_PROBE: &[(&str, Rule)] = &[
    (
        "events",
        Rule::Words(
            &["all", "none"],
            &[
                "arp_process",
                "ip_route_input",
                "fib_validate_source",
                "route_output",
                "fib_lookup",
                "fib6_lookup",
                "ndisc_send_skb",
            ],
        ),
    ),
    (
        "cause",
        Rule::Words(
            &["any"],
            &["input", "validate", "arp", "output", "other", "ndisc"],
        ),
    ),
    ("src", Rule::Prefix),
    ("dst", Rule::Prefix),
    ("dev", Rule::Device),
    ("netns", Rule::Number(0, u32::MAX as u64)),
    ("mark", Rule::Mark),
    ("table", Rule::Table),
    ("errors_only", Rule::Bool),
];

pub fn run(file: &Path, arguments: &str, writes: usize, seed: u64) -> anyhow::Result<()> {
    let module = Module::open(file, arguments)?;
    let table = match module.name() {
        "lockup" => LOCKUP,
        "route_probe" => ROUTE_PROBE,
        other => bail!("there is no table of {other}'s parameters"),
    };
    module.load().context("load")?;
    let mut dice = Dice(seed);
    let mut counts = vec![[0; 2]; table.len()];
    for _ in 0..writes {
        let number = dice.below(table.len());
        let (name, rule) = table[number];
        let taken = write(&module, name, rule, &rule.text(&mut dice))?;
        counts[number][usize::from(!taken)] += 1;
    }
    module.unload().context("unload")?;
    for ((name, _), [taken, refused]) in table.iter().zip(&counts) {
        println!("{name}: {taken} taken, {refused} refused");
        ensure!(*taken > 0 && *refused > 0, "{name}: both are wanted");
    }
    Ok(())
}

/// Writes a text, and compares what came of it; returns whether it was taken.
fn write(module: &Module, name: &str, rule: Rule, text: &str) -> anyhow::Result<bool> {
    let path = module.parameter(name);
    let read = || fs::read_to_string(&path).with_context(|| path.display().to_string());
    let before = read()?;
    let result = module::write(&path, text);
    let wanted = rule.read(text);
    let after = read()?;
    let told = || format!("{name}={text:?}: {result:?}, and reads {after:?}");
    match (&wanted, &result) {
        (Ok(value), Ok(())) => ensure!(after == format!("{value}\n"), "{}, not {value:?}", told()),
        (Err(error), Err(found)) => {
            ensure!(error == found, "{}, not {error:?}", told());
            ensure!(after == before, "{}, and it was {before:?}", told());
        }
        _ => bail!("{}; it should be {wanted:?}", told()),
    }
    Ok(wanted.is_ok())
}

impl Rule {
    /// How the parameter reads after this was written to it, or the error.
    fn read(self, text: &str) -> Result<String, Errno> {
        let line = text.strip_suffix('\n').unwrap_or(text);
        let when = |is_right: bool| match is_right {
            true => Ok(line.to_string()),
            false => Err(Errno::INVAL),
        };
        match self {
            Rule::Number(least, most) => {
                let value = number(line)?;
                let fits = value.is_some_and(|value| (least..=most).contains(&value));
                let value = value.filter(|_| fits).ok_or(Errno::RANGE)?;
                Ok(value.to_string())
            }
            Rule::Bool => match text.as_bytes() {
                [b'y' | b'Y' | b't' | b'T' | b'1', ..] | [b'o' | b'O', b'n' | b'N', ..] => {
                    Ok("Y".into())
                }
                [b'n' | b'N' | b'f' | b'F' | b'0', ..] | [b'o' | b'O', b'f' | b'F', ..] => {
                    Ok("N".into())
                }
                _ => Err(Errno::INVAL),
            },
            Rule::Name { least, most, also } => {
                let fits = |letter: char| letter.is_ascii_alphanumeric() || also.contains(letter);
                when((least..=most).contains(&line.len()) && line.chars().all(fits))
            }
            Rule::Words(alone, some) => {
                let all_known = line.split(',').all(|word| some.contains(&word));
                when(alone.contains(&line) || all_known)
            }
            Rule::Prefix => when(line.len() <= 43 && (line == "any" || is_prefix(line))),
            Rule::Mark => {
                let (value, mask) = line.split_once('/').unwrap_or((line, "0"));
                let is_mark = [value, mask]
                    .iter()
                    .all(|word| match word.strip_prefix("0x") {
                        Some(digits) => is_number(digits, 16),
                        None => is_number(word, 10),
                    });
                when(line.len() <= 23 && (line == "any" || is_mark))
            }
            Rule::Table => {
                let word = ["any", "main", "local", "default"].contains(&line);
                let number = is_number(line, 10) && line.bytes().any(|byte| byte != b'0');
                when(word || (line.len() <= 10 && number))
            }
            Rule::Device => {
                let fits = |byte: u8| byte.is_ascii_graphic() && byte != b'/';
                when((1..=15).contains(&line.len()) && line.bytes().all(fits))
            }
        }
    }

    /// A text that is taken, or nearly, or not at all.
    fn text(self, dice: &mut Dice) -> String {
        let number = |dice: &mut Dice, around: u64| {
            let near = around.wrapping_add(dice.below(5) as u64).wrapping_sub(2);
            let value = [near, dice.below(5000) as u64, dice.next() >> dice.below(64)];
            let value = value[dice.below(3)];
            match dice.below(6) {
                0 => format!("{value:#x}"),
                1 => format!("0{value:o}"),
                2 => format!("+{value}"),
                3 => format!("-{value}"),
                _ => value.to_string(),
            }
        };
        let words = |dice: &mut Dice, words: &[&str]| {
            let some = (0..=dice.below(3)).map(|_| words[dice.below(words.len())]);
            some.collect::<Vec<_>>().join(",")
        };
        let mut text = match self {
            Rule::Number(least, most) => {
                let around = [least, most][dice.below(2)];
                number(dice, around)
            }
            Rule::Bool => words(dice, &["Y", "n", "1", "0", "on", "off", "o", "2", ""]),
            Rule::Name { most, .. } => {
                let length = [dice.below(8), most - 1 + dice.below(3)][dice.below(2)];
                let letters = b"abz09AZ._-$";
                let letters =
                    (0..length).map(|_| letters[dice.below(letters.len() - dice.0 as usize % 2)]);
                letters.map(char::from).collect()
            }
            Rule::Words(alone, some) => match dice.below(3) {
                0 => alone[dice.below(alone.len())].into(),
                _ => words(dice, some),
            },
            Rule::Prefix => {
                let (address, most) = match dice.below(2) {
                    0 => {
                        let count = 3 + dice.below(2);
                        (ipv4(dice, count), 36)
                    }
                    _ => (ipv6(dice), 132),
                };
                match dice.below(3) {
                    0 => "any".into(),
                    1 => address,
                    _ => format!("{address}/{}", dice.below(most)),
                }
            }
            Rule::Mark => match dice.below(4) {
                0 => "any".into(),
                1 => format!("{}/{}", number(dice, 255), number(dice, u32::MAX.into())),
                _ => number(dice, u32::MAX.into()),
            },
            Rule::Table => match dice.below(2) {
                0 => ["any", "main", "local", "default", "mains", ""][dice.below(6)].into(),
                _ => number(dice, 0),
            },
            Rule::Device => [
                "any",
                "lo",
                "eth0",
                "fifteen-letters",
                "sixteen-letters.",
                "a/b",
                "a b",
            ][dice.below(7)]
            .into(),
        };
        // Now and then something is put in, or cut off.
        match dice.below(8) {
            0 => {
                let letter = [' ', '\n', ',', 'x', '0', '\u{e4}', '\u{1}'][dice.below(7)];
                text.insert(dice.below(text.len() + 1), letter);
            }
            1 => text.truncate(dice.below(text.len() + 1)),
            _ => {}
        }
        // Nothing is no write.
        if text.is_empty() || dice.below(3) == 0 {
            text.push('\n');
        }
        text
    }
}

/// What C makes of a text; none if that is no number of any size.
fn number(line: &str) -> Result<Option<u64>, Errno> {
    // One that was cut off may have a second newline.
    let digits = line.strip_prefix('+').unwrap_or(line);
    let (digits, base) = match digits.as_bytes() {
        [b'0', b'x' | b'X', b'0'..=b'9' | b'a'..=b'f' | b'A'..=b'F', ..] => (&digits[2..], 16),
        [b'0', ..] => (digits, 8),
        _ => (digits, 10),
    };
    match digits.is_empty() || !digits.chars().all(|digit| digit.is_digit(base)) {
        true => Err(Errno::INVAL),
        false => Ok(u64::from_str_radix(digits, base)
            .ok()
            .filter(|value| *value <= u32::MAX.into())),
    }
}

fn is_number(digits: &str, base: u32) -> bool {
    let is_digits = !digits.is_empty() && digits.chars().all(|digit| digit.is_digit(base));
    is_digits && u32::from_str_radix(digits, base).is_ok()
}

fn is_prefix(line: &str) -> bool {
    let (address, length) = match line.split_once('/') {
        Some((address, length)) => (address, Some(length)),
        None => (line, None),
    };
    let most = match address.parse() {
        Ok(IpAddr::V4(_)) => 32,
        Ok(IpAddr::V6(_)) => 128,
        Err(_) => return false,
    };
    let fits = |length: &str| length.parse().is_ok_and(|length: u32| length <= most);
    length.is_none_or(|length| is_number(length, 10) && fits(length))
}

/// So many numbers, of which some are too large.
fn ipv4(dice: &mut Dice, count: usize) -> String {
    let bytes = (0..count).map(|_| dice.below(280).to_string());
    bytes.collect::<Vec<_>>().join(".")
}

/// Up to nine groups, some of which are too long, with `::` among them or not, and now and then an address of
/// IPv4 at the end.
fn ipv6(dice: &mut Dice) -> String {
    let count = 1 + dice.below(9);
    let mut groups: Vec<_> = (0..count)
        .map(|_| format!("{:x}", dice.below(0x10_000 + 0x800)))
        .collect();
    if dice.below(4) == 0 {
        groups.push(ipv4(dice, 4));
    }
    for _ in 0..[0, 1, 1, 1, 2][dice.below(5)] {
        groups.insert(dice.below(groups.len() + 1), String::new());
    }
    let text = groups.join(":");
    match dice.below(2) {
        // At an end one `:` is not enough.
        0 if text.starts_with(':') => format!(":{text}"),
        0 if text.ends_with(':') => format!("{text}:"),
        _ => text,
    }
}
