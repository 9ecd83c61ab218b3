// SPDX-License-Identifier: GPL-2.0

//! A machine, seen through its files: the one that this program runs on, or another one's in a
//! directory. Nothing is ever changed, and no link leads out of that directory.
//!
//! Each answer says that something exists, does not exist, or could not be read; these three are
//! never mixed. A [`Record`] keeps all answers, so that it can be written to a file and give the
//! same answers on another machine.

mod disk;
pub mod initrd;
mod inside;
mod record;
mod secret;
mod seen;
mod sos;
mod sysctl;
#[cfg(test)]
pub mod testing;
mod tree;

pub use record::Record;
pub use seen::{FileType, Mount, Room, Seen, Stat};
pub use sysctl::sysctl_path;

use crate::klog::kmsg;
use anyhow::{bail, Context};
use rustix::io::Errno;
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{mpsc, Arc};
use std::time::Duration;
use tree::Tree;

/// Time limit for a file, as a network file system may hang for ever.
const PATIENCE: Duration = Duration::from_secs(10);

/// Limit on the bytes of all files together, ten times those of a real machine.
const MOST: usize = 128 << 20;

/// A machine.
pub struct System {
    source: Source,
    record: RefCell<Record>,
    /// The number of bytes read from files.
    kept: Cell<usize>,
    /// The directory of a test's machine.
    #[cfg(test)]
    made: Option<tempfile::TempDir>,
}

enum Source {
    Here(Arc<Tree>),
    /// A directory laid out as a machine's root.
    Root(Tree),
    /// A sosreport, which has only some of the machine's files.
    Sos(Tree),
    /// The archive of `doctor --collect`.
    Record(Box<RefCell<Record>>),
}

impl System {
    /// Returns the machine that this program runs on.
    ///
    /// # Errors
    ///
    /// Fails if `/` cannot be opened.
    pub fn here() -> anyhow::Result<Self> {
        let tree = Tree::open(Path::new("/")).context("/")?;
        Ok(Self::of(Source::Here(Arc::new(tree))))
    }

    /// Returns another machine: a directory laid out as its root, a sosreport, or the archive of
    /// `doctor --collect` (the file, or a directory with its contents).
    ///
    /// # Errors
    ///
    /// Fails if `root` is none of these.
    pub fn at(root: &Path) -> anyhow::Result<Self> {
        let shown = root.display();
        let meta = std::fs::metadata(root).with_context(|| shown.to_string())?;
        if meta.is_file() {
            let record = Record::from_tar(root).with_context(|| shown.to_string())?;
            return Ok(Self::of(Source::Record(Box::new(RefCell::new(record)))));
        }
        if !meta.is_dir() {
            bail!("{shown}: neither a directory nor a regular file");
        }
        let tree = Tree::open(root).with_context(|| shown.to_string())?;
        if let Some(record) = Record::from_tree(&tree).with_context(|| shown.to_string())? {
            return Ok(Self::of(Source::Record(Box::new(RefCell::new(record)))));
        }
        let names = tree.list("/").with_context(|| shown.to_string())?;
        let has = |name: &str| names.iter().any(|known| known == name);
        if has("sos_commands")
            && ["version.txt", "sos_reports", "sos_logs"]
                .into_iter()
                .any(has)
        {
            return Ok(Self::of(Source::Sos(tree)));
        }
        const TOPS: &[&str] = &["etc", "proc", "sys", "boot", "usr", "var", "sos_commands"];
        if !TOPS.iter().copied().any(has) {
            bail!(
                "{shown}: not laid out as a machine's root: has none of {}",
                TOPS.join(", ")
            );
        }
        Ok(Self::of(Source::Root(tree)))
    }

    /// Returns the machine of a record.
    #[cfg(test)]
    pub fn replay(record: Record) -> Self {
        Self::of(Source::Record(Box::new(RefCell::new(record))))
    }

    fn of(source: Source) -> Self {
        System {
            source,
            record: RefCell::default(),
            kept: Cell::new(0),
            #[cfg(test)]
            made: None,
        }
    }

    /// Returns whether this is the machine that this program runs on.
    pub fn is_here(&self) -> bool {
        matches!(self.source, Source::Here(_))
    }

