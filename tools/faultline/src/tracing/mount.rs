// SPDX-License-Identifier: GPL-2.0

//! Where the kernel's file systems are.

use crate::files::text::read;
use anyhow::Context;
use std::path::{Path, PathBuf};

/// Where a file system of that kind is mounted: at its usual place if it is there.
///
/// # Errors
///
/// With the command that mounts it, if it is not.
pub fn mount(kind: &str, usual: &str) -> anyhow::Result<PathBuf> {
    let mounts = read(Path::new("/proc/self/mounts"))?;
    mounted(&mounts, kind, usual)
        .with_context(|| format!("{kind} is not mounted: mount -t {kind} {kind} {usual}"))
}

fn mounted(mounts: &str, kind: &str, usual: &str) -> Option<PathBuf> {
    let mut places = mounts.lines().filter_map(|line| {
        let mut words = line.split(' ').skip(1);
        let place = words.next()?;
        (words.next()? == kind).then_some(place)
    });
    let first = places.next()?;
    let is_usual = first == usual || places.any(|place| place == usual);
    Some(PathBuf::from(if is_usual { usual } else { first }))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOUNTS: &str = "sysfs /sys sysfs rw,nosuid 0 0\n\
        tracefs /sys/kernel/debug/tracing tracefs rw 0 0\n\
        none /sys/kernel/tracing tracefs rw 0 0\n\
        debugfs /debug debugfs rw 0 0\n";

    #[test]
    fn mounts() {
        let at = |kind, usual| mounted(MOUNTS, kind, usual);
        assert_eq!(
            at("tracefs", "/sys/kernel/tracing"),
            Some("/sys/kernel/tracing".into())
        );
        assert_eq!(
            at("tracefs", "/elsewhere"),
            Some("/sys/kernel/debug/tracing".into())
        );
        assert_eq!(at("debugfs", "/sys/kernel/debug"), Some("/debug".into()));
        assert_eq!(at("bpf", "/sys/fs/bpf"), None);
        assert_eq!(mounted("broken\n\n", "broken", "/x"), None);
    }
}
