// SPDX-License-Identifier: GPL-2.0

//! Where the kernel tells of its functions, below a root: `/`, or a directory of a test.

use anyhow::{bail, Context};
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// The machine whose functions are chosen.
pub struct System {
    root: PathBuf,
}

const TRACEFS: [&str; 2] = ["sys/kernel/tracing", "sys/kernel/debug/tracing"];

impl System {
    /// The machine that this program runs on.
    pub fn here() -> Self {
        Self::at("/")
    }

    pub fn at(root: impl Into<PathBuf>) -> Self {
        System { root: root.into() }
    }

    /// A path of the machine's.
    pub fn path(&self, path: &str) -> PathBuf {
        self.root.join(path)
    }

    /// Where BTF is.
    pub fn btf(&self) -> PathBuf {
        self.root.join("sys/kernel/btf")
    }

    /// Each symbol of the kernel and its modules.
    pub fn kallsyms(&self) -> anyhow::Result<String> {
        self.read("proc/kallsyms")
    }

    /// The functions that ftrace traces; none where the kernel was built without.
    pub fn traceable(&self) -> anyhow::Result<Option<String>> {
        for tracefs in TRACEFS {
            let trace = format!("{tracefs}/trace");
            match fs::metadata(self.root.join(&trace)) {
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::PermissionDenied => {
                    return Err(error).context(advice(&shown(&trace)));
                }
                Err(_) => continue,
            }
            let path = format!("{tracefs}/available_filter_functions");
            return match self.root.join(&path).exists() {
                true => self.read(&path).map(Some),
                false => Ok(None),
            };
        }
        bail!(
            "tracefs is not mounted, which tells what can be probed: mount -t tracefs tracefs \
             /sys/kernel/tracing"
        )
    }

    /// Where the kernel forbids kprobes.
    pub fn blacklist(&self) -> anyhow::Result<String> {
        let path = "sys/kernel/debug/kprobes/blacklist";
        self.read(path).with_context(|| {
            "where the kernel forbids probes; it needs debugfs: mount -t debugfs debugfs \
             /sys/kernel/debug"
        })
    }

    /// A switch of the kernel, without its end of line; none where it is not there.
    pub fn switch(&self, path: &str) -> Option<String> {
        let text = fs::read_to_string(self.root.join(path)).ok()?;
        Some(text.trim().to_string())
    }

    fn read(&self, path: &str) -> anyhow::Result<String> {
        let bytes = fs::read(self.root.join(path)).map_err(|error| match error.kind() {
            ErrorKind::PermissionDenied => anyhow::Error::from(error).context(advice(&shown(path))),
            _ => anyhow::Error::from(error).context(shown(path)),
        })?;
        Ok(String::from_utf8(bytes)
            .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned()))
    }
}

fn shown(path: &str) -> String {
    Path::new("/").join(path).display().to_string()
}

fn advice(path: &str) -> String {
    format!("{path}: run this as root, for instance with sudo")
}
