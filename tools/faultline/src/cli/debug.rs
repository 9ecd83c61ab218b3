// SPDX-License-Identifier: GPL-2.0

//! The option that names the kernel's debug information.

use crate::dump::drgn::Vmlinux;
use anyhow::Context;
use clap::{Args, ValueHint};
use std::path::PathBuf;

#[derive(Args)]
pub struct Debug {
    /// The kernel's vmlinux with debug information, for drgn [default: that of
    /// FAULTLINE_VMLINUX_DEBUG, if it is of this kernel]
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    vmlinux: Option<PathBuf>,
}

impl Debug {
    /// Returns the file, if one is named. Fails if that file does not exist.
    pub fn vmlinux(self) -> anyhow::Result<Option<Vmlinux>> {
        let is_named = self.vmlinux.is_some();
        let of_environment = || std::env::var_os("FAULTLINE_VMLINUX_DEBUG").map(PathBuf::from);
        let path = self.vmlinux.or_else(of_environment);
        let Some(path) = path.filter(|path| !path.as_os_str().is_empty()) else {
            return Ok(None);
        };
        std::fs::metadata(&path).with_context(|| format!("vmlinux {}", path.display()))?;
        Ok(Some(Vmlinux { path, is_named }))
    }
}
