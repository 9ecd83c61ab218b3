// SPDX-License-Identifier: GPL-2.0

//! The module's file `control`. What is probed is probed as long as it is open, so nothing is left of a
//! program that was killed.

use crate::files::text::read;
use crate::tracing::mount::mount;
use anyhow::{bail, ensure, Context};
use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

/// The module's name.
pub const MODULE: &str = "func_probe";

/// The module takes no more at once.
const AT_ONCE: usize = 4096;
/// The longest reply.
const REPLY: usize = 4096;

/// A session of the module.
pub struct Session {
    control: File,
    functions: PathBuf,
}

/// A line that the module does not take.
#[derive(Debug, PartialEq)]
pub struct Refused {
    /// Which of those that were sent, from 0.
    pub line: usize,
    /// In the module's words.
    pub reason: String,
}

impl Session {
    /// Begins one.
    ///
    /// # Errors
    ///
    /// Fails where the module is not loaded, or another program has a session.
    pub fn open() -> anyhow::Result<Self> {
        ensure!(
            Path::new("/sys/module").join(MODULE).is_dir(),
            "the module {MODULE} is not loaded: insmod {MODULE}.ko, which 'make' builds in \
             build/<release>/"
        );
        ensure!(
            rustix::process::geteuid().is_root(),
            "only root may probe functions: run this as root, for instance with sudo"
        );
        let directory = mount("debugfs", "/sys/kernel/debug")?.join(MODULE);
        let path = directory.join("control");
        let opened = OpenOptions::new().read(true).write(true).open(&path);
        let control = match opened {
            Err(error) if error.kind() == ErrorKind::ResourceBusy => {
                bail!("another faultline probe runs: the module {MODULE} has one session at a time")
            }
            opened => opened.with_context(|| path.display().to_string())?,
        };
        Ok(Session {
            control,
            functions: directory.join("functions"),
        })
    }

    /// Sends lines, and goes on after those that are refused, which are returned.
    pub fn send(&mut self, lines: &[String]) -> anyhow::Result<Vec<Refused>> {
        send(&mut self.control, lines)
    }

    /// The text of the ledger.
    pub fn functions(&self) -> anyhow::Result<String> {
        read(&self.functions)
    }
}

/// What takes lines, and says why it does not take one.
trait Control {
    fn put(&mut self, text: &[u8]) -> std::io::Result<usize>;
    fn reply(&mut self) -> std::io::Result<String>;
}

impl Control for File {
    fn put(&mut self, text: &[u8]) -> std::io::Result<usize> {
        self.write(text)
    }

    fn reply(&mut self) -> std::io::Result<String> {
        let mut reply = [0; REPLY];
        let length = self.read_at(&mut reply, 0)?;
        Ok(String::from_utf8_lossy(&reply[..length]).into_owned())
    }
}

