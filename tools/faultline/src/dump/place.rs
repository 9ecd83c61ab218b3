// SPDX-License-Identifier: GPL-2.0

//! The path at which another program, such as drgn, can read a dump: not every dump can be read at
//! the given path.

use super::source::Bytes;
use anyhow::{bail, Context};
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The place at which another program can read a dump.
pub enum Place {
    /// The given path.
    Given,
    /// The bytes of a dump that was compressed or came from a pipe.
    Inside(Arc<dyn Bytes>),
    /// None: the dump is in several files.
    Nowhere,
}

impl std::fmt::Debug for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Place::Given => "Given",
            Place::Inside(_) => "Inside",
            Place::Nowhere => "Nowhere",
        })
    }
}

/// A path for another program, valid as long as this lives.
pub struct Lent {
    pub path: PathBuf,
    _file: Option<std::fs::File>,
}

impl Place {
    /// Returns a path at which another program can read the dump given as `path`.
    pub fn lend(&self, path: &Path) -> anyhow::Result<Lent> {
        match self {
            Place::Given => Ok(Lent {
                path: path.into(),
                _file: None,
            }),
            Place::Inside(bytes) => {
                let file = bytes.file().context("no temporary copy of the dump")?;
                // An unlinked file has no other name.
                let name = format!("/proc/{}/fd/{}", std::process::id(), file.as_raw_fd());
                Ok(Lent {
                    path: name.into(),
                    _file: Some(file),
                })
            }
            Place::Nowhere => {
                bail!("a split dump is in several files: join them with makedumpfile --reassemble")
            }
        }
    }
}
