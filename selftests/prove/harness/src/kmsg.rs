// SPDX-License-Identifier: GPL-2.0

//! The kernel log from now on.

use anyhow::Context;
use rustix::fs::OFlags;
use rustix::io::Errno;
use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, SeekFrom};
use std::os::unix::fs::OpenOptionsExt;

pub struct Log(File);

impl Log {
    /// The log, of which nothing is wanted that is there already.
    pub fn open() -> anyhow::Result<Self> {
        let mut options = OpenOptions::new();
        options
            .read(true)
            .custom_flags(OFlags::NONBLOCK.bits() as i32);
        let mut file = options.open("/dev/kmsg").context("/dev/kmsg")?;
        file.seek(SeekFrom::End(0)).context("/dev/kmsg")?;
        Ok(Self(file))
    }

    /// The texts of what came since the last call.
    pub fn lines(&mut self) -> anyhow::Result<Vec<String>> {
        let mut lines = Vec::new();
        let mut record = [0; 8192];
        loop {
            match self.0.read(&mut record) {
                Ok(length) => {
                    let record = String::from_utf8_lossy(&record[..length]);
                    let text = record.split_once(';').map_or("", |(_, text)| text);
                    lines.push(text.lines().next().unwrap_or_default().to_string());
                }
                Err(error) if Errno::from_io_error(&error) == Some(Errno::AGAIN) => {
                    return Ok(lines)
                }
                Err(error) => return Err(error).context("/dev/kmsg"),
            }
        }
    }
}
