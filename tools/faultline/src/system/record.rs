// SPDX-License-Identifier: GPL-2.0

//! The record of a machine, written to a file and read again: a tar archive of the texts below
//! `root/`, and a manifest that lists every path that was read, also those that did not exist or
//! could not be read.

use super::seen::{Room, Seen, Stat};
use super::tree::{Tree, LARGEST};
use anyhow::{bail, ensure, Context};
use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufWriter, Read, Write};
use std::path::Path;

pub const SCHEMA: &str = "faultline.collect/1";
const MANIFEST: &str = "manifest.json";
const LOG: &str = "kernel.log";
/// The limits of an archive.
const MEMBERS: usize = 1 << 14;
const BYTES: u64 = 128 << 20;

/// All answers of a machine.
#[derive(Debug, Default, Clone, PartialEq)]
pub struct Record {
    pub texts: BTreeMap<String, Seen<String>>,
    pub lists: BTreeMap<String, Seen<Vec<String>>>,
    pub stats: BTreeMap<String, Seen<Stat>>,
    pub rooms: BTreeMap<String, Seen<Room>>,
    pub log: Option<Seen<String>>,
}

/// The manifest. It has the sizes of the texts.
#[derive(Serialize, Deserialize)]
struct Manifest {
    schema: String,
    files: BTreeMap<String, Seen<u64>>,
    directories: BTreeMap<String, Seen<Vec<String>>>,
    stats: BTreeMap<String, Seen<Stat>>,
    rooms: BTreeMap<String, Seen<Room>>,
    kernel_log: Option<Seen<u64>>,
}

impl Record {
    /// Returns the paths that could not be read, and why.
    pub fn unseen(&self) -> BTreeMap<&str, &str> {
        fn of<T>(field: &BTreeMap<String, Seen<T>>) -> impl Iterator<Item = (&str, &str)> {
            field.iter().filter_map(|(path, seen)| match seen {
                Seen::Unseen(why) => Some((path.as_str(), why.as_str())),
                _ => None,
            })
        }
        let log = match &self.log {
            Some(Seen::Unseen(why)) => Some(("the kernel log", why.as_str())),
            _ => None,
        };
        of(&self.texts)
            .chain(of(&self.lists))
            .chain(of(&self.stats))
            .chain(of(&self.rooms))
            .chain(log)
            .collect()
    }

    /// Writes the archive, which only its owner may read. An existing file is not replaced.
    pub fn write(&self, path: &Path) -> anyhow::Result<()> {
        let flags =
            OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let file = rustix::fs::open(path, flags, Mode::from_raw_mode(0o600));
        let file = file.with_context(|| match path.symlink_metadata().is_ok() {
            true => format!("{} already exists: choose another name", path.display()),
            false => path.display().to_string(),
        })?;
        self.write_to(BufWriter::new(File::from(file)))
            .with_context(|| path.display().to_string())
    }

    /// Returns the bytes of the archive.
    pub fn write_to(&self, to: impl Write) -> anyhow::Result<()> {
        let mut tar = tar::Builder::new(to);
        let size = |seen: &Seen<String>| seen.as_ref().map(|text| text.len() as u64);
        let manifest = Manifest {
            schema: SCHEMA.into(),
            files: self
                .texts
                .iter()
                .map(|(path, seen)| (path.clone(), size(seen)))
                .collect(),
            directories: self.lists.clone(),
            stats: self.stats.clone(),
            rooms: self.rooms.clone(),
            kernel_log: self.log.as_ref().map(size),
        };
        let mut add = |name: &str, text: &[u8]| {
            let mut header = tar::Header::new_gnu();
            header.set_mode(0o600);
            header.set_size(text.len() as u64);
            tar.append_data(&mut header, name, text)
        };
        add(MANIFEST, &serde_json::to_vec_pretty(&manifest)?)?;
        if let Some(Seen::Is(log)) = &self.log {
            add(LOG, log.as_bytes())?;
        }
        for (path, seen) in &self.texts {
            if let Seen::Is(text) = seen {
                add(&member(path), text.as_bytes())?;
            }
        }
        tar.into_inner()?.flush()?;
        Ok(())
    }

    /// Reads an archive.
    pub fn from_tar(path: &Path) -> anyhow::Result<Self> {
        let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC;
        Self::read_from(File::from(rustix::fs::open(path, flags, Mode::empty())?))
    }

    /// Parses an archive.
    pub fn read_from(from: impl Read) -> anyhow::Result<Self> {
        let mut members: BTreeMap<String, Vec<u8>> = BTreeMap::new();
        let mut left = BYTES;
        let mut archive = tar::Archive::new(from);
        for entry in archive.entries()? {
            let mut entry = entry.context("not a tar archive of doctor --collect")?;
            if !entry.header().entry_type().is_file() {
                continue;
            }
            let name = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
            let mut bytes = Vec::new();
            entry.by_ref().take(left + 1).read_to_end(&mut bytes)?;
            left = left.checked_sub(bytes.len() as u64).with_context(|| {
                format!(
                    "has more than {} MiB: not an archive of doctor --collect",
                    BYTES >> 20
                )
            })?;
            let is_new = members
                .insert(name.trim_start_matches("./").into(), bytes)
                .is_none();
            ensure!(is_new, "has {name} twice");
            ensure!(members.len() <= MEMBERS, "has more than {MEMBERS} files");
        }
        let manifest = members.remove(MANIFEST);
        let manifest =
            manifest.context("has no manifest.json: not an archive of doctor --collect")?;
        Self::assemble(&manifest, |name| members.remove(name))
    }

