// SPDX-License-Identifier: GPL-2.0

//! `crashkernel=` of a kernel's command line, parsed as in `kernel/crash_reserve.c`.

use super::command_line::CommandLine;
use crate::system::System;

/// The memory that a command line reserves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wanted {
    /// It has no `crashkernel=`.
    Nothing,
    /// This many bytes: 0 if no range contains the machine's memory.
    Bytes(u64),
    /// The kernel refuses it; the reason.
    Refused(String),
}

/// Returns the `crashkernel=` words of `command_line`.
pub fn words(command_line: &str) -> Vec<&str> {
    command_line
        .split_ascii_whitespace()
        .filter(|word| word.starts_with("crashkernel="))
        .collect()
}

/// Returns the `crashkernel=` words of `command_line` as one text; empty without any.
pub fn text(command_line: &str) -> String {
    words(command_line).join(" ")
}

/// Returns the memory that `command_line` reserves on a machine with `memory` bytes.
pub fn wanted(command_line: &str, memory: u64) -> Wanted {
    let values: Vec<_> = words(command_line)
        .into_iter()
        .map(|word| word.trim_start_matches("crashkernel="))
        .collect();
    let last = |suffix: &str| {
        values
            .iter()
            .rev()
            .find_map(|value| value.strip_suffix(suffix))
    };
    let plain = values.iter().rev().find(|value| {
        !value.ends_with(",high") && !value.ends_with(",low") && !value.ends_with(",cma")
    });
    let parsed = match (plain, last(",high")) {
        (Some(value), _) if value.contains(':') => ranges(value, memory),
        (Some(value), _) => simple(value),
        (None, Some(high)) => simple(high).and_then(|high| match last(",low") {
            Some(low) => Ok(high.saturating_add(simple(low)?)),
            None => Ok(high),
        }),
        (None, None) if values.is_empty() => return Wanted::Nothing,
        (None, None) => Err("neither a size nor one with `,high`".to_owned()),
    };
    match parsed {
        Ok(bytes) => Wanted::Bytes(bytes),
        Err(why) => Wanted::Refused(why),
    }
}

fn simple(value: &str) -> Result<u64, String> {
    let (bytes, rest) = size(value)?;
    match rest.chars().next() {
        None | Some('@') => Ok(bytes),
        Some(letter) => Err(format!("`{letter}` after the size in `{value}`")),
    }
}

/// Parses `RANGE:SIZE[,RANGE:SIZE...][@OFFSET]`, where RANGE is `START-[END]`.
fn ranges(value: &str, memory: u64) -> Result<u64, String> {
    // The kernel counts the memory of the firmware as well, and rounds up.
    let memory = memory.checked_next_multiple_of(128 << 20).unwrap_or(memory);
    let ranges = value.split_once('@').map_or(value, |(ranges, _)| ranges);
    for range in ranges.split(',') {
        let (start, rest) = size(range)?;
        let rest = rest
            .strip_prefix('-')
            .ok_or_else(|| format!("no `-` in the range `{range}`"))?;
        let (end, rest) = match rest.starts_with(':') {
            true => (u64::MAX, rest),
            false => size(rest)?,
        };
        if end <= start {
            return Err(format!("a range that ends before it starts, `{range}`"));
        }
        let rest = rest
            .strip_prefix(':')
            .ok_or_else(|| format!("no `:` in the range `{range}`"))?;
        let (bytes, rest) = size(rest)?;
        if bytes >= memory {
            return Err(format!("`{range}` takes all of the memory"));
        }
        if (start..end).contains(&memory) {
            return Ok(bytes);
        }
        if !rest.is_empty() {
            return Err(format!("`{rest}` after the size in `{range}`"));
        }
    }
    Ok(0)
}

