// SPDX-License-Identifier: GPL-2.0

//! A time on the command line: numbers with their units, or a number of seconds.

use std::time::Duration;

/// What is told of a time that cannot be read.
const EXPECTED: &str =
    "expected a time such as 500ms, 10s, 1m30s or 2h; a bare number is in seconds";

fn parse(text: &str) -> Result<Duration, String> {
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let time = match is_number {
        true => text.parse().ok().map(Duration::from_secs),
        false => humantime::parse_duration(text).ok(),
    };
    time.ok_or_else(|| EXPECTED.into())
}

/// Reads a time above 0.
pub fn duration(text: &str) -> Result<Duration, String> {
    match parse(text)? {
        Duration::ZERO => Err("expected a time above 0, such as 500ms or 10s".into()),
        time => Ok(time),
    }
}

/// Reads a time that the kernel takes in seconds, which may be 0.
pub fn seconds(text: &str) -> Result<u32, String> {
    let time = parse(text)?;
    if time.subsec_nanos() != 0 {
        return Err("expected whole seconds, such as 10s or 1m30s".into());
    }
    u32::try_from(time.as_secs()).map_err(|_| format!("expected at most {} seconds", u32::MAX))
}

/// Reads such a time from `least` to `most` seconds.
pub fn seconds_within(
    least: u32,
    most: u32,
) -> impl Fn(&str) -> Result<u32, String> + Clone + Send + Sync {
    move |text| match seconds(text)? {
        secs if (least..=most).contains(&secs) => Ok(secs),
        _ => Err(format!("expected {least} to {most} seconds")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations() {
        let known = [
            ("500ms", 500),
            ("10", 10_000),
            ("10s", 10_000),
            ("2min", 120_000),
            ("2m", 120_000),
            ("1m30s", 90_000),
            ("1h", 3_600_000),
            ("1d", 86_400_000),
        ];
        for (text, milliseconds) in known {
            assert_eq!(
                duration(text),
                Ok(Duration::from_millis(milliseconds)),
                "{text}"
            );
        }
        for wrong in [
            "",
            "0",
            "0ms",
            "s",
            "-1s",
            "10x",
            "10s5",
            "99999999999999999999",
            "99999999999999999999s",
            "18446744073709551615h",
        ] {
            assert!(duration(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn whole_seconds() {
        for (text, secs) in [("0", 0), ("7", 7), ("7s", 7), ("1m30s", 90), ("1000ms", 1)] {
            assert_eq!(seconds(text), Ok(secs), "{text}");
        }
        for wrong in ["500ms", "1s1ns", "4294967296", "4294967296s", "x"] {
            assert!(seconds(wrong).is_err(), "{wrong}");
        }
        let within = seconds_within(1, 86_400);
        assert_eq!((within("1"), within("24h")), (Ok(1), Ok(86_400)));
        assert!(within("0").is_err() && within("86401").is_err());
    }
}