    /// Reads a directory with the contents of an archive, if it is one.
    pub fn from_tree(tree: &Tree) -> anyhow::Result<Option<Self>> {
        let manifest = match tree.read(MANIFEST) {
            Err(Errno::NOENT) => return Ok(None),
            read => read.context(MANIFEST)?,
        };
        let mut left = BYTES;
        let record = Self::assemble(&manifest, |name| {
            let bytes = tree.read(name).ok()?;
            left = left.checked_sub(bytes.len() as u64)?;
            Some(bytes)
        })?;
        Ok(Some(record))
    }

    fn assemble(
        manifest: &[u8],
        mut member_of: impl FnMut(&str) -> Option<Vec<u8>>,
    ) -> anyhow::Result<Self> {
        let manifest: Manifest = serde_json::from_slice(manifest).context(MANIFEST)?;
        if manifest.schema != SCHEMA {
            bail!(
                "{MANIFEST}: schema {:?}, expected {SCHEMA:?}",
                manifest.schema
            );
        }
        ensure!(
            manifest.files.len() <= MEMBERS,
            "{MANIFEST}: more than {MEMBERS} files"
        );
        let mut text = |name: &str, seen: Seen<u64>| -> anyhow::Result<Seen<String>> {
            let size = match seen {
                Seen::Is(size) => size,
                Seen::Absent => return Ok(Seen::Absent),
                Seen::Unseen(why) => return Ok(Seen::Unseen(why)),
            };
            let bytes = member_of(name).with_context(|| format!("{name} is missing"))?;
            let (found, largest) = (bytes.len() as u64, 3 * LARGEST);
            ensure!(
                found == size && size <= largest,
                "{name} has {found} bytes, expected {size}"
            );
            Ok(Seen::Is(String::from_utf8_lossy(&bytes).into_owned()))
        };
        let log = manifest
            .kernel_log
            .map(|seen| text(LOG, seen))
            .transpose()?;
        let mut texts = BTreeMap::new();
        for (path, seen) in manifest.files {
            let found = text(&member(&path), seen)?;
            texts.insert(path, found);
        }
        Ok(Record {
            texts,
            lists: manifest.directories,
            stats: manifest.stats,
            rooms: manifest.rooms,
            log,
        })
    }
}

/// Returns the name of a path's text in the archive.
fn member(path: &str) -> String {
    format!("root/{}", path.trim_start_matches('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record() -> Record {
        let mut record = Record::default();
        let long = format!("/sys/{}", "x".repeat(200));
        for (path, seen) in [
            ("/etc/a", Seen::Is("a\u{fffd}\n".to_string())),
            (long.as_str(), Seen::Is(String::new())),
            ("/etc/b", Seen::Absent),
            ("/etc/c", Seen::Unseen("permission denied".into())),
        ] {
            record.texts.insert(path.into(), seen);
        }
        record
            .lists
            .insert("/etc".into(), Seen::Is(vec!["a".into(), "c".into()]));
        record.rooms.insert("/var/crash".into(), Seen::Absent);
        record.log = Some(Seen::Is("[    0.0] Linux version\n".into()));
        record
    }

    #[test]
    fn comes_back_as_it_was() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.tar");
        record().write(&path).unwrap();
        assert_eq!(Record::from_tar(&path).unwrap(), record());
        let mode = std::os::unix::fs::PermissionsExt::mode(&path.metadata().unwrap().permissions());
        assert_eq!(mode & 0o777, 0o600);
        let error = record().write(&path).unwrap_err();
        assert!(format!("{error:#}").contains("already exists"), "{error:#}");
        tar::Archive::new(File::open(&path).unwrap())
            .unpack(dir.path())
            .unwrap();
        let tree = Tree::open(dir.path()).unwrap();
        assert_eq!(Record::from_tree(&tree).unwrap(), Some(record()));
        assert_eq!(
            record().unseen(),
            BTreeMap::from([("/etc/c", "permission denied")])
        );
    }

    #[test]
    fn a_damaged_archive_is_refused() {
        let mut bytes = Vec::new();
        record().write_to(&mut bytes).unwrap();
        for end in (0..bytes.len()).step_by(97) {
            let read = Record::read_from(&bytes[..end]);
            assert!(read.is_err() || read.unwrap() == record(), "{end}");
        }
        for wrong in [&b""[..], b"hello", &[0; 2048], &[0xff; 4096]] {
            assert!(Record::read_from(wrong).is_err());
        }
        let mut other = tar::Builder::new(Vec::new());
        let mut header = tar::Header::new_gnu();
        header.set_size(23);
        let text = br#"{"schema": "other/1"}  "#;
        other.append_data(&mut header, MANIFEST, &text[..]).unwrap();
        assert!(Record::read_from(other.into_inner().unwrap().as_slice()).is_err());
    }
}