fn send(control: &mut impl Control, lines: &[String]) -> anyhow::Result<Vec<Refused>> {
    let mut refused = Vec::new();
    let mut first = 0;
    while first < lines.len() {
        let chunk = chunk(&lines[first..]);
        match control.put(chunk.as_bytes()) {
            Ok(length) => {
                let taken = chunk.get(..length).filter(|taken| taken.ends_with('\n'));
                let taken = taken.with_context(|| {
                    format!("the module took {length} bytes, which is not a number of whole lines")
                })?;
                first += taken.matches('\n').count();
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => {
                let reply = control.reply().context("the module's reply")?;
                let Some((number, reason)) = line_of(&reply)
                    .filter(|(number, _)| (1..=chunk.matches('\n').count()).contains(number))
                else {
                    let what = lines[first]
                        .split(' ')
                        .take(3)
                        .collect::<Vec<_>>()
                        .join(" ");
                    return Err(error).with_context(|| format!("{what}: {}", reply.trim_end()));
                };
                let line = first + number - 1;
                let reason = match reason.is_empty() {
                    true => error.to_string(),
                    false => reason.into(),
                };
                refused.push(Refused { line, reason });
                first = line + 1;
            }
        }
    }
    Ok(refused)
}

/// As many lines as the module takes at once, or the first one.
fn chunk(lines: &[String]) -> String {
    let mut chunk = String::new();
    for line in lines {
        if !chunk.is_empty() && chunk.len() + line.len() + 1 > AT_ONCE {
            break;
        }
        chunk += line;
        chunk.push('\n');
    }
    chunk
}

/// The number and the reason of `line 3: <reason>`.
fn line_of(reply: &str) -> Option<(usize, &str)> {
    let (number, reason) = reply.trim_end().strip_prefix("line ")?.split_once(':')?;
    Some((number.parse().ok()?, reason.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io;

    /// Takes at most so many lines at once, and none that begins with `bad`.
    struct Fake {
        lines: Vec<String>,
        at_once: usize,
        reply: String,
    }

    impl Control for Fake {
        fn put(&mut self, text: &[u8]) -> io::Result<usize> {
            assert!(
                text.len() <= AT_ONCE || text.iter().filter(|byte| **byte == b'\n').count() == 1
            );
            let text = std::str::from_utf8(text).unwrap();
            let mut taken = 0;
            for (number, line) in text.lines().enumerate().take(self.at_once) {
                if line.starts_with("bad") {
                    self.reply = format!("line {}: no {line}\n", number + 1);
                    return Err(io::Error::from(io::ErrorKind::InvalidInput));
                }
                if line.starts_with("dumb") {
                    self.reply = "what?\n".into();
                    return Err(io::Error::from(io::ErrorKind::InvalidInput));
                }
                self.lines.push(line.into());
                taken += line.len() + 1;
            }
            self.reply = "ok\n".into();
            Ok(taken)
        }

        fn reply(&mut self) -> io::Result<String> {
            Ok(self.reply.clone())
        }
    }

    fn fake(at_once: usize) -> Fake {
        Fake {
            lines: Vec::new(),
            at_once,
            reply: String::new(),
        }
    }

    #[test]
    fn all_lines_arrive_once() {
        for (count, at_once) in [(0, 9), (1, 9), (3, 1), (5000, 7), (5000, 10_000)] {
            let lines: Vec<_> = (0..count)
                .map(|n| format!("probe {n} some_function return 0"))
                .collect();
            let mut fake = fake(at_once);
            assert_eq!(send(&mut fake, &lines).unwrap(), []);
            assert!(fake.lines == lines, "{count} {at_once}");
        }
    }

    #[test]
    fn what_is_refused_is_told_and_the_rest_arrives() {
        let mut lines: Vec<_> = (0..500)
            .map(|n| format!("probe {n} some_function return 0"))
            .collect();
        for at in [0, 1, 250, 499] {
            lines[at] = format!("bad{at}");
        }
        let mut fake = fake(1000);
        let refused = send(&mut fake, &lines).unwrap();
        let shown: Vec<_> = refused
            .iter()
            .map(|no| (no.line, no.reason.as_str()))
            .collect();
        assert_eq!(
            shown,
            [
                (0, "no bad0"),
                (1, "no bad1"),
                (250, "no bad250"),
                (499, "no bad499")
            ]
        );
        assert_eq!(fake.lines.len(), 496);
        assert_eq!(fake.lines[0], lines[2]);
    }

    #[test]
    fn a_reply_that_names_no_line_ends_it() {
        let error = send(&mut fake(9), &["a".into(), "dumb b c d".into()]).unwrap_err();
        assert!(format!("{error:#}").starts_with("a: what?: "), "{error:#}");
        assert_eq!(
            line_of("line 3: no such symbol\n"),
            Some((3, "no such symbol"))
        );
        assert_eq!(line_of("line 3:"), Some((3, "")));
        for other in ["ok", "line x: y", "line 3", ""] {
            assert_eq!(line_of(other), None);
        }
    }
}
