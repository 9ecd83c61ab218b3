// SPDX-License-Identifier: GPL-2.0

//! One line of a kernel log, in the format of any program that shows or saves one.

/// One line: the kernel's time in seconds and the printing thread, if it has them, and its text.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Line<'a> {
    /// Seconds on the kernel's own clock.
    pub time: Option<f64>,
    /// The thread (`T143`) or CPU (`C1`), if the kernel adds it.
    pub caller: Option<&'a str>,
    pub text: &'a str,
}

impl<'a> Line<'a> {
    /// Splits a line of the console, of `dmesg` (with `-r`, `-x`, `-d` and `-T`), of pstore, of
    /// syslog or of `journalctl`, with any of their formats of time:
    ///
    /// ```text
    /// [   12.984390] text
    /// [   12.984390] [   T143] text
    /// <6>[   12.984390][    C1] text
    /// kern  :info  : [   12.984390] text
    /// [   12.984390 <    0.000012>] text
    /// [Sat Nov 28 05:05:52 2026] text
    /// [   12.984390] host kernel: text
    /// Nov 28 05:05:52 host kernel: text
    /// 2026-11-28T05:05:52+00:00 host kernel: [   12.984390] text
    /// ```
    pub fn parse(line: &'a str) -> Self {
        let line = without_level(line.trim_end());
        if let Some(stamped) = stamped(line) {
            return stamped;
        }
        match of_syslog(line).map(without_level) {
            Some(text) => stamped(text).unwrap_or(Self::unstamped(text)),
            None => Self::unstamped(line),
        }
    }

    fn unstamped(text: &'a str) -> Self {
        Line {
            time: None,
            caller: None,
            text,
        }
    }

    /// Returns whether `line` is certainly a kernel's: it has a time, or the word `kernel:`.
    pub fn is_of_kernel(line: &str) -> bool {
        let line = without_level(line.trim_end());
        stamped(line).is_some() || of_syslog(line).is_some()
    }
}

/// Returns the line without its level: `<6>`, or `kern  :info  : `.
fn without_level(line: &str) -> &str {
    let raw = line
        .strip_prefix('<')
        .and_then(|rest| rest.split_once('>'))
        .filter(|(level, _)| (1..=4).contains(&level.len()))
        .filter(|(level, _)| level.bytes().all(|byte| byte.is_ascii_digit()));
    if let Some((_, text)) = raw {
        return text;
    }
    let decoded = line.strip_prefix("kern").and_then(|rest| {
        let (_, rest) = rest.split_once(':')?;
        let (level, text) = rest.split_once(": ")?;
        let is_word = level.trim().bytes().all(|byte| byte.is_ascii_lowercase());
        (is_word && text.starts_with('[')).then_some(text)
    });
    decoded.unwrap_or(line)
}

/// Splits a line that begins with a time in brackets.
fn stamped(line: &str) -> Option<Line<'_>> {
    let (stamp, text) = line.strip_prefix('[')?.split_once(']')?;
    let first = stamp.split_whitespace().next()?;
    let time = first.parse::<f64>().ok().filter(|time| time.is_finite());
    if time.is_none() && !is_date(stamp) {
        return None;
    }
    let (caller, text) = with_caller(text);
    let text = text.strip_prefix(' ').unwrap_or(text);
    // The journal's short-monotonic.
    let of_journal = text
        .split_once(" kernel: ")
        .filter(|(host, _)| !host.is_empty() && !host.contains([' ', ':']));
    Some(Line {
        time,
        caller,
        text: of_journal.map_or(text, |(_, text)| text),
    })
}

/// Returns whether it is a time like `Sat Nov 28 05:05:52 2026`.
fn is_date(stamp: &str) -> bool {
    let mut words = stamp.split_whitespace();
    stamp.split_whitespace().count() == 5 && words.nth(3).is_some_and(is_time_of_day)
}

fn is_time_of_day(word: &str) -> bool {
    let digits = |byte: &u8| byte.is_ascii_digit();
    matches!(word.as_bytes(), [h @ .., b':', m1, m2, b':', s1, s2]
        if (1..=2).contains(&h.len()) && h.iter().chain([m1, m2, s1, s2]).all(digits))
}