/// The kernel's `memparse()`: returns the number and the rest.
fn size(text: &str) -> Result<(u64, &str), String> {
    let (radix, digits) = match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        Some(digits) => (16, digits),
        None => (10, text),
    };
    let length = digits
        .find(|letter: char| !letter.is_digit(radix))
        .unwrap_or(digits.len());
    let number = u64::from_str_radix(&digits[..length], radix)
        .map_err(|_| format!("no size where `{text}` begins"))?;
    let rest = &digits[length..];
    let shift = match rest.bytes().next().map(|byte| byte.to_ascii_uppercase()) {
        Some(b'K') => 10,
        Some(b'M') => 20,
        Some(b'G') => 30,
        Some(b'T') => 40,
        Some(b'P') => 50,
        Some(b'E') => 60,
        _ => return Ok((number, rest)),
    };
    Ok((number.saturating_mul(1 << shift), &rest[1..]))
}

/// Returns the word of the command line with which the firmware of a POWER machine keeps the memory
/// for a dump, without a crash kernel.
pub fn fadump(system: &System) -> Option<String> {
    let line = CommandLine::parse(&system.text("/proc/cmdline").is()?);
    let last = line
        .words()
        .filter(|word| word.starts_with("fadump="))
        .last();
    last.filter(|word| !matches!(*word, "fadump=off" | "fadump=0"))
        .map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    const M: u64 = 1 << 20;
    const G: u64 = 1 << 30;

    #[track_caller]
    fn is(command_line: &str, memory: u64, megabytes: u64) {
        assert_eq!(
            wanted(command_line, memory),
            Wanted::Bytes(megabytes * M),
            "{command_line}"
        );
    }

    #[test]
    fn by_size() {
        is("ro crashkernel=256M quiet", 2 * G, 256);
        is("crashkernel=1G", 8 * G, 1024);
        is("crashkernel=0x10000000", 8 * G, 256);
        is("crashkernel=256M@16M", 8 * G, 256);
        // The last one wins.
        is("crashkernel=512M-:192M crashkernel=64M", 2 * G, 64);
    }

    #[test]
    fn by_the_machines_memory() {
        let ubuntu = "crashkernel=2G-4G:320M,4G-32G:512M,32G-64G:1024M,64G-128G:2048M,128G-:4096M";
        for (memory, expected) in [
            (2, 320),
            (3, 320),
            (4, 512),
            (31, 512),
            (63, 1024),
            (200, 4096),
        ] {
            is(ubuntu, memory * G, expected);
        }
        assert!(matches!(wanted(ubuntu, G / 2), Wanted::Refused(_)));
        is("crashkernel=512M-:192M", 2 * G, 192);
        // Firmware keeps a little: still 2 GiB.
        is("crashkernel=2G-64G:256M,64G-:512M", 2 * G - 40 * M, 256);
        is("crashkernel=2G-64G:256M,64G-:512M", 2 * G - 200 * M, 0);
    }

    #[test]
    fn high_and_low() {
        is("crashkernel=202M,high crashkernel=72M,low", 16 * G, 274);
        is("crashkernel=202M,high", 16 * G, 202);
        // A plain one goes before.
        is(
            "crashkernel=202M,high crashkernel=72M,low crashkernel=128M",
            16 * G,
            128,
        );
        is("crashkernel=1G,cma crashkernel=128M", 16 * G, 128);
    }

    #[test]
    fn sizes_that_no_machine_has() {
        let most = "crashkernel=16E,high crashkernel=16E,low";
        assert_eq!(wanted(most, u64::MAX), Wanted::Bytes(u64::MAX));
        is("crashkernel=1G-:256M", u64::MAX - 1, 256);
        let long = format!("crashkernel={}", "1K-2K:1M,".repeat(10_000));
        assert!(matches!(wanted(&long, G), Wanted::Refused(_)));
    }

    #[test]
    fn what_the_kernel_refuses() {
        for bad in [
            "auto",
            "",
            "M",
            "256MB",
            "256m,foo",
            "1G-2G",
            "1G:256M",
            "2G-1G:256M",
            "512M-:4G",
            "64M,low",
            "1G,cma",
            "1G-:256X",
        ] {
            let said = wanted(&format!("crashkernel={bad}"), 2 * G);
            let is_refused = matches!(said, Wanted::Refused(_));
            // What follows the size of the range that holds is not looked at.
            assert_eq!(is_refused, bad != "1G-:256X", "{bad}: {said:?}");
        }
        assert_eq!(wanted("quiet xcrashkernel=1M", G), Wanted::Nothing);
    }
}
