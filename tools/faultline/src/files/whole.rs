// SPDX-License-Identifier: GPL-2.0

//! Files that are written as a whole: whoever reads one sees the old text or the new one.

use anyhow::Context;
use std::fs::Permissions;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

/// Writes a file that all may read: under another name in the same directory, then renamed. A link
/// in its place is replaced, not followed.
pub fn write(path: &Path, text: &str) -> anyhow::Result<()> {
    let shown = || format!("{} cannot be written", path.display());
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let mut file = tempfile::NamedTempFile::new_in(folder).with_context(shown)?;
    file.write_all(text.as_bytes()).with_context(shown)?;
    file.as_file()
        .set_permissions(Permissions::from_mode(0o644))
        .with_context(shown)?;
    file.as_file().sync_all().with_context(shown)?;
    file.persist(path).with_context(shown)?;
    Ok(())
}
