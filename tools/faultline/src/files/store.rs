// SPDX-License-Identifier: GPL-2.0

//! A directory whose files survive a crash at any moment: a write is on the disk, complete or not
//! at all, before the call returns. It belongs to root, and no link in it is followed.

use super::lock::lock_within;
use anyhow::{bail, ensure, Context};
use rustix::fs::{openat, AtFlags, FlockOperation, Mode, OFlags, CWD};
use rustix::io::Errno;
use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The path of the machine's store.
pub const PLACE: &str = "/var/lib/faultline";

/// Limit on the size of a file; a ledger of that size has 20000 proofs.
const LONGEST: u64 = 64 << 20;
const LOCK: &str = "lock";

/// The directory.
#[derive(Debug)]
pub struct Store {
    path: PathBuf,
    dir: OwnedFd,
    owner: u32,
}

impl Store {
    /// Opens the directory, and creates it if it does not exist.
    pub fn open(path: &Path, owner: u32) -> anyhow::Result<Self> {
        match rustix::fs::mkdir(path, Mode::RWXU) {
            Ok(()) => {
                let parent = path.parent().unwrap_or(Path::new("/"));
                let parent = File::open(parent).with_context(|| parent.display().to_string())?;
                parent.sync_all()?;
            }
            Err(Errno::EXIST) => {}
            Err(error) => {
                return Err(error).with_context(|| format!("cannot create {}", path.display()));
            }
        }
        let store = Self::existing(path, owner)?;
        store.with_context(|| format!("{} was removed again", path.display()))
    }

    /// Opens the directory, if it exists.
    pub fn existing(path: &Path, owner: u32) -> anyhow::Result<Option<Self>> {
        let shown = path.display();
        let flags = OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let dir = match openat(CWD, path, flags, Mode::empty()) {
            Ok(dir) => dir,
            Err(Errno::NOENT) => return Ok(None),
            Err(Errno::NOTDIR | Errno::LOOP) => {
                bail!("{shown} is a file or a symbolic link: it has to be a directory of root")
            }
            Err(error) => return Err(error).with_context(|| shown.to_string()),
        };
        let stat = rustix::fs::fstat(&dir)?;
        ensure!(
            stat.st_uid == owner,
            "{shown} belongs to user {}, not to user {owner}: its contents would prove nothing",
            stat.st_uid
        );
        ensure!(
            stat.st_mode & 0o022 == 0,
            "{shown} can be written to by others (mode {:o}): run chmod 700, and check its files",
            stat.st_mode & 0o7777
        );
        Ok(Some(Store {
            path: path.into(),
            dir,
            owner,
        }))
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Takes the lock. Returns none if another program holds it.
    pub fn lock(&self, patience: Duration) -> anyhow::Result<Option<File>> {
        let file = self.open_file(LOCK, OFlags::RDWR | OFlags::CREATE)?;
        let how = FlockOperation::NonBlockingLockExclusive;
        Ok(lock_within(&file, how, patience)?.then_some(file))
    }

    /// Opens a file, which must be a regular file of the owner.
    pub fn open_file(&self, name: &str, flags: OFlags) -> anyhow::Result<File> {
        let shown = self.path.join(name);
        let always = OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let file = openat(&self.dir, name, flags | always, Mode::RUSR | Mode::WUSR)
            .with_context(|| shown.display().to_string())?;
        let file = File::from(file);
        let stat = file.metadata()?;
        ensure!(
            stat.is_file() && stat.uid() == self.owner && stat.nlink() == 1,
            "{} is not a regular file of user {}",
            shown.display(),
            self.owner
        );
        Ok(file)
    }

    /// Reads a file, if it exists.
    pub fn read(&self, name: &str) -> anyhow::Result<Option<Vec<u8>>> {
        let file = match self.open_file(name, OFlags::RDONLY) {
            Ok(file) => file,
            Err(error) if error.downcast_ref() == Some(&Errno::NOENT) => return Ok(None),
            Err(error) => return Err(error),
        };
        let mut bytes = Vec::new();
        let shown = || self.path.join(name).display().to_string();
        file.take(LONGEST + 1)
            .read_to_end(&mut bytes)
            .with_context(shown)?;
        ensure!(
            bytes.len() as u64 <= LONGEST,
            "{} is longer than {} MiB",
            shown(),
            LONGEST >> 20
        );
        Ok(Some(bytes))
    }

    /// Writes a file atomically.
    pub fn write(&self, name: &str, bytes: &[u8]) -> anyhow::Result<()> {
        let shown = || format!("cannot write {}", self.path.join(name).display());
        let new = format!("{name}.new");
        // A crash may have left a temporary file.
        self.remove(&new)?;
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL;
        let written = self.open_file(&new, flags).and_then(|mut file| {
            file.write_all(bytes)?;
            Ok(file.sync_all()?)
        });
        if let Err(error) = written {
            let _ = self.remove(&new);
            return Err(error.context(shown()));
        }
        rustix::fs::renameat(&self.dir, &new, &self.dir, name).with_context(shown)?;
        self.sync()
    }

    /// Removes a file, if it exists.
    pub fn remove(&self, name: &str) -> anyhow::Result<()> {
        match rustix::fs::unlinkat(&self.dir, name, AtFlags::empty()) {
            Ok(()) => self.sync(),
            Err(Errno::NOENT) => Ok(()),
            Err(error) => Err(error)
                .with_context(|| format!("cannot remove {}", self.path.join(name).display())),
        }
    }

    /// Renames a file.
    pub fn rename(&self, name: &str, to: &str) -> anyhow::Result<()> {
        rustix::fs::renameat(&self.dir, name, &self.dir, to)
            .with_context(|| format!("cannot rename {}", self.path.join(name).display()))?;
        self.sync()
    }

    /// Syncs the directory.
    pub fn sync(&self) -> anyhow::Result<()> {
        rustix::fs::fsync(&self.dir).with_context(|| self.path.display().to_string())
    }
}

#[cfg(test)]
pub mod tests {
    use super::*;
    use std::os::unix::fs::{symlink, PermissionsExt};

