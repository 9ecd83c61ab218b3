// SPDX-License-Identifier: GPL-2.0

//! The directory of a drill: its vmcore, logs and report.

use crate::files::claim::Claim;
use crate::files::lock::lock_within;
use crate::run::event::{Heard, What};
use anyhow::{ensure, Context};
use rustix::fs::FlockOperation;
use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Number of drills in the default directory that keep their vmcore.
const VMCORES_KEPT: usize = 3;
/// The files that only a running machine needs.
const PASSING: &[&str] = &["disk.img", "console.fifo", "monitor"];
/// The longest path that a socket can have.
const LONGEST_SOCKET: usize = 107;

/// The directory, and the two logs that grow while the drill runs.
pub struct Folder {
    claim: Claim,
    console: BufWriter<File>,
    record: BufWriter<File>,
}

impl Folder {
    /// Makes the directory, and replaces the files of an earlier drill in it.
    pub fn new(path: &Path) -> anyhow::Result<Self> {
        let mut claim = Claim::new(path)?;
        let (console, record) = (claim.create("console.log")?, claim.create("record.ndjson")?);
        Ok(Folder {
            console: BufWriter::new(console),
            record: BufWriter::new(record),
            claim,
        })
    }

    /// Returns the directory itself.
    pub fn path(&self) -> &Path {
        self.claim.path()
    }

    /// Returns the path of a file in it.
    pub fn file(&self, name: &str) -> PathBuf {
        self.path().join(name)
    }

    /// Returns the path of a file in it that the drill has made.
    pub fn existing(&self, name: &str) -> Option<PathBuf> {
        self.claim.has(name).then(|| self.file(name))
    }

    /// Creates a file in it.
    pub fn create(&mut self, name: &str) -> anyhow::Result<File> {
        self.claim.create(name)
    }

    /// Creates a file with this text.
    pub fn write(&mut self, name: &str, text: &str) -> anyhow::Result<()> {
        let mut file = self.create(name)?;
        file.write_all(text.as_bytes())
            .with_context(|| self.file(name).display().to_string())
    }

    /// Creates the FIFO for the console.
    pub fn create_console(&mut self) -> anyhow::Result<PathBuf> {
        self.claim.create_fifo("console.fifo")?;
        Ok(self.file("console.fifo"))
    }

    /// Returns the path of the machine's monitor, which creates a socket there.
    pub fn monitor(&mut self) -> anyhow::Result<PathBuf> {
        let path = self.file("monitor");
        ensure!(
            path.as_os_str().len() <= LONGEST_SOCKET,
            "{} is too long a path for QEMU's monitor: {LONGEST_SOCKET} bytes at most; choose another \
             directory",
            path.display()
        );
        self.claim.announce("monitor")?;
        Ok(path)
    }

    /// Removes a file that the drill has made.
    pub fn remove(&mut self, name: &str) -> anyhow::Result<()> {
        self.claim.remove(name)
    }

    /// Appends an event to the logs.
    pub fn write_down(&mut self, heard: &Heard) -> anyhow::Result<()> {
        writeln!(self.record, "{}", serde_json::to_string(heard)?)?;
        if let What::Console(line) = &heard.what {
            writeln!(self.console, "{:9.3} {line}", heard.at)?;
        }
        Ok(())
    }

    /// Removes the files that only the machine needed, and completes the logs.
    pub fn finish(&mut self) -> anyhow::Result<()> {
        clear(&mut self.claim)?;
        self.console.flush()?;
        Ok(self.record.flush()?)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = self.finish();
    }
}

fn clear(claim: &mut Claim) -> anyhow::Result<()> {
    PASSING.iter().try_for_each(|name| claim.remove(name))
}

/// Removes the machines' files that killed drills left in `drills`.
pub fn sweep(drills: &Path) {
    for entry in fs::read_dir(drills).into_iter().flatten().flatten() {
        if let Some(mut claim) = Claim::of_the_dead(&entry.path()) {
            // A directory that cannot be written to does not hinder the next drill.
            let _ = clear(&mut claim);
        }
    }
}

/// How long to wait for another drill that does the same.
const PATIENCE: Duration = Duration::from_secs(10);

