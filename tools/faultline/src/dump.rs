// SPDX-License-Identifier: GPL-2.0

//! A dump file, examined: is it one, is all of it there, what does its kernel log
//! tell, and what does drgn say.

use crate::diskdump;
use crate::drgn::{self, Witness};
use crate::elf::Elf;
use crate::klog::Story;
use crate::mode::Case;
use crate::process;
use anyhow::{bail, Context};
use serde::Serialize;
use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

/// What became of a dump.
#[derive(Debug, Clone, PartialEq)]
pub enum State {
    /// Nothing was written.
    Absent,
    /// It is not a dump that anything can read; this is why.
    Unreadable(String),
    /// A part is missing; this part.
    Incomplete(String),
    /// It is all there.
    Complete { pages: u64 },
    /// This machine lacks what is needed to read it.
    NoTool(String),
}

/// Why a file is not a dump that can be read.
#[derive(Debug)]
pub enum Unreadable {
    /// The file cannot be read at all.
    Io(io::Error),
    /// It is something else; this is what.
    Not(&'static str),
}

impl std::fmt::Display for Unreadable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Io(error) => write!(f, "cannot be read: {error}"),
            Self::Not(what) => f.write_str(what),
        }
    }
}

impl From<io::Error> for Unreadable {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// Whether all of a dump is in its file.
#[derive(Debug, Clone, PartialEq)]
pub enum Completeness {
    /// All pages are there.
    Complete { pages: u64 },
    /// Something is missing; this is what.
    Incomplete { missing: String },
}

/// How a dump is written down, which decides who can read it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub enum Format {
    /// makedumpfile's own, filtered and compressed.
    #[serde(rename = "kdump-compressed")]
    KdumpCompressed,
    /// All memory.
    #[serde(rename = "elf")]
    Elf,
}

/// What a dump says of itself.
#[derive(Debug, Clone, PartialEq)]
pub struct Facts {
    pub format: Format,
    pub release: String,
    pub machine: String,
    /// makedumpfile's, if it filtered.
    pub dump_level: Option<i32>,
    pub vmcoreinfo: BTreeMap<String, String>,
}

/// An examined dump.
#[derive(Debug)]
pub struct Dump {
    pub state: State,
    pub bytes: u64,
    pub facts: Option<Facts>,
    pub story: Option<Story>,
    /// The kernel log as text.
    pub log: Option<String>,
    /// drgn's answer; none if it was not asked.
    pub witness: Option<Result<Witness, String>>,
}

impl Dump {
    /// A dump of which there is nothing but its state.
    pub fn only(state: State) -> Self {
        Dump {
            state,
            bytes: 0,
            facts: None,
            story: None,
            log: None,
            witness: None,
        }
    }

    /// Examines the dump at `path`: its structure and its kernel log.
    pub fn examine(path: &Path) -> anyhow::Result<Self> {
        let file = File::open(path).with_context(|| path.display().to_string())?;
        let bytes = file.metadata()?.len();
        let (facts, completeness) = match describe(&file) {
            Ok(described) => described,
            Err(error) => {
                return Ok(Dump {
                    bytes,
                    ..Dump::only(State::Unreadable(error.to_string()))
                })
            }
        };
        let state = match completeness {
            Completeness::Complete { pages } => State::Complete { pages },
            Completeness::Incomplete { missing } => State::Incomplete(missing),
        };
        let log = kernel_log(facts.format, path);
        let mut dump = Dump {
            bytes,
            facts: Some(facts),
            ..Dump::only(state)
        };
        match log {
            Ok(log) => dump.log = Some(log),
            // What is incomplete need not be readable.
            Err(_) if matches!(dump.state, State::Incomplete(_)) => {}
            Err(error) => match error.downcast_ref::<std::io::Error>() {
                Some(_) => dump.state = State::NoTool(format!("{error:#}")),
                None => dump.state = State::Unreadable(format!("{error:#}")),
            },
        }
        Ok(dump)
    }

    /// Looks in the examined dump at `path` for what concerns `case`: in its log, and with drgn too
    /// if `vmlinux` is given.
    pub fn question(&mut self, case: Case, path: &Path, vmlinux: Option<&Path>) {
        self.story = self.log.as_deref().map(|log| Story::read(case, log));
        if let (State::Complete { .. }, Some(vmlinux)) = (&self.state, vmlinux) {
            let answer = drgn::ask(case, path, vmlinux);
            self.witness = Some(answer.map_err(|error| format!("{error:#}")));
        }
    }
}

/// Reads what the dump says of itself, and looks whether all of it is there.
fn describe(file: &File) -> Result<(Facts, Completeness), Unreadable> {
    let mut head = [0; 4];
    if file.read_exact_at(&mut head, 0).is_ok() && Elf::claims(&head) {
        let elf = Elf::read(file)?;
        let completeness = elf.completeness(file)?;
        let facts = Facts {
            format: Format::Elf,
            release: elf.vmcoreinfo.get("OSRELEASE").cloned().unwrap_or_default(),
            machine: elf.machine.into(),
            dump_level: None,
            vmcoreinfo: elf.vmcoreinfo,
        };
        return Ok((facts, completeness));
    }
    let header = diskdump::Header::read(file)?;
    let completeness = header.completeness(file)?;
    let facts = Facts {
        format: Format::KdumpCompressed,
        vmcoreinfo: header.vmcoreinfo(file),
        release: header.release,
        machine: header.machine,
        dump_level: Some(header.dump_level),
    };
    Ok((facts, completeness))
}

/// VMCOREINFO's lines, what a kernel notes down for the tools that read its dump.
pub fn vmcoreinfo(text: &[u8]) -> BTreeMap<String, String> {
    String::from_utf8_lossy(text)
        .lines()
        .filter_map(|line| line.split_once('='))
        .map(|(key, value)| (key.into(), value.into()))
        .collect()
}

/// The kernel log of a dump: by makedumpfile, or, of all memory and of whatever
/// machine, by vmcore-dmesg of kexec-tools.
fn kernel_log(format: Format, path: &Path) -> anyhow::Result<String> {
    let dir = tempfile::tempdir()?;
    let text = dir.path().join("log");
    let mut command = match format {
        Format::KdumpCompressed => Command::new("makedumpfile"),
        Format::Elf => Command::new("vmcore-dmesg"),
    };
    match format {
        Format::KdumpCompressed => command.arg("--dump-dmesg").arg(path).arg(&text),
        Format::Elf => command.arg(path),
    };
    let output = process::output_within(&mut command, Duration::from_secs(120))?;
    if !output.status.success() {
        let said = format!("{}{}", output.stdout, output.stderr);
        let said: Vec<_> = said
            .lines()
            .map(str::trim)
            .filter(|line| !line.is_empty())
            .collect();
        bail!(
            "{} cannot read its kernel log: {}",
            command.get_program().to_string_lossy(),
            said.join(" ")
        );
    }
    Ok(match format {
        Format::KdumpCompressed => String::from_utf8_lossy(&std::fs::read(text)?).into_owned(),
        Format::Elf => output.stdout,
    })
}
