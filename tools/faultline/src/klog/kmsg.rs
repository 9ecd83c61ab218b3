// SPDX-License-Identifier: GPL-2.0

//! The kernel log from /dev/kmsg, one record per read: from now on, or all of it.

use anyhow::Context;
use rustix::fs::OFlags;
use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Read};
use std::os::unix::fs::OpenOptionsExt;

/// The log from the time of its opening on.
pub struct Log(File);

impl Log {
    pub fn open() -> anyhow::Result<Self> {
        let mut options = OpenOptions::new();
        options
            .read(true)
            .custom_flags(OFlags::NONBLOCK.bits() as i32);
        let mut log = Log(options.open("/dev/kmsg").context("/dev/kmsg")?);
        log.lines();
        Ok(log)
    }

    /// Returns the texts of the records since the last call.
    pub fn lines(&mut self) -> Vec<String> {
        let mut lines = Vec::new();
        let mut record = [0; 8192];
        loop {
            match self.0.read(&mut record) {
                Ok(length) => {
                    let record = String::from_utf8_lossy(&record[..length]);
                    let text = record.split_once(';').map_or("", |(_, text)| text);
                    lines.push(text.lines().next().unwrap_or("").to_string());
                }
                // Records were overwritten before they were read: continue with the next one.
                Err(error)
                    if error.raw_os_error() == Some(rustix::io::Errno::PIPE.raw_os_error()) => {}
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(_) => return lines,
            }
        }
    }
}

/// Returns all of the log that the kernel still has, in the format of `dmesg`.
///
/// # Errors
///
/// Fails if /dev/kmsg cannot be read, which may need root.
pub fn whole() -> std::io::Result<String> {
    let mut options = OpenOptions::new();
    options
        .read(true)
        .custom_flags(OFlags::NONBLOCK.bits() as i32);
    let mut file = options.open("/dev/kmsg")?;
    let mut log = String::new();
    let mut record = [0; 8192];
    // Without the limit, a kernel that prints faster than this reads would never end.
    while log.len() < LONGEST {
        match file.read(&mut record) {
            Ok(0) => break,
            Ok(length) => log += &line(&String::from_utf8_lossy(&record[..length])),
            Err(error) if error.raw_os_error() == Some(rustix::io::Errno::PIPE.raw_os_error()) => {}
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => break,
            Err(error) => return Err(error),
        }
    }
    Ok(log)
}

/// More than any kernel's buffer holds.
const LONGEST: usize = 64 << 20;

/// Formats a record as `dmesg` does.
fn line(record: &str) -> String {
    let (prefix, text) = record.split_once(';').unwrap_or(("", record));
    let micros: u64 = prefix
        .split(',')
        .nth(2)
        .and_then(|field| field.parse().ok())
        .unwrap_or(0);
    let text = text.lines().next().unwrap_or("").replace("\\x0a", "\n");
    let (secs, micros) = (micros / 1_000_000, micros % 1_000_000);
    let mut out = String::new();
    for text in text.lines() {
        out += &format!("[{secs:>5}.{micros:06}] {text}\n");
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_as_lines() {
        assert_eq!(
            line("6,0,1234567,-;a: b\n SUBSYSTEM=x\n"),
            "[    1.234567] a: b\n"
        );
        assert_eq!(
            line("4,7,0,-,caller=T1;a\\x0ab"),
            "[    0.000000] a\n[    0.000000] b\n"
        );
        assert_eq!(line("nonsense"), "[    0.000000] nonsense\n");
    }
}