/// Points `latest` in `drills` to `newest`, and removes the vmcores of all but the newest few
/// drills there (their reports and logs stay).
pub fn tidy(drills: &Path, newest: &Folder) -> anyhow::Result<()> {
    let shown = drills.display();
    let lock = File::open(drills).with_context(|| shown.to_string())?;
    let is_ours = lock_within(&lock, FlockOperation::NonBlockingLockExclusive, PATIENCE)?;
    ensure!(
        is_ours,
        "another program has locked {shown} for more than {PATIENCE:?}"
    );
    if let Some(name) = newest.path().file_name() {
        let link = drills.join(".latest");
        // Left by a drill that was killed in between.
        let _ = fs::remove_file(&link);
        std::os::unix::fs::symlink(name, &link)
            .and_then(|()| fs::rename(&link, drills.join("latest")))
            .with_context(|| format!("cannot link {shown}/latest to the newest drill"))?;
    }
    let mut others = Vec::new();
    for entry in fs::read_dir(drills)?.flatten() {
        // A running drill, as the newest one, still needs its files.
        let claim = Claim::of_the_dead(&entry.path()).filter(|claim| claim.has("vmcore"));
        others.extend(claim.and_then(|claim| {
            let about = fs::symlink_metadata(claim.path().join("vmcore"));
            Some((about.ok()?.modified().ok()?, claim))
        }));
    }
    others.sort_by_key(|(time, _)| *time);
    let kept = VMCORES_KEPT - usize::from(newest.existing("vmcore").is_some());
    let surplus = others.len().saturating_sub(kept);
    for (_, claim) in &mut others[..surplus] {
        claim.remove("vmcore")?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn old_vmcores_go_and_latest_points_to_the_newest() {
        let drills = tempfile::tempdir().unwrap();
        let theirs = drills.path().join("theirs");
        fs::create_dir(&theirs).unwrap();
        fs::write(theirs.join("vmcore"), "mine").unwrap();
        for (age, name) in ["a", "b", "c", "d", "e"].iter().enumerate() {
            let mut folder = Folder::new(&drills.path().join(name)).unwrap();
            let file = folder.create("vmcore").unwrap();
            file.set_modified(std::time::UNIX_EPOCH + Duration::from_secs(age as u64))
                .unwrap();
            tidy(drills.path(), &folder).unwrap();
        }
        let left = |name: &str| drills.path().join(name).join("vmcore").exists();
        assert_eq!(
            ["a", "b", "c", "d", "e", "latest", "theirs"].map(left),
            [false, false, true, true, true, true, true]
        );
        assert_eq!(
            fs::read_link(drills.path().join("latest")).unwrap(),
            Path::new("e")
        );
    }

    #[test]
    fn what_the_killed_left_goes_and_what_runs_keeps_its_own() {
        let drills = tempfile::tempdir().unwrap();
        let make = |name: &str| {
            let mut folder = Folder::new(&drills.path().join(name)).unwrap();
            folder.create_console().unwrap();
            folder.create("disk.img").unwrap();
            folder.create("vmcore").unwrap();
            let socket = folder.monitor().unwrap();
            std::os::unix::net::UnixListener::bind(socket).unwrap();
            folder
        };
        // Without its destructor: of a process that is killed, only the lock ends.
        let killed = std::mem::ManuallyDrop::new(make("killed"));
        let runs = make("runs");
        fs::create_dir(drills.path().join("theirs")).unwrap();
        fs::write(drills.path().join("theirs/disk.img"), "mine").unwrap();
        let there = |of: &str| {
            let names = [
                "disk.img",
                "console.fifo",
                "monitor",
                "vmcore",
                "console.log",
            ];
            names.map(|name| fs::symlink_metadata(drills.path().join(of).join(name)).is_ok())
        };
        sweep(drills.path());
        assert_eq!(there("killed"), [true; 5], "it is still locked");
        killed.claim.forget();
        sweep(drills.path());
        assert_eq!(there("killed"), [false, false, false, true, true]);
        assert_eq!(there("runs"), [true; 5]);
        assert_eq!(there("theirs"), [true, false, false, false, false]);
        drop(runs);
        assert_eq!(there("runs"), [false, false, false, true, true]);
    }

    #[test]
    fn writes_down_with_times() {
        let dir = tempfile::tempdir().unwrap();
        let mut folder = Folder::new(&dir.path().join("x/y")).unwrap();
        folder
            .write_down(&Heard {
                at: 1.5,
                what: What::Console("[ 0.1] hello".into()),
            })
            .unwrap();
        folder.finish().unwrap();
        assert_eq!(
            fs::read_to_string(folder.file("console.log")).unwrap(),
            "    1.500 [ 0.1] hello\n"
        );
        assert_eq!(
            fs::read_to_string(folder.file("record.ndjson")).unwrap(),
            "{\"at\":1.5,\"console\":\"[ 0.1] hello\"}\n"
        );
    }
}
