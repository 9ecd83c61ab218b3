// SPDX-License-Identifier: GPL-2.0

//! An instance of tracefs of our own: buffers that nobody else reads or switches.

use crate::files::text::read;
use crate::terminal::tell::tell;
use anyhow::Context;
use rustix::fs::OFlags;
use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Read, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

const PREFIX: &str = "faultline-";

/// A new instance has the options of the machine's own buffer, whatever somebody made of
/// them. Lines are read as they are with these. A kernel may lack some.
const OPTIONS: &[(&str, &str)] = &[
    ("bin", "0"),
    ("block", "0"),
    ("context-info", "1"),
    ("fields", "0"),
    ("hex", "0"),
    ("latency-format", "0"),
    ("overwrite", "1"),
    ("raw", "0"),
    ("record-tgid", "0"),
    ("stacktrace", "0"),
    ("userstacktrace", "0"),
    ("verbose", "0"),
];

/// What comes through an instance, and how.
#[derive(Debug, Default)]
pub struct Settings<'a> {
    /// Events: `signal/signal_deliver`, or a folder of them, `route_probe`.
    pub events: &'a [&'a str],
    /// The size of each CPU's buffer; none: the kernel's own.
    pub buffer_kb: Option<u32>,
    /// Each event is followed by the kernel stack that it happened on.
    pub stacktrace: bool,
}

/// The instance, as long as it lives.
pub struct Instance {
    path: PathBuf,
    events: Vec<String>,
    /// Closed before the instance can be removed.
    pipe: Option<File>,
}

impl Instance {
    /// Makes it, silent as yet.
    pub fn make(tracefs: &Path, settings: &Settings<'_>) -> anyhow::Result<Self> {
        let path = tracefs.join(format!("instances/{PREFIX}{}", std::process::id()));
        // Of one that had our number and was killed.
        let _ = fs::remove_dir(&path);
        fs::create_dir(&path).with_context(|| format!("{} cannot be made", path.display()))?;
        let mut instance = Instance {
            path,
            events: settings.events.iter().map(|&event| event.into()).collect(),
            pipe: None,
        };
        for (option, value) in OPTIONS {
            match instance.put(&format!("options/{option}"), value) {
                Err(error) if is_absent(&error) => {}
                other => other?,
            }
        }
        if settings.stacktrace {
            instance.put("options/stacktrace", "1")?;
        }
        if let Some(kb) = settings.buffer_kb {
            instance.put("buffer_size_kb", &kb.to_string())?;
        }
        // One clock for all CPUs, and for other programs.
        instance.put("trace_clock", "mono")?;
        // Whoever waits is woken by the first event, and not when there are many.
        instance.put("buffer_percent", "0")?;
        instance.put("tracing_on", "1")?;
        let mut options = OpenOptions::new();
        options
            .read(true)
            .custom_flags(OFlags::NONBLOCK.bits() as i32);
        let pipe = instance.path.join("trace_pipe");
        instance.pipe = Some(
            options
                .open(&pipe)
                .with_context(|| pipe.display().to_string())?,
        );
        Ok(instance)
    }

    /// Lets events come.
    pub fn begin(&self) -> anyhow::Result<()> {
        self.switch("1")
    }

    /// Lets no more events come. Those that came can still be read.
    pub fn end(&self) -> anyhow::Result<()> {
        self.switch("0")
    }

    /// Switches all of its events, also where one of them cannot be.
    fn switch(&self, value: &str) -> anyhow::Result<()> {
        let switched = self
            .events
            .iter()
            .map(|event| self.put(&format!("events/{event}/enable"), value));
        let errors: Vec<_> = switched.filter_map(Result::err).collect();
        errors.into_iter().next().map_or(Ok(()), Err)
    }

