// SPDX-License-Identifier: GPL-2.0

//! A directory that a drill claims for itself: locked while it runs, and with a mark that lists the
//! files that drills made in it. Only these are ever removed. No symbolic link is followed.
//!
//! A file is identified by its inode and its time of birth: another file put in its place under the
//! same name is not a drill's.

use super::lock::lock_within;
use anyhow::{bail, ensure, Context};
use rustix::fs::{openat, AtFlags, Dir, FileType, FlockOperation, Mode, OFlags, CWD};
use rustix::io::Errno;
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};

/// The mark, which is locked as well.
const MARK: &str = ".faultline";
/// The first line of the mark. Then comes a line for each file: its name and its identity.
pub const HEADER: &str = "Made by 'faultline drill'. The next drill here replaces these files:\n";
/// The files that a drill may make.
const NAMES: &[&str] = &[
    "vmcore",
    "kernel.log",
    "console.log",
    "record.ndjson",
    "report.json",
    "disk.img",
    "console.fifo",
    "monitor",
];
/// How long to wait for another drill that examines a directory left behind.
const PATIENCE: Duration = Duration::from_secs(1);
/// The identity of a file that is announced, and of one that was removed.
const ANNOUNCED: &str = "-";
const GONE: &str = "gone";

/// A claimed directory.
pub struct Claim {
    path: PathBuf,
    dir: OwnedFd,
    mark: File,
    made: BTreeMap<String, String>,
}

impl Claim {
    /// Claims the directory, and creates it if it does not exist. Removes the files of an earlier
    /// drill in it; if there are other files in its place, it touches nothing.
    pub fn new(path: &Path) -> anyhow::Result<Self> {
        let path = settle(path)?;
        let mut claim = Self::open(&path, OFlags::CREATE, PATIENCE)?;
        let names: Vec<_> = claim.made.keys().cloned().collect();
        for name in names {
            claim.remove(&name)?;
        }
        for name in NAMES {
            ensure!(
                claim.known_by(name)?.is_none(),
                "{} was not made by a drill: move it away, or choose another directory",
                path.join(name).display()
            );
        }
        claim.mark.set_len(HEADER.len() as u64)?;
        Ok(claim)
    }

    /// Claims the directory of an earlier drill, if it is one and no other drill has claimed it.
    pub fn of_the_dead(path: &Path) -> Option<Self> {
        Self::open(path, OFlags::empty(), Duration::ZERO).ok()
    }

