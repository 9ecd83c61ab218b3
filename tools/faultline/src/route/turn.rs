// SPDX-License-Identifier: GPL-2.0

//! Whose turn it is. The filters are the module's, so all who watch it see through them:
//! one program at a time may set them, and none while another watches.
//!
//! Three files in /run/faultline are locked. `route.watchers` is shared by all who run.
//! `route.filters` is had alone by who has set them, and has what they were: should its
//! owner be killed, the next one to run puts them back. `route.gate` lets in one at a time,
//! while it finds out which of this holds. The directory is root's alone: whoever could open these
//! files could lock them, and keep all others out. What holds a lock for longer than it takes is
//! not waited for.

use super::filters::{self, Change, Filter};
use super::kernel::Kernel;
use crate::files::lock::lock_within;
use crate::terminal::tell::tell;
use anyhow::{bail, ensure, Context};
use rustix::fs::{openat, FlockOperation as Lock, Mode, OFlags, CWD};
use rustix::io::Errno;
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::io::{Read, Seek, Write};
use std::os::fd::OwnedFd;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

const DIRECTORY: &str = "/run/faultline";
/// How long another may take to find out whose turn it is.
const PATIENCE: Duration = Duration::from_secs(10);

/// What the owner of the filters left in `route.filters`.
#[derive(Debug, Serialize, Deserialize)]
struct Note {
    pid: u32,
    /// The load of the module whose filters these are.
    load: u64,
    changes: Vec<Change>,
}

/// The right to watch, and perhaps to have set filters, as long as it lives.
pub struct Turn {
    _watchers: File,
    filters: Option<File>,
    parameters: PathBuf,
    changes: Vec<Change>,
}

impl Turn {
    /// Takes it, and sets the filters. What has to be told meanwhile goes to `tell`.
    pub fn take(
        kernel: &Kernel,
        wanted: &[Filter],
        tell: impl FnMut(String),
    ) -> anyhow::Result<Self> {
        Self::take_in(
            Path::new(DIRECTORY),
            &kernel.parameters(),
            kernel.load,
            wanted,
            tell,
        )
    }

    fn take_in(
        folder: &Path,
        parameters: &Path,
        load: u64,
        wanted: &[Filter],
        tell: impl FnMut(String),
    ) -> anyhow::Result<Self> {
        Self::take_within(folder, PATIENCE, parameters, load, wanted, tell)
    }

    fn take_within(
        folder: &Path,
        patience: Duration,
        parameters: &Path,
        load: u64,
        wanted: &[Filter],
        mut tell: impl FnMut(String),
    ) -> anyhow::Result<Self> {
        let own = Own::open(folder)?;
        let gate = own.file("route.gate")?;
        let had =
            lock_within(&gate, Lock::NonBlockingLockExclusive, patience).context(DIRECTORY)?;
        ensure!(
            had,
            "{} has been locked by another program for more than {patience:?}: 'lslocks' tells by \
             which; end it first",
            folder.join("route.gate").display()
        );
        let watchers = own.file("route.watchers")?;
        let mut file = own.file("route.filters")?;
        let mut turn = Turn {
            filters: None,
            parameters: parameters.into(),
            changes: Vec::new(),
            _watchers: watchers,
        };
        let is_ours = lock(&file, Lock::NonBlockingLockExclusive)?;
        if is_ours {
            // Nobody lives who has set filters.
            if let Some(left) = note(&mut file).filter(|left| left.load == load) {
                tell(format!(
                    "filters that faultline (pid {}) left behind are put back",
                    left.pid
                ));
                filters::put_back(parameters, &left.changes)
                    .into_iter()
                    .for_each(&mut tell);
            }
            file.set_len(0)?;
        }
        if wanted.is_empty() {
            if let (false, Some(owner)) = (is_ours, note(&mut file)) {
                tell(format!(
                    "the filters are set by another faultline route (pid {}), as long as it runs",
                    owner.pid
                ));
            }
            watch(&turn._watchers, patience)?;
            return Ok(turn);
        }
        if !is_ours {
            let owner =
                note(&mut file).map_or(String::new(), |owner| format!(" (pid {})", owner.pid));
            bail!(
                "another faultline route{owner} has set filters, and they are the module's: \
                 end it first, or run this one without filters"
            );
        }
        if !lock(&turn._watchers, Lock::NonBlockingLockExclusive)? {
            bail!(
                "another faultline route is running, and would see through these filters, since \
                 they are the module's: end it first, or run this one without filters"
            );
        }
        turn.changes = filters::changes(parameters, wanted)?;
        write_note(
            &mut file,
            &Note {
                pid: std::process::id(),
                load,
                changes: turn.changes.clone(),
            },
        )?;
        turn.filters = Some(file);
        watch(&turn._watchers, patience)?;
        filters::set(parameters, &turn.changes)?;
        Ok(turn)
    }

