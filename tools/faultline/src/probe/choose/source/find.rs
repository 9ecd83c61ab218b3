// SPDX-License-Identifier: GPL-2.0

//! Where the debug symbols of the running kernel are: where distributions put them, where debuginfod does,
//! or where the user says.

use super::super::system::System;
use anyhow::{bail, Context};
use std::fmt::Write;
use std::path::{Path, PathBuf};

/// Names the file, as for the drills.
const VARIABLE: &str = "FAULTLINE_VMLINUX_DEBUG";
/// What the kernel's build id is in.
const NOTE_BUILD_ID: u32 = 3;

/// The file that the user has named.
pub fn named() -> Option<PathBuf> {
    let named = std::env::var_os(VARIABLE).map(PathBuf::from);
    named.filter(|path| !path.as_os_str().is_empty())
}

/// The places to look at, the first that has the kernel's symbols is right.
pub fn places(system: &System) -> anyhow::Result<Vec<PathBuf>> {
    let release = system.switch("proc/sys/kernel/osrelease");
    let release = release.context("/proc/sys/kernel/osrelease: cannot be read")?;
    let mut places: Vec<_> = [
        format!("usr/lib/debug/boot/vmlinux-{release}"),
        format!("usr/lib/debug/lib/modules/{release}/vmlinux"),
        format!("usr/lib/debug/usr/lib/modules/{release}/vmlinux"),
        format!("boot/vmlinux-{release}"),
        format!("lib/modules/{release}/build/vmlinux"),
        format!("lib/modules/{release}/vmlinux"),
    ]
    .into_iter()
    .map(|path| system.path(&path))
    .collect();
    if let Some(id) = build_id(system) {
        let (first, rest) = id.split_at(2);
        places.push(system.path(&format!("usr/lib/debug/.build-id/{first}/{rest}.debug")));
        let cache = std::env::var_os("DEBUGINFOD_CACHE_PATH").map(PathBuf::from);
        let home =
            || Some(PathBuf::from(std::env::var_os("HOME")?).join(".cache/debuginfod_client"));
        places.extend(
            cache
                .or_else(home)
                .map(|cache| cache.join(id).join("debuginfo")),
        );
    }
    Ok(places)
}

/// The build id of the running kernel, in hexadecimal.
pub fn build_id(system: &System) -> Option<String> {
    let notes = std::fs::read(system.path("sys/kernel/notes")).ok()?;
    let mut rest = &notes[..];
    while rest.len() >= 12 {
        let (header, body) = rest.split_at(12);
        let word =
            |at: usize| u32::from_ne_bytes(header[at..at + 4].try_into().unwrap_or_default());
        let padded = |length: u32| (length as usize).checked_add(3).map(|length| length & !3);
        let (name, desc) = (padded(word(0))?, padded(word(4))?);
        let id = body.get(name..)?.get(..word(4) as usize)?;
        if word(8) == NOTE_BUILD_ID && body.starts_with(b"GNU\0") && id.len() > 2 {
            return Some(hexadecimal(id));
        }
        rest = body.get(name.checked_add(desc)?..)?;
    }
    None
}

pub fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Refuses symbols of another kernel.
pub fn check(path: &Path, found: Option<&[u8]>, running: Option<&str>) -> anyhow::Result<()> {
    match (found.map(hexadecimal), running) {
        (Some(found), Some(running)) if found == running => Ok(()),
        (Some(found), Some(running)) => bail!(
            "{} is of another kernel: its build id is {found}, that of the running one {running}",
            path.display()
        ),
        _ => bail!(
            "{}: that it is of the running kernel cannot be told, there is no build id",
            path.display()
        ),
    }
}

/// What is said where there are none.
pub fn missing() -> String {
    format!(
        "no debug symbols of this kernel, which alone know source files: Debian has them in \
         linux-image-<release>-dbg, Fedora in kernel-debuginfo; or name a vmlinux in {VARIABLE}"
    )
}
