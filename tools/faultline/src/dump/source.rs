// SPDX-License-Identifier: GPL-2.0

//! The bytes of an input: a file that can be read anywhere, or a pipe that is first written to
//! an unlinked temporary file.

use super::fault::{Fault, Watch};
use anyhow::{bail, Context};
use rustix::event::{poll, PollFd, PollFlags};
use rustix::fs::{fcntl_getfl, fcntl_setfl, OFlags};
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{FileExt, FileTypeExt, OpenOptionsExt};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// Bytes that can be read at any place, by several threads at once.
pub trait Bytes: Send + Sync {
    /// The number of bytes.
    fn size(&self) -> u64;
    /// Fills `buffer` from `at`; an error of the kind `UnexpectedEof` if not all of it is there.
    fn read_at(&self, buffer: &mut [u8], at: u64) -> io::Result<()>;
    /// A file of these bytes, for programs that read files only.
    fn file(&self) -> io::Result<File> {
        Err(io::ErrorKind::Unsupported.into())
    }
}

/// As much is read at once.
const STEP: u64 = 16 << 20;

/// Reads `length` bytes from `at`, of which there must be that many: a length comes from the
/// input, and memory is taken only for what is there. An input with holes is larger than that.
pub fn read_vec(bytes: &dyn Bytes, at: u64, length: u64) -> io::Result<Vec<u8>> {
    if at.checked_add(length).is_none_or(|end| end > bytes.size()) {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    let mut buffer = Vec::new();
    let mut filled = 0;
    while filled < length {
        let now = (length - filled).min(STEP);
        let room = buffer.try_reserve(now as usize);
        room.map_err(|_| io::Error::from(io::ErrorKind::OutOfMemory))?;
        buffer.resize((filled + now) as usize, 0);
        bytes.read_at(&mut buffer[filled as usize..], at + filled)?;
        filled += now;
    }
    Ok(buffer)
}

/// A file.
pub struct Plain {
    file: File,
    size: u64,
}

impl Plain {
    /// Wraps `file`, which can seek.
    pub fn new(mut file: File) -> io::Result<Self> {
        let size = file.seek(SeekFrom::End(0))?;
        Ok(Plain { file, size })
    }
}

impl Bytes for Plain {
    fn size(&self) -> u64 {
        self.size
    }
    fn read_at(&self, buffer: &mut [u8], at: u64) -> io::Result<()> {
        self.file.read_exact_at(buffer, at)
    }
    fn file(&self) -> io::Result<File> {
        self.file.try_clone()
    }
}

/// What was opened.
pub struct Opened {
    pub bytes: Arc<dyn Bytes>,
    /// Whether the path itself can be read again by others: no pipe, and not compressed.
    pub in_place: bool,
}

/// Opens `path`; `-` is standard input.
///
/// # Errors
///
/// An error says that there is nothing to examine; a [`Fault`] in it, that it was given up.
pub fn open(path: &Path, watch: &Watch<'_>) -> anyhow::Result<Opened> {
    let stdin = path == Path::new("-");
    let name = if stdin { Path::new("/dev/stdin") } else { path };
    let named = || match stdin {
        true => "standard input".to_string(),
        false => path.display().to_string(),
    };
    // A FIFO's open() would wait for its writer, where no signal is looked at.
    let file = OpenOptions::new()
        .read(true)
        .custom_flags(OFlags::NONBLOCK.bits() as i32)
        .open(name)
        .with_context(named)?;
    let kind = file.metadata().with_context(named)?.file_type();
    if kind.is_dir() {
        bail!("{}: is a directory: name the vmcore in it", named());
    }
    if kind.is_char_device() {
        bail!("{}: is a character device: name a file or a pipe", named());
    }
    if kind.is_fifo() || kind.is_socket() {
        let flags = fcntl_getfl(&file)?;
        fcntl_setfl(&file, flags | OFlags::NONBLOCK)?;
        let spooled = spool(Waiting { file, watch }, watch);
        // The description may be shared with others, to whom it was no such pipe.
        let bytes = spooled.with_context(named)?;
        return Ok(Opened {
            bytes: Arc::new(bytes),
            in_place: false,
        });
    }
    let bytes = Plain::new(file).with_context(named)?;
    Ok(Opened {
        bytes: Arc::new(bytes),
        in_place: !stdin,
    })
}

/// A pipe, read as its writers write; an error when the user interrupts that.
struct Waiting<'a> {
    file: File,
    watch: &'a Watch<'a>,
}

impl Read for Waiting<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let mut fds = [PollFd::new(&self.file, PollFlags::IN)];
            let limit = Duration::from_millis(100).try_into().ok();
            let ready = match poll(&mut fds, limit.as_ref()) {
                Ok(ready) => ready,
                Err(rustix::io::Errno::INTR) => 0,
                Err(error) => return Err(error.into()),
            };
            self.watch.go_on()?;
            if ready > 0 {
                match self.file.read(buffer) {
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                    done => return done,
                }
            }
        }
    }
}

/// Writes all that `from` has to an unlinked temporary file. Blocks of zeroes become holes.
pub fn spool(mut from: impl Read, watch: &Watch<'_>) -> Result<Plain, Fault> {
    let given_up = |error: io::Error| {
        Fault::GivenUp(format!(
            "no temporary copy in {}: {error}",
            std::env::temp_dir().display()
        ))
    };
    let mut to = tempfile::tempfile().map_err(given_up)?;
    let mut block = vec![0; 1 << 20];
    let mut bytes = 0;
    loop {
        watch.go_on()?;
        let mut filled = 0;
        while filled < block.len() {
            match from.read(&mut block[filled..]) {
                Ok(0) => break,
                Ok(read) => filled += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error.into()),
            }
        }
        if filled == 0 {
            break;
        }
        if block[..filled].iter().all(|byte| *byte == 0) {
            to.seek_relative(filled as i64).map_err(given_up)?;
        } else {
            to.write_all(&block[..filled]).map_err(given_up)?;
        }
        bytes += filled as u64;
        watch.tell("the input is read", bytes, 0);
    }
    to.set_len(bytes).map_err(given_up)?;
    Plain::new(to).map_err(given_up)
}
