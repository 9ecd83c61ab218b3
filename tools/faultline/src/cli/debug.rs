// SPDX-License-Identifier: GPL-2.0

//! The kernel's debug information, as a command is told of it.

use crate::dump::drgn::Vmlinux;
use anyhow::Context;
use clap::Args;
use std::path::PathBuf;

#[derive(Args)]
pub struct Debug {
    /// The kernel's vmlinux with debug information: ask drgn as well [default: the
    /// one that FAULTLINE_VMLINUX_DEBUG names, if it is this kernel's]
    #[arg(long, value_name = "FILE")]
    vmlinux: Option<PathBuf>,
}

impl Debug {
    /// The file, if there is one. A file that was asked for must be there.
    pub fn vmlinux(self) -> anyhow::Result<Option<Vmlinux>> {
        let is_named = self.vmlinux.is_some();
        let of_environment = || std::env::var_os("FAULTLINE_VMLINUX_DEBUG").map(PathBuf::from);
        let path = self.vmlinux.or_else(of_environment);
        let Some(path) = path.filter(|path| !path.as_os_str().is_empty()) else {
            return Ok(None);
        };
        std::fs::metadata(&path).with_context(|| format!("the vmlinux {}", path.display()))?;
        Ok(Some(Vmlinux { path, is_named }))
    }
}
