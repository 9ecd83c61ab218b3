// SPDX-License-Identifier: GPL-2.0

//! The kernel's log, followed while a test runs.

use anyhow::{ensure, Context};
use std::fs::{self, File};
use std::io::{ErrorKind, Read, Write};
use std::thread::JoinHandle;

/// In the taint flags: a warning, an oops, a soft lockup.
const BROKEN: u64 = (1 << 9) | (1 << 7) | (1 << 14);

/// Priorities up to this one are warnings or worse.
const WARNING: u8 = 4;

/// Follows the log until [`Log::end`].
pub struct Log {
    end: String,
    follower: JoinHandle<anyhow::Result<Lines>>,
}

/// What the log had meanwhile.
#[derive(Default)]
pub struct Lines {
    /// With their priorities.
    lines: Vec<(u8, String)>,
    /// The kernel overwrote lines before they were read so often.
    lost: usize,
}

impl Log {
    /// Begins with the next line.
    pub fn follow() -> anyhow::Result<Self> {
        let begin = mark("begin")?;
        let end = format!("{begin} end");
        let (end_too, file) = (end.clone(), File::open("/dev/kmsg")?);
        let follower = std::thread::spawn(move || read(file, &begin, &end_too));
        Ok(Self { end, follower })
    }

    /// Ends, and returns what came in.
    pub fn end(self) -> anyhow::Result<Lines> {
        say(&self.end)?;
        self.follower.join().expect("a panic is not caught")
    }
}

/// Writes a line that no one else does.
fn mark(what: &str) -> anyhow::Result<String> {
    let line = format!(
        "knobs-test {} {what} {:016x}",
        std::process::id(),
        fastrand::u64(..)
    );
    say(&line)?;
    Ok(line)
}

fn say(line: &str) -> anyhow::Result<()> {
    let mut kmsg = fs::OpenOptions::new().write(true).open("/dev/kmsg")?;
    // A line that does not end is not shown before the next one.
    Ok(kmsg.write_all(format!("{line}\n").as_bytes())?)
}

/// The lines between the two; each read is one: `priority,number,time,...;text`.
fn read(mut file: File, begin: &str, end: &str) -> anyhow::Result<Lines> {
    let mut record = [0; 8192];
    let mut seen = Lines::default();
    let mut begun = false;
    loop {
        let length = match file.read(&mut record) {
            Ok(length) => length,
            Err(error) if error.kind() == ErrorKind::BrokenPipe => {
                seen.lost += 1;
                continue;
            }
            Err(error) => return Err(error).context("/dev/kmsg"),
        };
        let record = String::from_utf8_lossy(&record[..length]);
        let (head, text) = record.split_once(';').unwrap_or(("", &record));
        let text = text.lines().next().unwrap_or_default();
        if text == end {
            return Ok(seen);
        }
        if begun {
            let priority: u64 = head
                .split(',')
                .next()
                .unwrap_or_default()
                .parse()
                .unwrap_or(0);
            seen.lines.push(((priority & 7) as u8, text.to_owned()));
        } else {
            begun = text == begin;
        }
    }
}

impl Lines {
    /// There must be no warning but those that are `expected`, and no sign of a broken
    /// kernel. A note about what was lost.
    pub fn no_warning(&self, expected: impl Fn(&str) -> bool) -> anyhow::Result<Vec<String>> {
        let is_warning = |(priority, text): &&(u8, String)| *priority <= WARNING && !expected(text);
        let warnings: Vec<&str> = self
            .lines
            .iter()
            .filter(is_warning)
            .map(|(_, text)| &text[..])
            .take(20)
            .collect();
        ensure!(warnings.is_empty(), "in the log:\n{}", warnings.join("\n"));
        let taint: u64 = fs::read_to_string("/proc/sys/kernel/tainted")?
            .trim()
            .parse()?;
        ensure!(taint & BROKEN == 0, "the kernel is tainted: {taint}");
        let mut notes = vec![format!("{} lines in the log", self.lines.len())];
        if self.lost > 0 {
            notes.push(format!(
                "it lost lines {} times: only the taint flags, which are clear, tell what was in them",
                self.lost
            ));
        }
        Ok(notes)
    }

    /// How many lines have this in them.
    pub fn count(&self, text: &str) -> usize {
        self.lines
            .iter()
            .filter(|(_, line)| line.contains(text))
            .count()
    }
}
