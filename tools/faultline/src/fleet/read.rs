// SPDX-License-Identifier: GPL-2.0

//! The files of a fleet. They come from other machines: only regular files are read, up to a size,
//! and no link is followed.

use crate::ledger::status::Holds;
use crate::ledger::{self, Proof};
use anyhow::{bail, ensure, Context};
use rustix::fs::{open, Mode, OFlags};
use serde::Deserialize;
use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

/// The schema of a host's document.
const SCHEMA: &str = "faultline.status/1";
/// The end of a file's name, after that of the host.
const ENDING: &str = ".json";
/// The size of a document with some hundred proofs; one that is larger is not read.
const SIZE_MAX: u64 = 8 << 20;

/// What `faultline drill status --json` has printed on a host.
#[derive(Debug, Deserialize)]
pub struct Document {
    schema: String,
    pub newest: Vec<Newest>,
    /// A drill that is not judged yet.
    #[serde(default)]
    pub armed: Option<String>,
    /// What could not be read there.
    #[serde(default)]
    pub trouble: Vec<String>,
}

/// The newest proof of a fault, and whether it held when the document was made.
#[derive(Debug, Deserialize)]
pub struct Newest {
    pub holds: Holds,
    #[serde(default)]
    pub changed: Vec<String>,
    #[serde(default)]
    pub unknown: Vec<String>,
    pub proof: Proof,
}

/// Finds the files of a folder, by host.
pub fn files(folder: &Path) -> anyhow::Result<Vec<(String, PathBuf)>> {
    let shown = || format!("{} cannot be read", folder.display());
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).with_context(shown)? {
        let path = entry.with_context(shown)?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let host = name.strip_suffix(ENDING).map(String::from);
        if let Some(host) = host.filter(|host| !host.is_empty() && !host.starts_with('.')) {
            files.push((host, path));
        }
    }
    ensure!(
        !files.is_empty(),
        "{} has no file HOST{ENDING}: on each host 'faultline drill status --json' prints what it \
         should have",
        folder.display()
    );
    files.sort();
    Ok(files)
}

/// Reads the names of hosts: one per line, without what follows a `#`.
pub fn names(path: &Path) -> anyhow::Result<Vec<String>> {
    let text = fs::read_to_string(path).with_context(|| path.display().to_string())?;
    let lines = text.lines().map(|line| match line.split_once('#') {
        Some((name, _)) => name.trim(),
        None => line.trim(),
    });
    let mut names: Vec<String> = Vec::new();
    for name in lines.filter(|name| !name.is_empty()) {
        ensure!(
            !name.contains(char::is_whitespace) && !name.contains('/'),
            "{}: '{name}' is not the name of a host: expected one name per line",
            path.display()
        );
        if !names.iter().any(|known| known == name) {
            names.push(name.into());
        }
    }
    ensure!(!names.is_empty(), "{} names no host", path.display());
    Ok(names)
}

/// Reads the document of a host.
pub fn document(path: &Path) -> anyhow::Result<Document> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file = File::from(open(path, flags, Mode::empty()).context("it cannot be opened")?);
    if !file.metadata()?.is_file() {
        bail!("it is not a regular file");
    }
    let mut bytes = Vec::new();
    file.take(SIZE_MAX + 1).read_to_end(&mut bytes)?;
    ensure!(
        bytes.len() as u64 <= SIZE_MAX,
        "it has more than {} MiB",
        SIZE_MAX >> 20
    );
    ensure!(!bytes.is_empty(), "it is empty");
    let document: Document = serde_json::from_slice(&bytes)
        .context("it is not what 'faultline drill status --json' prints")?;
    ensure!(
        document.schema == SCHEMA,
        "its schema is {}, expected {SCHEMA}",
        document.schema
    );
    for newest in &document.newest {
        let schema = &newest.proof.schema;
        ensure!(
            schema == ledger::SCHEMA,
            "the schema of a proof is {schema}, expected {}",
            ledger::SCHEMA
        );
    }
    Ok(document)
}