    /// Opens, locks and reads the mark. Creates it only if `create` is set and the directory is
    /// empty.
    fn open(path: &Path, create: OFlags, patience: Duration) -> anyhow::Result<Self> {
        let shown = path.display();
        let flags = OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let dir = openat(CWD, path, flags, Mode::empty()).map_err(|error| match error {
            Errno::NOTDIR | Errno::LOOP => {
                anyhow::anyhow!("{shown} is a file or a symbolic link: name the directory itself")
            }
            error => anyhow::Error::from(error).context(shown.to_string()),
        })?;
        let flags = OFlags::RDWR | OFlags::APPEND | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let mode = Mode::from_raw_mode(0o644);
        loop {
            let mut is_new = false;
            let mut opened = openat(&dir, MARK, flags | OFlags::NONBLOCK, mode);
            if matches!(opened, Err(Errno::NOENT)) && !create.is_empty() {
                opened = openat(&dir, MARK, flags | create | OFlags::EXCL, mode);
                is_new = opened.is_ok();
                if let Err(Errno::EXIST) = opened {
                    continue;
                }
            }
            let mark = opened.with_context(|| path.join(MARK).display().to_string())?;
            let mut mark = File::from(mark);
            let is_plain = mark.metadata()?.is_file() && mark.metadata()?.nlink() <= 1;
            ensure!(
                is_plain,
                "{} is not a drill's mark: choose another directory",
                path.join(MARK).display()
            );
            let had = lock_within(&mark, FlockOperation::NonBlockingLockExclusive, patience)?;
            ensure!(
                had,
                "another drill works in {shown}: wait for its end, or choose another directory or \
                 run id"
            );
            let mut claim = Claim {
                path: path.into(),
                made: BTreeMap::new(),
                mark: mark.try_clone()?,
                dir: dir.try_clone()?,
            };
            // Its owner may have removed it before this lock was taken.
            if claim.known_by(MARK)? != Some(identity(&mark)?) {
                continue;
            }
            let mut text = String::new();
            // A mark that is not text is not a drill's.
            let is_text = mark.read_to_string(&mut text).is_ok();
            match text.strip_prefix(HEADER).filter(|_| is_text) {
                Some(lines) => claim.made = made(lines),
                None if is_text && text.is_empty() && claim.is_empty()? => {
                    claim.mark.write_all(HEADER.as_bytes())?
                }
                None => {
                    if is_new {
                        rustix::fs::unlinkat(&dir, MARK, AtFlags::empty())?;
                    }
                    bail!(
                        "{shown} is not empty, and no drill made it: nothing in it was touched; \
                         give a directory that is empty or does not exist"
                    );
                }
            }
            return Ok(claim);
        }
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Creates a file, open for reading and writing.
    pub fn create(&mut self, name: &str) -> anyhow::Result<File> {
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW;
        self.announce(name)?;
        let mode = Mode::from_raw_mode(0o644);
        let file = match openat(&self.dir, name, flags | OFlags::CLOEXEC, mode) {
            Ok(file) => File::from(file),
            Err(error) => {
                // A file that exists now is not a drill's.
                self.note(name, GONE)?;
                let shown = self.path.join(name);
                return Err(error).with_context(|| format!("cannot create {}", shown.display()));
            }
        };
        self.note(name, &identity(&file)?)?;
        Ok(file)
    }

    /// Creates a FIFO.
    pub fn create_fifo(&mut self, name: &str) -> anyhow::Result<()> {
        self.announce(name)?;
        let mode = Mode::RUSR | Mode::WUSR;
        rustix::fs::mknodat(&self.dir, name, FileType::Fifo, mode, 0).with_context(|| {
            format!("cannot create the FIFO {}", self.path.join(name).display())
        })?;
        let known_by = self.known_by(name)?.context("the FIFO is gone")?;
        self.note(name, &known_by)
    }

    /// Announces a file that another program will create for the drill.
    pub fn announce(&mut self, name: &str) -> anyhow::Result<()> {
        ensure!(NAMES.contains(&name), "a drill has no file '{name}'");
        self.note(name, ANNOUNCED)
    }

    /// Returns whether the directory has a file that a drill made.
    pub fn has(&self, name: &str) -> bool {
        let known_by = self.known_by(name).ok().flatten();
        known_by.is_some_and(|known_by| self.is_ours(name, &known_by))
    }

    /// Removes a file, if it is one that a drill made.
    pub fn remove(&mut self, name: &str) -> anyhow::Result<()> {
        if !self.has(name) {
            // The other program has removed it, or never created it.
            let is_noted = self.made.get(name).is_some_and(|noted| noted != GONE);
            return if is_noted {
                self.note(name, GONE)
            } else {
                Ok(())
            };
        }
        rustix::fs::unlinkat(&self.dir, name, AtFlags::empty())
            .with_context(|| format!("cannot remove {}", self.path.join(name).display()))?;
        self.note(name, GONE)
    }

    /// Ends as if the program were killed.
    #[cfg(test)]
    pub fn forget(&self) {
        rustix::fs::flock(&self.mark, FlockOperation::Unlock).unwrap();
    }

    fn is_ours(&self, name: &str, known_by: &str) -> bool {
        let noted = self.made.get(name).map(String::as_str);
        noted == Some(known_by) || noted == Some(ANNOUNCED)
    }

    fn note(&mut self, name: &str, known_by: &str) -> anyhow::Result<()> {
        self.made.insert(name.into(), known_by.into());
        writeln!(self.mark, "{name} {known_by}")
            .with_context(|| self.path.join(MARK).display().to_string())
    }

    /// Returns the identity of the file of that name, if it exists.
    fn known_by(&self, name: &str) -> anyhow::Result<Option<String>> {
        let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        match openat(&self.dir, name, flags, Mode::empty()) {
            Ok(file) => Ok(Some(identity(&File::from(file))?)),
            Err(Errno::NOENT) => Ok(None),
            Err(error) => Err(error).with_context(|| self.path.join(name).display().to_string()),
        }
    }

    /// Returns whether the directory is empty except for the mark.
    fn is_empty(&self) -> anyhow::Result<bool> {
        for entry in Dir::read_from(self.dir.as_fd())? {
            let entry = entry?;
            if ![".", "..", MARK]
                .map(str::as_bytes)
                .contains(&entry.file_name().to_bytes())
            {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

impl Drop for Claim {
    /// Unlocks explicitly, as a child that is just being started may still have the file open.
    fn drop(&mut self) {
        let _ = rustix::fs::flock(&self.mark, FlockOperation::Unlock);
    }
}

/// Returns the directory's path with the links above it resolved; the directory itself is checked
/// later.
fn settle(path: &Path) -> anyhow::Result<PathBuf> {
    let shown = path.display();
    let path = std::path::absolute(path).with_context(|| shown.to_string())?;
    let (parent, name) = match (path.parent(), path.file_name()) {
        (Some(parent), Some(name)) => (parent, name),
        _ => bail!("{shown} cannot be a drill's directory: name another one"),
    };
    fs::create_dir_all(parent).with_context(|| format!("cannot create {}", parent.display()))?;
    let path = parent.canonicalize()?.join(name);
    match fs::create_dir(&path) {
        Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => {
            Err(error).with_context(|| format!("cannot create {}", path.display()))
        }
        _ => Ok(path),
    }
}

/// Returns the identity of a file: a later file may reuse its inode, but has another time of birth.
fn identity(file: &File) -> anyhow::Result<String> {
    let about = file.metadata()?;
    let born = about.created().ok();
    let born = born.and_then(|born| born.duration_since(UNIX_EPOCH).ok());
    Ok(format!(
        "{}:{}",
        about.ino(),
        born.unwrap_or_default().as_nanos()
    ))
}

/// Parses the files that a mark lists; the last entry of a name counts.
fn made(lines: &str) -> BTreeMap<String, String> {
    let entries = lines.lines().filter_map(|line| line.split_once(' '));
    let known = entries.filter(|(name, _)| NAMES.contains(name));
    known
        .map(|(name, known_by)| (name.into(), known_by.into()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    fn refusal(path: &Path) -> String {
        Claim::new(path).err().unwrap().to_string()
    }

    #[test]
    fn what_a_user_has_is_not_touched() {
        let dir = tempfile::tempdir().unwrap();
        let (path, vmcore) = (dir.path().join("d"), dir.path().join("d/vmcore"));
        fs::create_dir(&path).unwrap();
        fs::write(&vmcore, "mine").unwrap();
        assert!(refusal(&path).contains("is not empty, and no drill made it"));
        let left: Vec<_> = fs::read_dir(&path).unwrap().flatten().collect();
        assert_eq!(
            (left.len(), fs::read(&vmcore).unwrap()),
            (1, b"mine".to_vec())
        );

        // Beside what a drill made, or in its place.
        fs::remove_file(&vmcore).unwrap();
        let mut claim = Claim::new(&path).unwrap();
        claim.create("vmcore").unwrap();
        claim.create("report.json").unwrap();
        fs::write(path.join("notes"), "mine").unwrap();
        drop(claim);
        let mut claim = Claim::new(&path).unwrap();
        assert!(
            !vmcore.exists() && !path.join("report.json").exists() && path.join("notes").exists()
        );
        claim.create("vmcore").unwrap();
        drop(claim);
        // It may well get the same inode.
        fs::remove_file(&vmcore).unwrap();
        fs::write(&vmcore, "mine").unwrap();
        assert!(refusal(&path).contains("d/vmcore was not made by a drill"));
        assert_eq!(fs::read(&vmcore).unwrap(), b"mine");
        // What a drill removed itself is gone for good.
        fs::remove_file(&vmcore).unwrap();
        let mut claim = Claim::new(&path).unwrap();
        claim.create("vmcore").unwrap();
        claim.remove("vmcore").unwrap();
        drop(claim);
        fs::write(&vmcore, "mine").unwrap();
        assert!(refusal(&path).contains("was not made by a drill"));
    }

    #[test]
    fn no_link_is_followed() {
        let dir = tempfile::tempdir().unwrap();
        let (real, link) = (dir.path().join("real"), dir.path().join("link"));
        fs::create_dir(&real).unwrap();
        symlink(&real, &link).unwrap();
        assert!(refusal(&link).contains("symbolic link"));
        let victim = dir.path().join("victim");
        fs::write(&victim, "mine").unwrap();
        let mut claim = Claim::new(&real).unwrap();
        symlink(&victim, real.join("vmcore")).unwrap();
        assert!(claim.create("vmcore").is_err());
        drop(claim);
        assert!(refusal(&real).contains("vmcore was not made by a drill"));
        fs::remove_file(real.join("vmcore")).unwrap();
        // Where another program was to make something, the link goes, and not what it leads to.
        Claim::new(&real).unwrap().announce("monitor").unwrap();
        symlink(&victim, real.join("monitor")).unwrap();
        drop(Claim::new(&real).unwrap());
        assert!(fs::symlink_metadata(real.join("monitor")).is_err());
        assert_eq!(fs::read(&victim).unwrap(), b"mine");
        fs::remove_file(real.join(MARK)).unwrap();
        symlink(&victim, real.join(MARK)).unwrap();
        assert!(Claim::new(&real).is_err());
        assert_eq!(fs::read(&victim).unwrap(), b"mine");
    }

    #[test]
    fn one_at_a_time() {
        let dir = tempfile::tempdir().unwrap();
        let claim = Claim::new(dir.path()).unwrap();
        assert!(refusal(dir.path()).starts_with("another drill works in "));
        assert!(Claim::of_the_dead(dir.path()).is_none());
        drop(claim);
        assert!(Claim::of_the_dead(dir.path()).is_some());
        assert!(Claim::of_the_dead(Path::new("/proc")).is_none());
    }

    #[test]
    fn a_mark_lists_no_files_but_a_drills() {
        let lines = "vmcore 1:2\n../x 1:2\nnotes 1:2\nvmcore gone\nconsole.log -\nbroken\n";
        let expected = [("console.log", "-"), ("vmcore", "gone")];
        let expected = expected.map(|(name, known_by)| (name.into(), known_by.into()));
        assert_eq!(made(lines), BTreeMap::from(expected));
    }
}
