// SPDX-License-Identifier: GPL-2.0

//! Facts that identify this machine and its current boot.

use crate::run::strike::read;
use anyhow::{bail, Context};
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::SystemTime;

/// Returns the id of this boot.
pub fn boot_id() -> anyhow::Result<String> {
    read("/proc/sys/kernel/random/boot_id")
}

pub fn host() -> anyhow::Result<String> {
    read("/proc/sys/kernel/hostname")
}

/// Returns the id of this installation; empty if it has none.
pub fn machine_id() -> String {
    read("/etc/machine-id").unwrap_or_default()
}

pub fn release() -> anyhow::Result<String> {
    read("/proc/sys/kernel/osrelease")
}

/// Returns the seconds since 1970.
pub fn now() -> u64 {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    now.map_or(0, |now| now.as_secs())
}

/// Returns when a file was last written to, in seconds since 1970.
pub fn modified(path: &Path) -> u64 {
    let metadata = fs::metadata(path);
    metadata.map_or(0, |metadata| u64::try_from(metadata.mtime()).unwrap_or(0))
}

/// Returns the seconds since the boot.
pub fn uptime() -> u64 {
    let text = read("/proc/uptime").unwrap_or_default();
    let secs = text.split('.').next().unwrap_or_default();
    secs.parse().unwrap_or(0)
}

/// Returns the root file system, as a kernel's command line names it.
pub fn root_of(command_line: &str) -> Option<&str> {
    let mut words = command_line.split_whitespace();
    words.find_map(|word| word.strip_prefix("root="))
}

/// Returns whether a crash kernel is loaded.
pub fn is_crash_kernel_loaded() -> bool {
    read("/sys/kernel/kexec_crash_loaded").is_ok_and(|text| text == "1")
}

/// Returns whether this is the crash kernel.
pub fn is_crash_kernel() -> bool {
    Path::new("/proc/vmcore").exists()
}

/// Checks that this is the machine itself, and a kernel that a drill may crash.
pub fn check_machine() -> anyhow::Result<()> {
    if !rustix::process::geteuid().is_root() {
        bail!("a drill needs root");
    }
    if is_crash_kernel() {
        bail!("this is the crash kernel (/proc/vmcore exists), which saves a dump");
    }
    for sign in [
        "/run/systemd/container",
        "/run/.containerenv",
        "/.dockerenv",
    ] {
        if Path::new(sign).exists() {
            bail!("this is a container ({sign} exists), and the fault would hit its host");
        }
    }
    let of = |path: &str| {
        let metadata = fs::metadata(path).with_context(|| path.to_string())?;
        anyhow::Ok((metadata.dev(), metadata.ino()))
    };
    if of("/")? != of("/proc/1/root/")? {
        bail!("this is a chroot or a container: run faultline outside of it");
    }
    Ok(())
}
