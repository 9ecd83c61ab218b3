// SPDX-License-Identifier: GPL-2.0

//! Where programs that take a path, as drgn does, can read a dump: not each is at the path that
//! was given.

use super::source::Bytes;
use anyhow::{bail, Context};
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Where a dump can be read by programs that take a path.
pub enum Place {
    /// At the path that was given.
    Given,
    /// It was packed, or came from a pipe: these are the bytes.
    Inside(Arc<dyn Bytes>),
    /// Nowhere, it is in several files.
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
    /// A path at which another program can read the dump that was given as `path`.
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
