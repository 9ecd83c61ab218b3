// SPDX-License-Identifier: GPL-2.0

//! The text of a file, with invalid bytes replaced.

use anyhow::Context;
use std::fs;
use std::path::Path;

/// Reads the text of a file.
pub fn read(path: &Path) -> anyhow::Result<String> {
    let bytes = fs::read(path).with_context(|| path.display().to_string())?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}