    /// Returns the current user.
    pub fn me() -> u32 {
        rustix::process::geteuid().as_raw()
    }

    #[test]
    fn a_file_is_whole_or_the_one_before() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(&dir.path().join("x"), me()).unwrap();
        assert_eq!(store.read("a").unwrap(), None);
        store.write("a", b"one").unwrap();
        // What a crash in the middle of the next leaves.
        std::fs::write(store.path().join("a.new"), "tw").unwrap();
        assert_eq!(store.read("a").unwrap().unwrap(), b"one");
        store.write("a", b"two").unwrap();
        assert_eq!(store.read("a").unwrap().unwrap(), b"two");
        assert!(!store.path().join("a.new").exists());
        store.remove("a").unwrap();
        store.remove("a").unwrap();
        let mode = std::fs::metadata(store.path()).unwrap().permissions();
        assert_eq!(mode.mode() & 0o777, 0o700);
    }

    #[test]
    fn what_others_can_change_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let (real, link) = (dir.path().join("real"), dir.path().join("link"));
        let store = Store::open(&real, me()).unwrap();
        symlink(&real, &link).unwrap();
        let refusal = |path: &Path, owner| Store::open(path, owner).unwrap_err().to_string();
        assert!(refusal(&link, me()).contains("symbolic link"));
        assert!(refusal(&real, me() + 1).contains("belongs to user"));
        std::fs::set_permissions(&real, PermissionsExt::from_mode(0o777)).unwrap();
        assert!(refusal(&real, me()).contains("can be written to by others"));
        // No file in it is followed out of it, nor is one with a second name.
        let victim = dir.path().join("victim");
        std::fs::write(&victim, "mine").unwrap();
        symlink(&victim, real.join("linked")).unwrap();
        std::fs::hard_link(&victim, real.join("hard")).unwrap();
        assert!(store.read("linked").is_err() && store.read("hard").is_err());
        store.write("linked", b"ours").unwrap();
        store.write("hard", b"ours").unwrap();
        assert_eq!(std::fs::read(&victim).unwrap(), b"mine");
    }

    #[test]
    fn one_at_a_time() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path(), me()).unwrap();
        let lock = store.lock(Duration::ZERO).unwrap();
        assert!(lock.is_some() && store.lock(Duration::ZERO).unwrap().is_none());
        drop(lock);
        // A process that another test starts has it until it runs its program.
        assert!(store.lock(Duration::from_secs(20)).unwrap().is_some());
    }
}
