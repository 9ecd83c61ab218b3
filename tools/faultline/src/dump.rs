// SPDX-License-Identifier: GPL-2.0

//! A dump file, examined: is it one, is all of it there, what does its kernel log
//! tell, and what does drgn say.

use crate::diskdump::{Completeness, Header};
use crate::drgn::{self, Witness};
use crate::klog::Story;
use crate::mode::Mode;
use crate::process;
use anyhow::{bail, Context};
use std::collections::BTreeMap;
use std::fs::File;
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

/// An examined dump.
#[derive(Debug)]
pub struct Dump {
    pub state: State,
    pub bytes: u64,
    pub header: Option<Header>,
    pub vmcoreinfo: BTreeMap<String, String>,
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
            header: None,
            vmcoreinfo: BTreeMap::new(),
            story: None,
            log: None,
            witness: None,
        }
    }

    /// Examines the dump at `path`; with drgn too if `vmlinux` is given.
    pub fn examine(mode: &Mode, path: &Path, vmlinux: Option<&Path>) -> anyhow::Result<Self> {
        let file = File::open(path).with_context(|| path.display().to_string())?;
        let bytes = file.metadata()?.len();
        let header = match Header::read(&file) {
            Ok(header) => header,
            Err(error) => {
                return Ok(Dump {
                    bytes,
                    ..Dump::only(State::Unreadable(error.to_string()))
                })
            }
        };
        let state = match header.completeness(&file)? {
            Completeness::Complete { pages } => State::Complete { pages },
            Completeness::Incomplete { missing } => State::Incomplete(missing),
        };
        let vmcoreinfo = header.vmcoreinfo(&file);
        let mut dump = Dump {
            bytes,
            header: Some(header),
            vmcoreinfo,
            ..Dump::only(state)
        };
        match kernel_log(path) {
            Ok(log) => {
                dump.story = Some(Story::read(mode, &log));
                dump.log = Some(log);
            }
            // What is incomplete need not be readable.
            Err(_) if matches!(dump.state, State::Incomplete(_)) => {}
            Err(error) => match error.downcast_ref::<std::io::Error>() {
                Some(_) => dump.state = State::NoTool(format!("{error:#}")),
                None => dump.state = State::Unreadable(format!("{error:#}")),
            },
        }
        if let (State::Complete { .. }, Some(vmlinux)) = (&dump.state, vmlinux) {
            dump.witness =
                Some(drgn::ask(mode, path, vmlinux).map_err(|error| format!("{error:#}")));
        }
        Ok(dump)
    }
}

/// The kernel log of a dump, by makedumpfile.
fn kernel_log(path: &Path) -> anyhow::Result<String> {
    let dir = tempfile::tempdir()?;
    let text = dir.path().join("log");
    let mut command = Command::new("makedumpfile");
    command.arg("--dump-dmesg").arg(path).arg(&text);
    let output = process::output_within(&mut command, Duration::from_secs(120))?;
    if !output.status.success() {
        let said = format!("{}{}", output.stdout, output.stderr);
        let said: Vec<_> = said
            .lines()
            .map(str::trim)
            .filter(|line| !line.is_empty())
            .collect();
        bail!(
            "makedumpfile cannot read its kernel log: {}",
            said.join(" ")
        );
    }
    Ok(String::from_utf8_lossy(&std::fs::read(text)?).into_owned())
}