    /// Gives it back, and puts the filters back. Returns what is to be told.
    pub fn give_back(mut self) -> Vec<String> {
        self.put_back()
    }

    /// Forgets the filters: the module that had them is gone.
    pub fn forget(&mut self) {
        self.changes.clear();
    }

    fn put_back(&mut self) -> Vec<String> {
        let mut told = filters::put_back(&self.parameters, &std::mem::take(&mut self.changes));
        if let Some(file) = self.filters.take() {
            told.extend(
                file.set_len(0)
                    .err()
                    .map(|error| format!("{DIRECTORY}: {error}")),
            );
        }
        told
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        for told in self.put_back() {
            tell(told);
        }
    }
}

/// A directory that only this user, who is root, can look into.
struct Own {
    dir: OwnedFd,
    path: PathBuf,
}

impl Own {
    /// Opens it, or makes it. It is looked at once it is open, so that nobody can change it for
    /// another.
    fn open(path: &Path) -> anyhow::Result<Self> {
        let shown = path.display();
        match rustix::fs::mkdir(path, Mode::RWXU) {
            Ok(()) | Err(Errno::EXIST) => {}
            Err(error) => return Err(error).context(format!("{shown} cannot be made")),
        }
        let flags = OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let dir = openat(CWD, path, flags, Mode::empty()).map_err(|error| match error {
            Errno::NOTDIR | Errno::LOOP => {
                anyhow::anyhow!("{shown} is a file or a symbolic link, not a directory: remove it")
            }
            error => anyhow::Error::from(error).context(shown.to_string()),
        })?;
        let about = rustix::fs::fstat(&dir)?;
        let us = rustix::process::geteuid().as_raw();
        ensure!(
            about.st_uid == us,
            "{shown} belongs to user {}, and not to user {us}: remove it",
            about.st_uid
        );
        // As it was made by earlier versions.
        if about.st_mode & 0o077 != 0 {
            rustix::fs::fchmod(&dir, Mode::RWXU).with_context(|| shown.to_string())?;
        }
        Ok(Own {
            dir,
            path: path.into(),
        })
    }

    /// Opens a file in it, or makes it.
    fn file(&self, name: &str) -> anyhow::Result<File> {
        let path = self.path.join(name);
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::NONBLOCK;
        let mode = Mode::RUSR | Mode::WUSR;
        let file = openat(&self.dir, name, flags | OFlags::CLOEXEC, mode)
            .with_context(|| path.display().to_string())?;
        let file = File::from(file);
        let about = file.metadata()?;
        ensure!(
            about.is_file() && about.nlink() == 1,
            "{} is not the file that faultline makes there: remove it",
            path.display()
        );
        Ok(file)
    }
}

/// Counts us as one who watches. Nobody has the file alone for long.
fn watch(watchers: &File, patience: Duration) -> anyhow::Result<()> {
    let had = lock_within(watchers, Lock::NonBlockingLockShared, patience).context(DIRECTORY)?;
    ensure!(
        had,
        "{DIRECTORY}/route.watchers has been locked by another program for more than {patience:?}"
    );
    Ok(())
}

/// Whether it could be had.
fn lock(file: &File, how: Lock) -> anyhow::Result<bool> {
    lock_within(file, how, Duration::ZERO).context(DIRECTORY)
}

fn note(file: &mut File) -> Option<Note> {
    let mut text = String::new();
    file.rewind().ok()?;
    file.read_to_string(&mut text).ok()?;
    serde_json::from_str(&text).ok()
}

