// SPDX-License-Identifier: GPL-2.0

//! Waits for dumps that are still being written.

use super::find::Place;
use crate::interrupt;
use anyhow::Context;
use rustix::event::{poll, PollFd, PollFlags, Timespec};
use rustix::fs::inotify::{self, WatchFlags};
use std::mem::MaybeUninit;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// A dump is finished if nothing was written to it for this long; an unfinished dump gets longer,
/// for a slow disk.
const QUIET: Duration = Duration::from_secs(3);
const QUIET_UNFINISHED: Duration = Duration::from_secs(20);
/// A dump last changed longer ago than this is finished.
const FRESH: Duration = Duration::from_secs(120);
/// The limit of the wait for a dump that is still being written.
const PATIENCE: Duration = Duration::from_secs(15 * 60);

/// Waits until nothing is written to the new files any more. Returns whether it had to wait.
pub fn wait(places: &[Place]) -> anyhow::Result<bool> {
    let is_fresh = |path: &PathBuf| {
        let modified = std::fs::metadata(path).and_then(|metadata| metadata.modified());
        modified.is_ok_and(|at| at.elapsed().map_or(true, |age| age < FRESH))
    };
    let mut waited = false;
    for place in places {
        let unfinished = place.incomplete.as_ref().filter(|_| place.dumps.is_empty());
        let quiet = match unfinished {
            Some(path) if is_fresh(path) => QUIET_UNFINISHED,
            None if place.dumps.iter().any(is_fresh) => QUIET,
            _ => continue,
        };
        let name = unfinished.and_then(|path| path.file_name());
        let gone = || name.is_some_and(|name| !place.directory.join(name).exists());
        settle(&place.directory, quiet, PATIENCE, &gone)?;
        waited = true;
    }
    Ok(waited)
}

/// Waits until nothing has changed in a directory for `quiet`, for `limit` at the most, or until
/// `is_done` returns true after a change.
fn settle(
    directory: &Path,
    quiet: Duration,
    limit: Duration,
    is_done: &dyn Fn() -> bool,
) -> anyhow::Result<()> {
    let flags = inotify::CreateFlags::NONBLOCK | inotify::CreateFlags::CLOEXEC;
    let changes = inotify::init(flags)?;
    let which = WatchFlags::MODIFY
        | WatchFlags::CREATE
        | WatchFlags::MOVED_TO
        | WatchFlags::CLOSE_WRITE
        | WatchFlags::DELETE;
    inotify::add_watch(&changes, directory, which)
        .with_context(|| directory.display().to_string())?;
    let deadline = Instant::now() + limit;
    let timeout = Timespec::try_from(quiet)?;
    while Instant::now() < deadline && !interrupt::requested() && !is_done() {
        let mut polled = [PollFd::new(&changes, PollFlags::IN)];
        match poll(&mut polled, Some(&timeout)) {
            Ok(0) => return Ok(()),
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        let mut buffer = [MaybeUninit::uninit(); 4096];
        let mut events = inotify::Reader::new(&changes, &mut buffer);
        while events.next().is_ok() {}
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn until_it_is_whole() {
        let dir = tempfile::tempdir().unwrap();
        let (part, whole) = (
            dir.path().join("vmcore-incomplete"),
            dir.path().join("vmcore"),
        );
        fs::write(&part, "a").unwrap();
        let writes = {
            let (part, whole) = (part.clone(), whole.clone());
            std::thread::spawn(move || {
                for _ in 0..10 {
                    std::thread::sleep(Duration::from_millis(20));
                    fs::write(&part, "ab").unwrap();
                }
                fs::rename(&part, &whole).unwrap();
            })
        };
        // It would be quiet for longer than the test may take.
        let minutes = Duration::from_secs(600);
        settle(dir.path(), minutes, minutes, &|| !part.exists()).unwrap();
        assert!(whole.exists());
        writes.join().unwrap();
        // Nobody writes any more.
        settle(dir.path(), Duration::from_millis(10), minutes, &|| false).unwrap();
        // Somebody writes without end.
        let stop = std::sync::atomic::AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                while !stop.load(std::sync::atomic::Ordering::Relaxed) {
                    fs::write(&whole, "x").unwrap();
                }
            });
            settle(dir.path(), minutes, Duration::from_millis(50), &|| false).unwrap();
            stop.store(true, std::sync::atomic::Ordering::Relaxed);
        });
    }
}
