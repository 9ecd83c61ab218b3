// SPDX-License-Identifier: GPL-2.0

//! Facts from /proc on this program and others.

use anyhow::ensure;
use std::path::Path;

/// The inode of the first pid namespace (`PROC_PID_INIT_INO`).
const FIRST_PID_NAMESPACE: &str = "pid:[4026531836]";

/// Checks that this program is in the kernel's first pid namespace.
///
/// # Errors
///
/// Fails in a container.
pub fn in_first_pid_namespace() -> anyhow::Result<()> {
    is_first(Path::new("/proc/self/ns/pid"))
}

fn is_first(namespace: &Path) -> anyhow::Result<()> {
    // A kernel without namespaces has only one.
    let found = std::fs::read_link(namespace);
    ensure!(
        found.map_or(true, |found| found == Path::new(FIRST_PID_NAMESPACE)),
        "this runs in a pid namespace of its own, where tasks have other numbers than the kernel \
         tells: run it on the host"
    );
    Ok(())
}

/// Returns the name of a thread, if it still runs. The kernel records names for its events only
/// when the thread is scheduled out: a reader may be earlier.
pub fn name_of(pid: i32) -> Option<String> {
    let name = std::fs::read(format!("/proc/{pid}/comm")).ok()?;
    let name = String::from_utf8_lossy(&name);
    Some(name.strip_suffix('\n').unwrap_or(&name).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn namespaces() {
        let folder = tempfile::tempdir().unwrap();
        let link = |name: &str, to: &str| {
            let path = folder.path().join(name);
            std::os::unix::fs::symlink(to, &path).unwrap();
            path
        };
        assert!(is_first(&link("first", FIRST_PID_NAMESPACE)).is_ok());
        assert!(is_first(&folder.path().join("none")).is_ok());
        let error = is_first(&link("other", "pid:[4026532205]")).unwrap_err();
        assert!(error.to_string().contains("on the host"));
    }

    #[test]
    fn names() {
        let own = i32::try_from(std::process::id()).unwrap();
        assert!(name_of(own).is_some_and(|name| name.starts_with("faultline")));
        assert_eq!(name_of(-1), None);
    }
}