    /// Reads text; 0 bytes if there is none now.
    pub fn read(&mut self, buffer: &mut [u8]) -> anyhow::Result<usize> {
        let Some(pipe) = &mut self.pipe else {
            return Ok(0);
        };
        loop {
            return match pipe.read(buffer) {
                Ok(length) => Ok(length),
                Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(0),
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) => Err(error).context("trace_pipe"),
            };
        }
    }

    /// What to wait for.
    pub fn fd(&self) -> Option<BorrowedFd<'_>> {
        self.pipe.as_ref().map(File::as_fd)
    }

    /// How many events are in the buffers, and how many had no room and are told nowhere else.
    pub fn left(&self) -> (u64, u64) {
        let (mut entries, mut dropped) = (0, 0);
        for folder in fs::read_dir(self.path.join("per_cpu"))
            .into_iter()
            .flatten()
            .flatten()
        {
            let stats = read(&folder.path().join("stats")).unwrap_or_default();
            entries += statistic(&stats, "entries");
            dropped += statistic(&stats, "commit overrun") + statistic(&stats, "dropped events");
        }
        (entries, dropped)
    }

    /// Removes it.
    pub fn remove(mut self) -> anyhow::Result<()> {
        let removed = self.removed();
        std::mem::forget(self);
        removed
    }

    fn removed(&mut self) -> anyhow::Result<()> {
        self.pipe = None;
        fs::remove_dir(&self.path)
            .with_context(|| format!("{} cannot be removed", self.path.display()))
    }

    fn put(&self, file: &str, value: &str) -> anyhow::Result<()> {
        let path = self.path.join(file);
        // What is not there is not to be made.
        let opened = OpenOptions::new().write(true).open(&path);
        opened
            .and_then(|mut file| file.write_all(value.as_bytes()))
            .with_context(|| format!("{value} to {}", path.display()))
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        if let Err(error) = self.removed() {
            tell(format_args!("{error:#}"));
        }
    }
}

fn is_absent(error: &anyhow::Error) -> bool {
    let error = error.downcast_ref::<std::io::Error>();
    error.is_some_and(|error| error.kind() == ErrorKind::NotFound)
}

fn statistic(stats: &str, name: &str) -> u64 {
    let mut values = stats
        .lines()
        .filter_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
    values
        .next()
        .and_then(|value| value.parse().ok())
        .unwrap_or(0)
}

/// Removes the instances of those that were killed. Returns their names.
pub fn sweep(tracefs: &Path) -> Vec<String> {
    let instances = fs::read_dir(tracefs.join("instances"))
        .into_iter()
        .flatten()
        .flatten();
    let names = instances.map(|entry| entry.file_name().to_string_lossy().into_owned());
    names
        .filter(|name| is_left(name, Path::new("/proc")))
        // One that is open is used.
        .filter(|name| fs::remove_dir(tracefs.join("instances").join(name)).is_ok())
        .collect()
}

/// Whether an instance of that name is one of ours, and its program gone.
fn is_left(name: &str, proc: &Path) -> bool {
    let pid = name
        .strip_prefix(PREFIX)
        .and_then(|pid| pid.parse::<u32>().ok());
    let name_of = |pid: &str| read(&proc.join(pid).join("comm")).ok();
    pid.is_some_and(|pid| {
        let lives = name_of(&pid.to_string());
        lives.is_none() || lives != name_of("self")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statistics() {
        let stats = "entries: 12\noverrun: 3\ncommit overrun: 1\nbytes: 960\ndropped events: 2\n";
        assert_eq!(statistic(stats, "entries"), 12);
        assert_eq!(statistic(stats, "overrun"), 3);
        assert_eq!(statistic(stats, "dropped events"), 2);
        assert_eq!(statistic(stats, "events"), 0);
        assert_eq!(statistic("entries: x\n", "entries"), 0);
    }

    #[test]
    fn whose_program_is_gone() {
        let proc = tempfile::tempdir().unwrap();
        for (pid, comm) in [
            ("self", "faultline\n"),
            ("7", "faultline\n"),
            ("8", "sshd\n"),
        ] {
            fs::create_dir(proc.path().join(pid)).unwrap();
            fs::write(proc.path().join(pid).join("comm"), comm).unwrap();
        }
        let left = |name| is_left(name, proc.path());
        assert!(!left("faultline-7"));
        assert!(left("faultline-8"), "the number went to another");
        assert!(left("faultline-9"));
        assert!(!left("faultline-") && !left("faultline-self") && !left("other-9") && !left("9"));
    }
}
