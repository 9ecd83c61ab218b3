// SPDX-License-Identifier: GPL-2.0

//! The folder of a drill: what it leaves behind for people to look at.

use crate::event::{Heard, What};
use anyhow::Context;
use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

/// Of the drills in the default place, so many keep their vmcore.
const VMCORES_KEPT: usize = 3;

/// The folder, and the two logs that grow while the drill runs.
pub struct Folder {
    path: PathBuf,
    console: BufWriter<File>,
    record: BufWriter<File>,
}

impl Folder {
    /// Makes the folder; what an earlier drill left in it is replaced.
    pub fn new(path: PathBuf) -> anyhow::Result<Self> {
        fs::create_dir_all(&path).with_context(|| format!("{} cannot be made", path.display()))?;
        let path = path.canonicalize()?;
        for name in [
            "vmcore",
            "kernel.log",
            "report.json",
            "disk.img",
            "console.fifo",
        ] {
            let _ = fs::remove_file(path.join(name));
        }
        let create = |name| {
            File::create(path.join(name)).with_context(|| path.join(name).display().to_string())
        };
        let (console, record) = (create("console.log")?, create("record.ndjson")?);
        Ok(Folder {
            console: BufWriter::new(console),
            record: BufWriter::new(record),
            path,
        })
    }

    /// The path of a file in it.
    pub fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// Writes down something heard.
    pub fn write_down(&mut self, heard: &Heard) -> anyhow::Result<()> {
        writeln!(self.record, "{}", serde_json::to_string(heard)?)?;
        if let What::Console(line) = &heard.what {
            writeln!(self.console, "{:9.3} {line}", heard.at)?;
        }
        Ok(())
    }

    /// Removes what only the machine needed, and completes the logs.
    pub fn finish(&mut self) -> anyhow::Result<()> {
        for name in ["disk.img", "console.fifo"] {
            let _ = fs::remove_file(self.file(name));
        }
        self.console.flush()?;
        Ok(self.record.flush()?)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = self.finish();
    }
}

/// Lets `latest` in `drills` point to `newest`, and removes the vmcores of all but
/// the newest few drills there (their reports and logs stay).
pub fn tidy(drills: &Path, newest: &Path) -> anyhow::Result<()> {
    if let Some(name) = newest.file_name() {
        let link = drills.join(format!(".latest-{}", std::process::id()));
        std::os::unix::fs::symlink(name, &link)?;
        fs::rename(&link, drills.join("latest"))?;
    }
    let mut vmcores = Vec::new();
    for entry in fs::read_dir(drills)?.flatten() {
        let vmcore = entry.path().join("vmcore");
        if entry.file_type()?.is_dir() {
            vmcores.extend(
                fs::metadata(&vmcore)
                    .and_then(|meta| meta.modified())
                    .map(|time| (time, vmcore)),
            );
        }
    }
    vmcores.sort();
    let surplus = vmcores.len().saturating_sub(VMCORES_KEPT);
    for (_, vmcore) in &vmcores[..surplus] {
        fs::remove_file(vmcore)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn old_vmcores_go_and_latest_points_to_the_newest() {
        let drills = tempfile::tempdir().unwrap();
        for (age, name) in ["a", "b", "c", "d", "e"].iter().enumerate() {
            let dir = drills.path().join(name);
            fs::create_dir(&dir).unwrap();
            let file = File::create(dir.join("vmcore")).unwrap();
            file.set_modified(std::time::UNIX_EPOCH + std::time::Duration::from_secs(age as u64))
                .unwrap();
            tidy(drills.path(), &dir).unwrap();
        }
        let left = |name: &str| drills.path().join(name).join("vmcore").exists();
        assert_eq!(
            ["a", "b", "c", "d", "e", "latest"].map(left),
            [false, false, true, true, true, true]
        );
        assert_eq!(
            fs::read_link(drills.path().join("latest")).unwrap(),
            Path::new("e")
        );
    }

    #[test]
    fn writes_down_with_times() {
        let dir = tempfile::tempdir().unwrap();
        let mut folder = Folder::new(dir.path().join("x/y")).unwrap();
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
