// SPDX-License-Identifier: GPL-2.0

//! The lock of a file, with a time limit.

use rustix::fs::FlockOperation;
use rustix::io::Errno;
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

/// Takes a lock (a non-blocking `how`), and retries until `limit` is over. Returns whether it got
/// the lock.
pub fn lock_within(
    file: impl AsFd,
    how: FlockOperation,
    limit: Duration,
) -> rustix::io::Result<bool> {
    // flock(), whose lock belongs to the open file, has no time limit.
    const AGAIN: Duration = Duration::from_millis(20);
    let deadline = Instant::now() + limit;
    loop {
        match rustix::fs::flock(&file, how) {
            Ok(()) => return Ok(true),
            Err(Errno::WOULDBLOCK) if Instant::now() >= deadline => return Ok(false),
            Err(Errno::WOULDBLOCK) => std::thread::sleep(AGAIN),
            Err(Errno::INTR) => {}
            Err(error) => return Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::File;

    #[test]
    fn a_lock_is_not_waited_for_without_end() {
        let dir = tempfile::tempdir().unwrap();
        let (path, how) = (
            dir.path().join("lock"),
            FlockOperation::NonBlockingLockExclusive,
        );
        let (one, other) = (File::create(&path).unwrap(), File::create(&path).unwrap());
        assert!(lock_within(&one, how, Duration::ZERO).unwrap());
        assert!(!lock_within(&other, how, Duration::from_millis(50)).unwrap());
        let unlocks = std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(50));
            drop(one);
        });
        assert!(lock_within(&other, how, Duration::from_secs(20)).unwrap());
        unlocks.join().unwrap();
    }
}
