// SPDX-License-Identifier: GPL-2.0

//! An examined dump: its state, its kernel log, and drgn's answers. The files of this directory
//! read it; [`vmcore`] has their order.

mod bitmap;
mod codec;
mod descriptor;
mod diskdump;
pub mod drgn;
pub mod elf;
mod fault;
pub mod flattened;
#[cfg(feature = "fuzzing")]
pub mod fuzzing;
mod memory;
mod pages;
mod parts;
mod pieces;
mod place;
mod printk;
mod source;
mod state;
#[cfg(any(test, feature = "fuzzing"))]
mod testing;
mod unpack;
mod vmcore;
mod vmcoreinfo;
pub mod words;

pub use fault::{Fault, Watch};
pub use place::Place;
pub use state::{Facts, Format, State};

use crate::fault::case::Case;
use crate::klog::saved;
use crate::klog::story::Story;
use drgn::{Silence, Vmlinux, Witness};
use std::path::{Path, PathBuf};
use vmcore::Input;

/// Limit on the size of a kernel log, whose buffer is usually 256 KiB, and 2 GiB at the most.
const LONGEST_LOG: u64 = 256 << 20;

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
    pub witness: Option<Result<Witness, Silence>>,
    /// The place where drgn can read it.
    pub place: Place,
}

impl Dump {
    /// Returns a dump with nothing but its state.
    pub fn only(state: State) -> Self {
        Dump {
            state,
            bytes: 0,
            facts: None,
            story: None,
            log: None,
            witness: None,
            place: Place::Given,
        }
    }

    /// Returns a kernel log in the place of a dump, if it is one.
    pub fn of_log(text: &[u8]) -> Option<Self> {
        saved::claims(text).then(|| Dump {
            log: Some(saved::in_order(&String::from_utf8_lossy(text))),
            ..Dump::only(State::LogAlone)
        })
    }

    /// Examines the whole dump in `paths`, one file or the parts of a split dump, and its kernel
    /// log.
    pub fn examine(paths: &[PathBuf], watch: &Watch<'_>) -> anyhow::Result<Self> {
        Self::of(vmcore::read(paths, watch)?)
    }

    /// Converts the result of the reading.
    fn of(input: Input) -> anyhow::Result<Self> {
        Ok(match input {
            Input::Dump(vmcore) => Dump {
                bytes: vmcore.bytes,
                facts: vmcore.facts,
                log: vmcore.log.ok(),
                place: vmcore.place,
                ..Dump::only(vmcore.state)
            },
            Input::Other(other) => match Self::of_log(&other.contents(LONGEST_LOG)?) {
                Some(log) => log,
                None => Dump {
                    bytes: other.size(),
                    ..Dump::only(State::Unreadable(other.damage.clone().unwrap_or_else(
                        || {
                            "is not a vmcore: begins with neither \"KDUMP\" nor an ELF header"
                                .into()
                        },
                    )))
                },
            },
        })
    }

    /// Finds the facts on `case` in the examined dump at `path`: in its log, and with drgn if
    /// `vmlinux` is given.
    pub fn question(&mut self, case: Case, path: &Path, vmlinux: Option<&Vmlinux>) {
        self.story = self.log.as_deref().map(|log| Story::read(case, log));
        if let (State::Complete { .. }, Some(vmlinux)) = (&self.state, vmlinux) {
            let info = self.facts.as_ref().map(|facts| &facts.vmcoreinfo);
            let build_id = info.and_then(|info| info.get("BUILD-ID"));
            let answer = match self.place.lend(path) {
                Ok(lent) => drgn::ask(case, &lent.path, vmlinux, build_id.map(String::as_str)),
                Err(error) => Err(Silence {
                    reason: format!("drgn cannot read it: {error:#}"),
                    is_excused: !vmlinux.is_named,
                }),
            };
            self.witness = Some(answer);
        }
    }
}

#[cfg(test)]
pub mod tests {
    use super::source::{Bytes, Plain};
    use super::Watch;
    use std::fs::File;
    use std::io::Write;
    use std::sync::atomic::AtomicBool;
    use std::sync::Arc;

    /// A watch that never ends a reading.
    pub fn unwatched() -> Watch<'static> {
        static GO_ON: AtomicBool = AtomicBool::new(false);
        Watch::new(&GO_ON, &|_, _, _| {})
    }

    /// A file of these bytes.
    pub fn file(bytes: &[u8]) -> File {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(bytes).unwrap();
        file
    }

    /// Bytes that can be read at any place.
    pub fn bytes(data: &[u8]) -> Arc<dyn Bytes> {
        Arc::new(Plain::new(file(data)).unwrap())
    }
}
