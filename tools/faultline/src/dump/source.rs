// SPDX-License-Identifier: GPL-2.0

//! The bytes of an input: a seekable file, or a pipe that is first copied to an unlinked temporary
//! file.

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
    /// Returns the number of bytes.
    fn size(&self) -> u64;
    /// Fills `buffer` from `at`; fails with `UnexpectedEof` if there are not enough bytes.
    fn read_at(&self, buffer: &mut [u8], at: u64) -> io::Result<()>;
    /// Returns a file of these bytes, for other programs.
    fn file(&self) -> io::Result<File> {
        Err(io::ErrorKind::Unsupported.into())
    }
}

/// The size of a read.
const STEP: u64 = 16 << 20;

/// Reads exactly `length` bytes from `at`. The length comes from the input, so memory is allocated
/// only for bytes that exist.
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

/// An opened input.
pub struct Opened {
    pub bytes: Arc<dyn Bytes>,
    /// Whether other programs can read the path itself: not a pipe, and not compressed.
    pub in_place: bool,
}

/// Opens `path`; `-` is standard input.
///
/// # Errors
///
/// Fails if there is nothing to examine, or with a [`Fault`] if the reading was given up.
pub fn open(path: &Path, watch: &Watch<'_>) -> anyhow::Result<Opened> {
    let stdin = path == Path::new("-");
    let name = if stdin { Path::new("/dev/stdin") } else { path };
    let named = || match stdin {
        true => "standard input".to_string(),
        false => path.display().to_string(),
    };
    // A blocking open() of a FIFO would wait for its writer, and not check for signals.
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
        // Other processes may share the open file, and expect it in blocking mode.
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

/// A pipe; a read fails if the user interrupts it.
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

/// What a temporary copy leaves free of its file system, for others; a part of a small one.
const RESERVE: u64 = 256 << 20;
/// The number of bytes after which the room is looked at again.
const LOOK: u64 = 16 << 20;

/// Returns whether a file system of `all` bytes, of which `free` are left, is too full for a copy.
fn is_full(free: u64, all: u64) -> bool {
    free < RESERVE.min(all / 20)
}

/// Fails if the file system of the temporary copy `to` is too full for more of it.
fn room(to: &File) -> io::Result<()> {
    let stat = rustix::fs::fstatvfs(to)?;
    let free = stat.f_bavail.saturating_mul(stat.f_frsize);
    match is_full(free, stat.f_blocks.saturating_mul(stat.f_frsize)) {
        true => Err(io::Error::other(format!(
            "only {} MB are free: set TMPDIR to a directory with more room",
            free / 1_000_000
        ))),
        false => Ok(()),
    }
}

/// Copies `from` to an unlinked temporary file. Blocks of zeroes become holes.
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
        if bytes > 0 && bytes % LOOK == 0 {
            room(&to).map_err(given_up)?;
        }
        bytes += filled as u64;
        watch.tell("reading the input", bytes, 0);
    }
    to.set_len(bytes).map_err(given_up)?;
    Plain::new(to).map_err(given_up)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_leaves_room_for_others() {
        const GIB: u64 = 1 << 30;
        assert!(is_full(RESERVE - 1, 100 * GIB) && !is_full(RESERVE, 100 * GIB));
        // A twentieth of a small file system.
        assert!(!is_full(GIB / 20, GIB) && is_full(GIB / 20 - 1, GIB));
        assert!(is_full(0, GIB));
    }
}
