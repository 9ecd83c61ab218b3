// SPDX-License-Identifier: GPL-2.0

//! A module's files: what is read in pieces, from any offset, is what is read at once; what is
//! written is taken or refused, and changes no file that is only read; and when the module goes, who
//! is in a file, or holds it open, gets an answer.

use super::dice::Dice;
use anyhow::{bail, ensure, Context};
use prove::module::Module;
use rustix::io::Errno;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{FileExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

/// In how many bytes at a time a file is read.
const SIZES: [usize; 8] = [1, 2, 3, 7, 64, 255, 4095, 4096];
/// How often a file is read from a place that is diced.
const PLACES: usize = 100;
/// How often something is written to a file.
const WRITES: usize = 40;
/// No file of ours is longer.
const ROOM: usize = 1 << 20;
const READERS: u64 = 4;
/// How long a reader leaves the module to others, and how often all of them write: each write that is
/// refused is a line of the kernel log, which has to last.
const MOMENT: Duration = Duration::from_millis(2);
const CHURN_WRITES: u64 = 1500;
/// Readers come and go: an unload finds a moment without one.
const PATIENCE: Duration = Duration::from_secs(60);

pub fn run(
    file: &Path,
    arguments: &str,
    also: &[PathBuf],
    rounds: u32,
    seed: u64,
) -> anyhow::Result<()> {
    let module = Module::open(file, arguments)?;
    module.load().context("load")?;
    let mut dice = Dice(seed);
    let files = Entry::all(&module, also)?;
    ensure!(!files.is_empty(), "no files");
    for entry in files.iter().filter(|entry| entry.readable) {
        entry
            .is_the_same_in_pieces(&mut dice)
            .with_context(|| entry.name())?;
    }
    let mut taken = [0, 0];
    for entry in &files {
        let now = entry.is_written(&mut dice).with_context(|| entry.name())?;
        taken = [taken[0] + now[0], taken[1] + now[1]];
    }
    println!(
        "files {}, written {}, refused {}",
        files.len(),
        taken[0],
        taken[1]
    );
    ensure!(taken[1] > 0, "nothing was refused");
    churn(&module, &files, rounds, seed)?;
    held(&module, &files)?;
    Ok(())
}

/// A file.
struct Entry {
    path: PathBuf,
    readable: bool,
    writable: bool,
}

impl Entry {
    /// All files of the module, in these directories and in its parameters', if it has any.
    fn all(module: &Module, also: &[PathBuf]) -> anyhow::Result<Vec<Self>> {
        let mut left = also.to_vec();
        left.extend(Some(module.parameter("")).filter(|parameters| parameters.exists()));
        let mut all = Vec::new();
        while let Some(directory) = left.pop() {
            let entries =
                fs::read_dir(&directory).with_context(|| directory.display().to_string())?;
            for entry in entries {
                let entry = entry?;
                if entry.file_type()?.is_dir() {
                    left.push(entry.path());
                    continue;
                }
                let mode = entry.metadata()?.permissions().mode();
                all.push(Self {
                    path: entry.path(),
                    // One of tracefs is for events that have what these have not.
                    readable: mode & 0o400 != 0 && fs::read(entry.path()).is_ok(),
                    writable: mode & 0o200 != 0,
                });
            }
        }
        all.sort_by(|one, other| one.path.cmp(&other.path));
        Ok(all)
    }

    fn name(&self) -> String {
        self.path.display().to_string()
    }

    /// debugfs holds the module while a file of it is open.
    fn holds_module(&self) -> bool {
        self.path.starts_with("/sys/kernel/debug")
    }

    /// The files of an event are the kernel's own: some give nothing from any other offset than 0, and
    /// that with the event's number gives it for ever.
    fn is_of_kernel(&self) -> bool {
        self.path.starts_with("/sys/kernel/tracing")
    }

    fn whole(&self) -> io::Result<Vec<u8>> {
        let mut text = vec![0; ROOM];
        let mut file = File::open(&self.path)?;
        let mut length = 0;
        loop {
            match file.read(&mut text[length..])? {
                0 => break,
                more => length += more,
            }
        }
        text.truncate(length);
        Ok(text)
    }

    /// What is read otherwise is what the whole file has there, where nothing changes meanwhile.
    fn compare(
        &self,
        how: &str,
        read: impl Fn(&File, usize) -> io::Result<(usize, Vec<u8>)>,
    ) -> anyhow::Result<()> {
        for _ in 0..5 {
            let before = self.whole()?;
            let file = File::open(&self.path)?;
            let (from, found) = read(&file, before.len()).with_context(|| how.to_string())?;
            if self.whole()? != before {
                continue;
            }
            let wanted = before.get(from..).unwrap_or_default();
            let wanted = &wanted[..found.len().min(wanted.len())];
            ensure!(
                wanted == found,
                "{how}, from {from}: '{}', and it has '{}'",
                String::from_utf8_lossy(&found),
                String::from_utf8_lossy(wanted)
            );
            return Ok(());
        }
        bail!("{how}: it changes all the time");
    }

    fn is_the_same_in_pieces(&self, dice: &mut Dice) -> anyhow::Result<()> {
        for size in SIZES {
            self.compare(&format!("{size} bytes at a time"), |mut file, whole| {
                let (mut all, mut piece) = (Vec::new(), vec![0; size]);
                loop {
                    match file.read(&mut piece)? {
                        0 => break,
                        length => all.extend(&piece[..length]),
                    }
                }
                match all.len() < whole && !self.is_of_kernel() {
                    true => Err(io::Error::other("it ends early")),
                    false => Ok((0, all)),
                }
            })?;
        }
        let length = self.whole()?.len();
        for _ in 0..PLACES {
            let (at, size) = (dice.below(length + 20), dice.below(length + 20));
            self.compare(&format!("{size} bytes at {at}"), |file, whole| {
                let mut piece = vec![0; size];
                let read = file.read_at(&mut piece, at as u64)?;
                piece.truncate(read);
                // Something has to come of what is there.
                let none = read == 0 && at < whole && size > 0 && !self.is_of_kernel();
                match none {
                    true => Err(io::Error::other("nothing is read")),
                    false => Ok((at, piece)),
                }
            })?;
        }
        for at in [1 << 31, 1 << 40, i64::MAX as u64 - 4096, i64::MAX as u64] {
            let file = File::open(&self.path)?;
            let read = file.read_at(&mut [0; 64], at);
            ensure!(!matches!(read, Ok(1..)), "{read:?} at {at:#x}");
        }
        for _ in 0..PLACES / 4 {
            let to = match dice.below(4) {
                0 => SeekFrom::End(-(dice.below(length + 2) as i64)),
                1 => SeekFrom::Current(dice.below(length + 2) as i64),
                2 => SeekFrom::Current(i64::MAX),
                _ => SeekFrom::Start(dice.below(length + 2) as u64),
            };
            self.compare(&format!("{to:?}"), |mut file, _| {
                let Ok(at) = file.seek(to) else {
                    return Ok((0, Vec::new()));
                };
                let mut piece = vec![0; 64];
                let length = file.read(&mut piece).unwrap_or(0);
                piece.truncate(length);
                Ok((at as usize, piece))
            })?;
        }
        Ok(())
    }

    /// How many of some writes were taken, and refused.
    fn is_written(&self, dice: &mut Dice) -> anyhow::Result<[usize; 2]> {
        let before = self.readable.then(|| self.whole()).transpose()?;
        let mut counts = [0, 0];
        for _ in 0..WRITES {
            let text = dice.bytes();
            let file = OpenOptions::new().write(true).open(&self.path);
            let written = file.and_then(|mut file| file.write(&text));
            match written {
                Ok(0) if text.is_empty() => {}
                Ok(length) => {
                    ensure!(self.writable, "takes {length} bytes, and is only read");
                    ensure!(length <= text.len(), "{length} of {} bytes", text.len());
                    counts[0] += 1;
                }
                Err(error) => {
                    let error = Errno::from_io_error(&error);
                    let told = format!("a write of {} bytes: {error:?}", text.len());
                    ensure!(
                        error != Some(Errno::FAULT) && error != Some(Errno::IO),
                        told
                    );
                    counts[1] += 1;
                }
            }
            if self.readable {
                self.whole().context("after a write")?;
            }
        }
        if !self.writable {
            let after = self.readable.then(|| self.whole()).transpose()?;
            ensure!(before == after, "a file that is only read has changed");
        }
        Ok(counts)
    }

    /// Does something to the file, or finds that it is not there.
    fn disturb(&self, dice: &mut Dice, writes: &AtomicU64) -> io::Result<()> {
        let write = self.writable && (!self.readable || dice.below(3) == 0);
        let write = write && writes.fetch_add(1, Relaxed) < CHURN_WRITES;
        let file = OpenOptions::new()
            .read(!write)
            .write(write)
            .open(&self.path);
        let mut file = file?;
        for _ in 0..=dice.below(4) {
            if write {
                let _ = file.write(&dice.bytes())?;
            } else if dice.below(2) == 0 {
                file.read_at(&mut vec![0; dice.below(5000)], dice.below(5000) as u64)?;
            } else {
                file.seek(SeekFrom::Start(dice.below(5000) as u64))?;
                let _ = file.read(&mut vec![0; dice.below(5000)])?;
            }
        }
        Ok(())
    }
}

/// Unloads a module, which others may use for a moment.
fn unload(module: &Module) -> anyhow::Result<()> {
    let end = Instant::now() + PATIENCE;
    loop {
        match module.unload() {
            Ok(()) => return Ok(()),
            Err(Errno::AGAIN | Errno::BUSY) => {
                ensure!(Instant::now() < end, "it is in use all the time");
                std::thread::yield_now();
            }
            Err(error) => return Err(error).context("unload"),
        }
    }
}

/// Loads the module. Its parameters are there before it begins: what others have written to them by
/// then may be what it refuses.
fn load(module: &Module) -> anyhow::Result<()> {
    let end = Instant::now() + PATIENCE;
    loop {
        match module.load() {
            Err(Errno::INVAL) if Instant::now() < end => {}
            other => return other.context("load"),
        }
    }
}

/// Unloads and loads the module while its files are used.
fn churn(module: &Module, files: &[Entry], rounds: u32, seed: u64) -> anyhow::Result<()> {
    let stop = AtomicBool::new(false);
    let (done, gone) = (AtomicU64::new(0), AtomicU64::new(0));
    let writes = AtomicU64::new(0);
    let use_files = |number: u64| {
        let mut dice = Dice(
            seed.wrapping_add(number + 1)
                .wrapping_mul(0x9e37_79b9_7f4a_7c15)
                | 1,
        );
        while !stop.load(Relaxed) {
            std::thread::sleep(MOMENT);
            match files[dice.below(files.len())].disturb(&mut dice, &writes) {
                Ok(()) => done.fetch_add(1, Relaxed),
                Err(error) => match Errno::from_io_error(&error) {
                    Some(Errno::NOENT | Errno::NODEV | Errno::NXIO) => gone.fetch_add(1, Relaxed),
                    _ => 0,
                },
            };
        }
    };
    let result = std::thread::scope(|scope| {
        for number in 0..READERS {
            let use_files = &use_files;
            scope.spawn(move || use_files(number));
        }
        let mut result = Ok(());
        for round in 0..rounds {
            // Each time somebody has been in a file since the load.
            let before = done.load(Relaxed);
            let end = Instant::now() + PATIENCE;
            while done.load(Relaxed) < before + READERS && Instant::now() < end {
                std::thread::yield_now();
            }
            result = unload(module)
                .and_then(|()| load(module))
                .with_context(|| format!("round {round}"));
            if result.is_err() {
                break;
            }
        }
        stop.store(true, Relaxed);
        result
    });
    let (done, gone) = (done.into_inner(), gone.into_inner());
    println!("rounds {rounds}, used {done} times, gone {gone} times");
    ensure!(
        done > 0 && gone > 0,
        "the files were not used while the module went"
    );
    result
}

/// What is held open over an unload gives nothing any more; what is in debugfs keeps the module.
fn held(module: &Module, files: &[Entry]) -> anyhow::Result<()> {
    let readable = files.iter().filter(|entry| entry.readable);
    let (holding, others): (Vec<_>, Vec<_>) = readable.partition(|entry| entry.holds_module());
    let open = |entries: &[&Entry]| -> anyhow::Result<Vec<File>> {
        let files = entries.iter().map(|entry| {
            let mut file = File::open(&entry.path).with_context(|| entry.name())?;
            // In the middle of it.
            let _ = file.read(&mut [0; 1]);
            Ok(file)
        });
        files.collect()
    };
    let kept = open(&others)?;
    let in_debugfs = open(&holding)?;
    if !in_debugfs.is_empty() {
        let result = module.unload();
        ensure!(
            result == Err(Errno::AGAIN),
            "unload, with a file of debugfs open: {result:?}"
        );
    }
    drop(in_debugfs);
    module.unload().context("unload, with files open")?;
    for (entry, mut file) in others.iter().zip(kept) {
        let mut text = vec![0; 4096];
        // The rest of what was made of it for the first read may still be given.
        let _ = file.read(&mut text);
        let anew = [file.read_at(&mut text, 0), file.read(&mut text)];
        let is_gone = anew.iter().all(|read| !matches!(read, Ok(1..))) || entry.is_of_kernel();
        ensure!(
            is_gone,
            "{}, of a module that is gone: {anew:?}",
            entry.name()
        );
    }
    println!("held {} over an unload", others.len());
    Ok(())
}