fn write_note(file: &mut File, note: &Note) -> anyhow::Result<()> {
    file.rewind()?;
    Ok(file.write_all(serde_json::to_string(note)?.as_bytes())?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    struct Place(tempfile::TempDir);

    impl Place {
        fn new() -> Self {
            let place = Place(tempfile::tempdir().unwrap());
            place.set("dst", "any");
            place
        }

        fn set(&self, name: &str, value: &str) {
            fs::write(self.0.path().join(name), format!("{value}\n")).unwrap();
        }

        fn dst(&self) -> String {
            fs::read_to_string(self.0.path().join("dst"))
                .unwrap()
                .trim()
                .into()
        }

        fn take(&self, dst: Option<&str>, told: &mut Vec<String>) -> anyhow::Result<Turn> {
            let wanted: Vec<_> = dst
                .into_iter()
                .map(|dst| Filter {
                    name: "dst",
                    value: dst.into(),
                })
                .collect();
            Turn::take_in(
                &self.0.path().join("run"),
                self.0.path(),
                7,
                &wanted,
                |text| told.push(text),
            )
        }
    }

    #[test]
    fn one_sets_filters_and_none_while_another_watches() {
        let (place, mut told) = (Place::new(), Vec::new());
        let watching = place.take(None, &mut told).unwrap();
        let also = place.take(None, &mut told).unwrap();
        let refused = place
            .take(Some("1.2.3.4"), &mut told)
            .err()
            .unwrap()
            .to_string();
        assert!(
            refused.starts_with("another faultline route is running"),
            "{refused}"
        );
        assert_eq!(place.dst(), "any");
        drop((watching, also));

        let setting = place.take(Some("1.2.3.4"), &mut told).unwrap();
        assert_eq!((place.dst().as_str(), told.len()), ("1.2.3.4", 0));
        let refused = place
            .take(Some("5.6.7.8"), &mut told)
            .err()
            .unwrap()
            .to_string();
        assert!(
            refused.contains(&format!("(pid {}) has set filters", std::process::id())),
            "{refused}"
        );
        let watching = place.take(None, &mut told).unwrap();
        assert!(told
            .pop()
            .unwrap()
            .starts_with("the filters are set by another"));
        assert_eq!(setting.give_back(), [""; 0]);
        assert_eq!(place.dst(), "any");
        assert!(place.take(Some("5.6.7.8"), &mut told).is_err());
        drop(watching);
        place.take(Some("5.6.7.8"), &mut told).unwrap();
        assert_eq!((place.dst().as_str(), told.len()), ("any", 0));
    }

    #[test]
    fn nobody_else_can_keep_us_out() {
        use std::os::unix::fs::{symlink, PermissionsExt};
        let (place, mut told) = (Place::new(), Vec::new());
        let run = place.0.path().join("run");
        drop(place.take(None, &mut told).unwrap());
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&run), 0o700);
        assert_eq!(mode(&run.join("route.gate")), 0o600);
        // An earlier version's.
        fs::set_permissions(&run, fs::Permissions::from_mode(0o755)).unwrap();
        drop(place.take(None, &mut told).unwrap());
        assert_eq!(mode(&run), 0o700);

        // Whoever holds the gate for good is not waited for.
        let gate = File::open(run.join("route.gate")).unwrap();
        rustix::fs::flock(&gate, Lock::LockShared).unwrap();
        let patience = Duration::from_millis(100);
        let take = || Turn::take_within(&run, patience, place.0.path(), 7, &[], |_| {});
        let refused = take().err().unwrap().to_string();
        assert!(
            refused.contains("route.gate has been locked by another program"),
            "{refused}"
        );
        rustix::fs::flock(&gate, Lock::Unlock).unwrap();
        drop(take().unwrap());

        // No link is followed.
        let victim = place.0.path().join("victim");
        fs::write(&victim, "mine").unwrap();
        fs::remove_file(run.join("route.filters")).unwrap();
        symlink(&victim, run.join("route.filters")).unwrap();
        assert!(take().is_err());
        fs::remove_file(run.join("route.filters")).unwrap();
        fs::hard_link(&victim, run.join("route.filters")).unwrap();
        assert!(take()
            .err()
            .unwrap()
            .to_string()
            .contains("is not the file"));
        assert_eq!(fs::read(&victim).unwrap(), b"mine");
        let link = place.0.path().join("link");
        symlink(&run, &link).unwrap();
        assert!(Own::open(&link)
            .err()
            .unwrap()
            .to_string()
            .contains("symbolic link"));
        assert!(Own::open(&victim).is_err());
        if rustix::process::geteuid().is_root() {
            let theirs = place.0.path().join("theirs");
            fs::create_dir(&theirs).unwrap();
            std::os::unix::fs::chown(&theirs, Some(65534), None).unwrap();
            let refused = Own::open(&theirs).err().unwrap().to_string();
            assert!(refused.contains("belongs to user 65534"), "{refused}");
        }
    }

    #[test]
    fn what_one_left_that_was_killed_is_put_back() {
        let (place, mut told) = (Place::new(), Vec::new());
        // A lock dies with its process, the note stays.
        let run = place.0.path().join("run");
        let left = |load| {
            let note = Note {
                pid: 1,
                load,
                changes: vec![Change {
                    name: "dst".into(),
                    before: "any".into(),
                    ours: "1.2.3.4".into(),
                }],
            };
            fs::create_dir_all(&run).unwrap();
            fs::write(
                run.join("route.filters"),
                serde_json::to_string(&note).unwrap(),
            )
            .unwrap();
            place.set("dst", "1.2.3.4");
        };
        left(7);
        place.take(None, &mut told).unwrap();
        assert_eq!((place.dst().as_str(), told.len()), ("any", 1));
        place.take(None, &mut told).unwrap();
        assert_eq!(told.len(), 1, "said once");
        // Of another load of the module.
        left(8);
        place.take(None, &mut told).unwrap();
        assert_eq!((place.dst().as_str(), told.len()), ("1.2.3.4", 1));
        // Nonsense.
        fs::write(run.join("route.filters"), "{\"pid\":").unwrap();
        place.take(None, &mut told).unwrap();
        assert_eq!(told.len(), 1);
    }
}
