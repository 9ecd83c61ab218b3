// SPDX-License-Identifier: GPL-2.0

//! Whose turn it is. The filters are the module's, so all who watch it see through them:
//! one program at a time may set them, and none while another watches.
//!
//! Three files in /run/faultline are locked. `route.watchers` is shared by all who run.
//! `route.filters` is had alone by who has set them, and has what they were: should its
//! owner be killed, the next one to run puts them back. `route.gate` lets in one at a time,
//! while it finds out which of this holds.

use super::filters::{self, Change, Filter};
use super::kernel::Kernel;
use anyhow::{bail, Context};
use rustix::fs::FlockOperation as Lock;
use rustix::io::Errno;
use serde::{Deserialize, Serialize};
use std::fs::{self, File, OpenOptions};
use std::io::{Read, Seek, Write};
use std::path::{Path, PathBuf};

const FOLDER: &str = "/run/faultline";

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
            Path::new(FOLDER),
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
        mut tell: impl FnMut(String),
    ) -> anyhow::Result<Self> {
        fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
        let gate = open(&folder.join("route.gate"))?;
        lock(&gate, Lock::LockExclusive)?;
        let watchers = open(&folder.join("route.watchers"))?;
        let mut file = open(&folder.join("route.filters"))?;
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
            lock(&turn._watchers, Lock::LockShared)?;
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
        lock(&turn._watchers, Lock::LockShared)?;
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
                    .map(|error| format!("{FOLDER}: {error}")),
            );
        }
        told
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        for told in self.put_back() {
            eprintln!("faultline: {told}");
        }
    }
}

fn open(path: &Path) -> anyhow::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    options
        .open(path)
        .with_context(|| path.display().to_string())
}

/// Whether it could be had.
fn lock(file: &File, how: Lock) -> anyhow::Result<bool> {
    loop {
        return match rustix::fs::flock(file, how) {
            Ok(()) => Ok(true),
            Err(Errno::WOULDBLOCK) => Ok(false),
            Err(Errno::INTR) => continue,
            Err(error) => Err(error).context(FOLDER),
        };
    }
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
