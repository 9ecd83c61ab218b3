// SPDX-License-Identifier: GPL-2.0

//! The program that starts the VMs, and the project directory it belongs to.

use anyhow::Context;
use std::path::{Path, PathBuf};

/// Returns the runner and its project's directory. A relative name that does not exist in the
/// current directory is searched in the directory of this program and those above it.
pub fn find(named: &Path) -> anyhow::Result<(PathBuf, PathBuf)> {
    let here = std::env::current_dir()?;
    if named.exists() {
        return Ok((named.canonicalize()?, here));
    }
    let exe = std::env::current_exe()?;
    let project = exe
        .ancestors()
        .skip(1)
        .find(|dir| named.is_relative() && dir.join(named).exists());
    let project = project.with_context(|| {
        format!(
            "no runner {}: run faultline in the project's directory, or pass --runner PATH",
            named.display()
        )
    })?;
    Ok((project.join(named), project.into()))
}
