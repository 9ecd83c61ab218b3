// SPDX-License-Identifier: GPL-2.0

//! Which program starts the VMs, and the project that it belongs to.

use anyhow::Context;
use std::path::{Path, PathBuf};

/// The runner and the project that it belongs to: as named; else, for a relative name,
/// in the folder of this program or above.
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
            "there is no runner {}: start in the project's folder, or name one with --runner",
            named.display()
        )
    })?;
    Ok((project.join(named), project.into()))
}
