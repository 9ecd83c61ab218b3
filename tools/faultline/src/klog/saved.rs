// SPDX-License-Identifier: GPL-2.0

//! A kernel log saved without a dump: kdump-tools' `dmesg.<time>`, kexec-tools' `vmcore-dmesg.txt`,
//! the output of `dmesg` or `journalctl -k`, and the records of pstore, whose parts come in any
//! order.

use super::line::Line;
use std::collections::BTreeMap;

/// Number of bytes by which a file is recognized.
const HEAD: usize = 64 << 10;

/// Returns whether this is the beginning of a kernel log: text, with a line among the first that
/// only a kernel log has.
pub fn claims(head: &[u8]) -> bool {
    let head = &head[..head.len().min(HEAD)];
    if head.contains(&0) {
        return false;
    }
    let text = String::from_utf8_lossy(head);
    let mut lines = text.lines().take(200);
    lines.any(|line| Line::is_of_kernel(line) || part(line).is_some())
}

/// Returns the log in the order in which the kernel printed it.
///
/// A record of pstore begins with a line like `Panic#2 Part1`, in which part 1 is the newest
/// of that record. Of several records the last one counts, and of earlier ones what is older
/// than that.
pub fn in_order(text: &str) -> String {
    let mut records: BTreeMap<u32, BTreeMap<u32, String>> = BTreeMap::new();
    let mut plain = String::new();
    let mut at = None;
    for line in text.lines() {
        at = part(line).or(at);
        let into = match (part(line), at) {
            (Some(_), _) => continue,
            (None, Some((record, number))) => records
                .entry(record)
                .or_default()
                .entry(number)
                .or_default(),
            (None, None) => &mut plain,
        };
        *into += line;
        into.push('\n');
    }
    let mut records = records.into_values().rev();
    let joined = |parts: BTreeMap<u32, String>| parts.into_values().rev().collect::<String>();
    let Some(newest) = records.next().map(joined) else {
        return plain;
    };
    let begins = |log: &str| log.lines().find_map(|line| Line::parse(line).time);
    let mut first = begins(&newest);
    let mut all = vec![newest];
    for older in records.map(joined).chain([plain]) {
        let before = older.lines().take_while(|line| {
            let time = Line::parse(line).time;
            !time.zip(first).is_some_and(|(time, first)| time >= first)
        });
        let before: String = before.flat_map(|line| [line, "\n"]).collect();
        first = begins(&before).or(first);
        all.push(before);
    }
    all.reverse();
    all.concat()
}

/// Returns the numbers of the record and of its part, if `line` begins one.
fn part(line: &str) -> Option<(u32, u32)> {
    const REASONS: &[&str] = &[
        "Panic",
        "Oops",
        "Emergency",
        "Shutdown",
        "Restart",
        "Halt",
        "Poweroff",
        "Unknown",
    ];
    let (reason, rest) = line.trim().split_once('#')?;
    let (record, number) = rest.split_once(" Part")?;
    REASONS
        .contains(&reason)
        .then_some((record.parse().ok()?, number.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_of_pstore_in_order() {
        let newest = "Panic#2 Part1\n<0>[    5.0] e\n";
        let older = "Panic#2 Part2\n<6>[    3.0] c\n<6>[    4.0] d\n";
        let oops = "Oops#1 Part1\n<6>[    2.0] b\n<6>[    3.0] c\n";
        let begin = "Oops#1 Part2\n<6>[    1.0] a\n";
        let order =
            "<6>[    1.0] a\n<6>[    2.0] b\n<6>[    3.0] c\n<6>[    4.0] d\n<0>[    5.0] e\n";
        for text in [
            [newest, older, oops, begin].concat(),
            [begin, oops, older, newest].concat(),
            [older, newest, oops, begin].concat(),
        ] {
            assert_eq!(in_order(&text), order);
            assert!(claims(text.as_bytes()));
        }
        assert_eq!(in_order("[ 1.0] a\n[ 2.0] b"), "[ 1.0] a\n[ 2.0] b\n");
    }

    #[test]
    fn records_without_number_are_put_in_order_in_time() {
        const MANY: u32 = 200_000;
        let records = (1..=MANY).map(|n| format!("Oops#{n} Part1\n<6>[    {n}.0] {n}\n"));
        let begin = std::time::Instant::now();
        let log = in_order(&records.collect::<String>());
        let took = begin.elapsed();
        assert!(took < std::time::Duration::from_secs(20), "{took:?}");
        assert_eq!(log.lines().count(), MANY as usize);
        assert!(log.starts_with("<6>[    1.0] 1\n<6>[    2.0] 2\n"));
    }

    #[test]
    fn what_is_no_log() {
        for text in ["", "hello\n", "#!/bin/sh\necho [ 1 ]\n", "a#1 Part1\n"] {
            assert!(!claims(text.as_bytes()), "{text}");
        }
        assert!(!claims(b"[    1.0] a\0"));
        assert!(claims(
            b"-- Boot 12 --\nNov 28 05:05:52 host kernel: Linux version 7.3\n"
        ));
    }
}
