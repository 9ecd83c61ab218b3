// SPDX-License-Identifier: GPL-2.0

//! The kernel log from now on, as /dev/kmsg gives it: one record a read.

use anyhow::Context;
use rustix::fs::OFlags;
use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Read};
use std::os::unix::fs::OpenOptionsExt;

/// The log, read as far as it was when it was opened.
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

    /// The texts of the records that came since the last call.
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
                // Records were overwritten before they were read: go on with the next.
                Err(error)
                    if error.raw_os_error() == Some(rustix::io::Errno::PIPE.raw_os_error()) => {}
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(_) => return lines,
            }
        }
    }
}