    /// Describes the source of the view.
    pub fn described(&self) -> &'static str {
        match self.source {
            Source::Here(_) => "this machine",
            Source::Root(_) => "a directory laid out as the machine's root",
            Source::Sos(_) => "a sosreport",
            Source::Record(_) => "an archive of doctor --collect",
        }
    }

    /// Returns all answers so far.
    pub fn record(&self) -> std::cell::Ref<'_, Record> {
        self.record.borrow()
    }

    /// Returns the text of a regular file without its secrets. Invalid UTF-8 becomes U+FFFD.
    pub fn text(&self, path: &str) -> Seen<String> {
        if let Some(why) = secret::keeps(path) {
            return Seen::Unseen(why.into());
        }
        let read = |tree: &Tree, path: &str| {
            let bytes = tree.read(path)?;
            Ok(secret::without(&String::from_utf8_lossy(&bytes)))
        };
        if let Some(known) = self.record.borrow().texts.get(path) {
            return known.clone();
        }
        if self.kept.get() > MOST {
            let why = format!("not read: the files before it have {} MiB", MOST >> 20);
            let mut record = self.record.borrow_mut();
            record.texts.insert(path.into(), Seen::Unseen(why.clone()));
            return Seen::Unseen(why);
        }
        let seen = self.remember(path, |record| &mut record.texts, read);
        if let Seen::Is(text) = &seen {
            self.kept.set(self.kept.get().saturating_add(text.len()));
        }
        seen
    }

    /// Returns the names in a directory, sorted. Those of a sosreport may be incomplete.
    pub fn list(&self, dir: &str) -> Seen<Vec<String>> {
        self.remember(dir, |record| &mut record.lists, Tree::list)
    }

    /// Returns the status of the file that a path leads to.
    pub fn stat(&self, path: &str) -> Seen<Stat> {
        self.remember(path, |record| &mut record.stats, Tree::stat)
    }

    /// Returns the free space on a directory's file system.
    pub fn room(&self, dir: &str) -> Seen<Room> {
        let mounts = self.mounts();
        if let Source::Root(tree) | Source::Sos(tree) = &self.source {
            let room = match tree.real(dir) {
                Ok(real) => match self.df() {
                    Some(outputs) => disk::of_df(&outputs, &mounts.is().unwrap_or_default(), &real),
                    None => Seen::Unseen("no output of df is in the tree".into()),
                },
                Err(error) => self.failed(dir, error),
            };
            let rooms = &mut self.record.borrow_mut().rooms;
            return rooms.entry(dir.into()).or_insert(room).clone();
        }
        let ask = move |tree: &Tree, path: &str| {
            let (mut room, real) = tree.room(path)?;
            if let Seen::Is(mounts) = &mounts {
                if let Some(mount) = disk::mount_of(mounts, &real) {
                    room.mount.clone_from(&mount.point);
                }
            }
            Ok(room)
        };
        self.remember(dir, |record| &mut record.rooms, ask)
    }

    /// Returns the output of `df` that a tree may have.
    fn df(&self) -> Option<Vec<String>> {
        const DIR: &str = "/sos_commands/filesys";
        let names = self.list(DIR).is()?;
        let names = names.iter().filter(|name| name.starts_with("df"));
        let texts = names.map(|name| self.text(&format!("{DIR}/{name}")).is());
        Some(texts.map(Option::unwrap_or_default).collect())
    }

    /// Returns the mounts.
    pub fn mounts(&self) -> Seen<Vec<Mount>> {
        let text = self
            .text("/proc/self/mounts")
            .or_else(|| self.elsewhere("/proc/mounts"));
        text.map(|text| disk::mounts(&text))
    }

    /// Returns the current value of a sysctl, trimmed. Its name may have `/` or `.`.
    pub fn sysctl(&self, name: &str) -> Seen<String> {
        let value = self.text(&sysctl_path(name)).map(|text| text.trim().into());
        match &value {
            Seen::Is(_) => value,
            _ => match self.elsewhere("/sos_commands/kernel/sysctl_-a") {
                Seen::Is(all) => sos::sysctl(&all, name).map_or(Seen::Absent, Seen::Is),
                _ => value,
            },
        }
    }

    /// Returns the kernel log of this boot. If its beginning is lost, it has no line `Linux
    /// version`.
    pub fn log(&self) -> Seen<String> {
        if let Some(known) = &self.record.borrow().log {
            return known.clone();
        }
        let log = match &self.source {
            Source::Here(_) => match kmsg::whole() {
                Ok(text) => Seen::Is(text),
                Err(error) => Seen::Unseen(format!("/dev/kmsg: {error}")),
            },
            Source::Record(record) => record.borrow().log.clone().unwrap_or_else(not_collected),
            Source::Root(_) | Source::Sos(_) => {
                let found = sos::LOGS.iter().find_map(|path| self.text(path).is());
                found.map_or_else(
                    || Seen::Unseen("no kernel log is in the tree".into()),
                    Seen::Is,
                )
            }
        };
        self.record.borrow_mut().log = Some(log.clone());
        log
    }

    /// Returns the release of the running kernel.
    pub fn release(&self) -> Seen<String> {
        self.sysctl("kernel.osrelease").or_else(|| {
            let text = self
                .elsewhere("/sos_commands/kernel/uname_-a")
                .or_else(|| self.elsewhere("/uname"));
            match text.map(|text| sos::release(&text)) {
                Seen::Is(Some(release)) => Seen::Is(release),
                _ => Seen::Absent,
            }
        })
    }

    /// Returns a file that only another machine's tree has.
    fn elsewhere(&self, path: &str) -> Seen<String> {
        match self.source {
            Source::Root(_) | Source::Sos(_) => self.text(path),
            Source::Here(_) => Seen::Absent,
            Source::Record(ref record) if record.borrow().texts.contains_key(path) => {
                self.text(path)
            }
            Source::Record(_) => Seen::Absent,
        }
    }

    /// Returns a kept answer, or asks the machine and keeps the answer.
    fn remember<T: Clone + Send + 'static>(
        &self,
        path: &str,
        field: fn(&mut Record) -> &mut BTreeMap<String, Seen<T>>,
        ask: impl FnOnce(&Tree, &str) -> Result<T, Errno> + Send + 'static,
    ) -> Seen<T> {
        if let Some(known) = field(&mut self.record.borrow_mut()).get(path) {
            return known.clone();
        }
        let answer = match &self.source {
            Source::Here(tree) => {
                let (tree, asked) = (Arc::clone(tree), path.to_string());
                match within(PATIENCE, move || ask(&tree, &asked)) {
                    Some(Ok(value)) => Seen::Is(value),
                    Some(Err(error)) => self.failed(path, error),
                    None => Seen::Unseen(format!("no answer in {} s", PATIENCE.as_secs())),
                }
            }
            Source::Root(tree) | Source::Sos(tree) => match ask(tree, path) {
                Ok(value) => Seen::Is(value),
                Err(error) => self.failed(path, error),
            },
            Source::Record(record) => {
                let found = field(&mut record.borrow_mut()).get(path).cloned();
                found.unwrap_or_else(not_collected)
            }
        };
        field(&mut self.record.borrow_mut()).insert(path.into(), answer.clone());
        answer
    }

    /// Converts an error to an answer.
    fn failed<T>(&self, path: &str, error: Errno) -> Seen<T> {
        let is_missing = matches!(error, Errno::NOENT | Errno::NOTDIR);
        match &self.source {
            Source::Here(_) if is_missing => Seen::Absent,
            Source::Root(tree) if is_missing && tree.tells_absence(path) => Seen::Absent,
            Source::Root(_) | Source::Sos(_) if is_missing => {
                Seen::Unseen("not in the tree".into())
            }
            _ => Seen::Unseen(tree::says(error)),
        }
    }
}

fn not_collected<T>() -> Seen<T> {
    Seen::Unseen("was not collected".into())
}

/// Returns the answer of `ask`, if it comes in time. A thread that still waits ends with the
/// program.
fn within<T: Send + 'static>(
    limit: Duration,
    ask: impl FnOnce() -> T + Send + 'static,
) -> Option<T> {
    let (give, take) = mpsc::channel();
    let asks = move || {
        let _ = give.send(ask());
    };
    std::thread::Builder::new().spawn(asks).ok()?;
    take.recv_timeout(limit).ok()
}

#[cfg(test)]
mod tests;