/// Returns the printing thread or CPU, and the rest.
fn with_caller(text: &str) -> (Option<&str>, &str) {
    let unspaced = text.strip_prefix(' ').unwrap_or(text);
    let bracket = unspaced
        .strip_prefix('[')
        .and_then(|rest| rest.split_once(']'));
    match bracket.map(|(word, rest)| (word.trim(), rest)) {
        Some((word, rest))
            if matches!(word.as_bytes(), [b'T' | b'C', digits @ ..]
                if !digits.is_empty() && digits.iter().all(u8::is_ascii_digit)) =>
        {
            (Some(word), rest)
        }
        _ => (None, text),
    }
}

/// Returns the kernel's text in a line of syslog, or of the journal with a time of day.
fn of_syslog(line: &str) -> Option<&str> {
    let (before, text) = line.split_once(" kernel: ")?;
    let words: Vec<_> = before.split_whitespace().collect();
    // At the most: `Sat 2026-11-28 05:05:52 UTC host`.
    let has_time = words.iter().any(|word| {
        let word = word.rsplit('T').next().unwrap_or(word);
        is_time_of_day(word.get(..8).unwrap_or(word))
    });
    ((2..=5).contains(&words.len()) && has_time).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line<'a>(time: impl Into<Option<f64>>, caller: Option<&'a str>, text: &'a str) -> Line<'a> {
        Line {
            time: time.into(),
            caller,
            text,
        }
    }

    #[test]
    fn splits_time_caller_and_text() {
        for (text, parsed) in [
            ("[   12.5] a [b] c\r", line(12.5, None, "a [b] c")),
            ("[   12.5] [  T143] a", line(12.5, Some("T143"), "a")),
            ("[   12.5][  C1] a", line(12.5, Some("C1"), "a")),
            ("[    1.0] [lockup] x", line(1.0, None, "[lockup] x")),
            ("[    1.0] [T] x", line(1.0, None, "[T] x")),
            ("[    1.0]   f+0x1/0x2", line(1.0, None, "  f+0x1/0x2")),
        ] {
            assert_eq!(Line::parse(text), parsed);
        }
        for text in ["no time", "[bracket] x", "a kernel: b", "[inf] x", "<b>x"] {
            assert_eq!(Line::parse(text), line(None, None, text));
            assert!(!Line::is_of_kernel(text));
        }
    }

    #[test]
    fn lines_as_others_save_them() {
        for (text, parsed) in [
            ("<6>[   12.5] a", line(12.5, None, "a")),
            ("<14>[   12.5][   T1] a", line(12.5, Some("T1"), "a")),
            ("kern  :info  : [   12.5] a", line(12.5, None, "a")),
            ("[   12.5 <    0.000001>] a", line(12.5, None, "a")),
            ("[Sat Nov 28 05:05:52 2026] a", line(None, None, "a")),
            ("[   12.5] host kernel: a: b", line(12.5, None, "a: b")),
            ("Nov 28 05:05:52 host kernel: a", line(None, None, "a")),
            (
                "Nov 28 05:05:52.123456 host kernel: a",
                line(None, None, "a"),
            ),
            (
                "2026-11-28T05:05:52+0000 host kernel: a",
                line(None, None, "a"),
            ),
            (
                "2026-11-28T05:05:52.1+00:00 host kernel: [   12.5] a",
                line(12.5, None, "a"),
            ),
            (
                "Sat 2026-11-28 05:05:52 UTC host kernel: a",
                line(None, None, "a"),
            ),
            (
                "Nov 28 05:05:52 host kernel:   f+0x1/0x2",
                line(None, None, "  f+0x1/0x2"),
            ),
        ] {
            assert_eq!(Line::parse(text), parsed, "{text}");
            assert!(Line::is_of_kernel(text), "{text}");
        }
        // A colon ends what the kernel's own message begins with.
        let own = "[    1.0] virt: kernel: x";
        assert_eq!(Line::parse(own), line(1.0, None, "virt: kernel: x"));
    }
}
