// SPDX-License-Identifier: GPL-2.0

//! The evidence that drgn reads from a vmcore with the kernel's debug information, besides the
//! kernel log.

use crate::fault::case::Case;
use crate::klog::stack::{self, Stack};
use crate::process;
use anyhow::{bail, Context};
use object::{Object, ReadCache};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

const SCRIPT: &str = include_str!("witness.py");
/// Keeps Python from importing modules from the current directory.
const ISOLATED: &[&str] = &["-I"];
const LIMIT: Duration = Duration::from_secs(120);

/// The output of the script.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Witness {
    pub release: Option<String>,
    pub panic_message: Option<String>,
    /// The thread on the CPU that panicked.
    pub crashed: Option<Stack>,
    /// All threads with a function of the module on their stack.
    pub threads: Vec<Stack>,
    /// The threads whose stacks cannot be read, and why.
    #[serde(default)]
    pub unread: Vec<String>,
    /// The detector's threshold in the dumped kernel.
    pub threshold: Option<u32>,
    /// drgn's messages on memory that is missing from the dump.
    pub missing: Vec<String>,
    /// The fields above that have no value, and why.
    #[serde(default)]
    pub failed: BTreeMap<String, String>,
}

/// The kernel's debug information.
#[derive(Debug, Clone)]
pub struct Vmlinux {
    pub path: PathBuf,
    /// Whether the user named it for this dump. The environment's may be another kernel's.
    pub is_named: bool,
}

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Silence {
    pub reason: String,
    /// drgn was not asked.
    pub is_excused: bool,
}

/// Asks drgn about `vmcore`, whose kernel has that build id, with the debug information in
/// `vmlinux`.
pub fn ask(
    case: Case,
    vmcore: &Path,
    vmlinux: &Vmlinux,
    build_id: Option<&str>,
) -> Result<Witness, Silence> {
    let silence = |is_excused: bool| {
        move |error: anyhow::Error| Silence {
            reason: format!("{error:#}"),
            is_excused,
        }
    };
    check_build_id(&vmlinux.path, build_id).map_err(silence(!vmlinux.is_named))?;
    question(case, vmcore, &vmlinux.path).map_err(silence(false))
}

fn question(case: Case, vmcore: &Path, vmlinux: &Path) -> anyhow::Result<Witness> {
    let python = std::env::var_os("FAULTLINE_DRGN").unwrap_or("python3".into());
    let mut command = Command::new(&python);
    command
        .args(ISOLATED)
        .arg("-c")
        .arg(SCRIPT)
        .arg(vmcore)
        .arg(vmlinux)
        .arg(case.detector.threshold_word().unwrap_or_default())
        .arg(case.mode.module);
    let output = process::output_within(&mut command, LIMIT)?;
    if !output.status.success() {
        let said = output.stderr.trim().lines().next_back();
        match (said, output.status.code()) {
            (Some(said), Some(_)) => bail!("drgn failed: {said}"),
            (_, None) => bail!("drgn was killed: {}", output.status),
            (None, _) => bail!("drgn failed: {}", output.status),
        }
    }
    Witness::read(&output.stdout).context("cannot parse drgn's answer")
}

/// Refuses the debug information of another kernel.
fn check_build_id(vmlinux: &Path, wanted: Option<&str>) -> anyhow::Result<()> {
    let file = std::fs::File::open(vmlinux).with_context(|| vmlinux.display().to_string())?;
    let cache = ReadCache::new(file);
    let elf = object::File::parse(&cache);
    let elf = elf.with_context(|| format!("{} is not an ELF file", vmlinux.display()))?;
    let found = elf.build_id().ok().flatten().map(hexadecimal);
    match (found, wanted) {
        (Some(found), Some(wanted)) if !found.eq_ignore_ascii_case(wanted) => bail!(
            "{} is of another kernel: its build id is {found}, the dump's is {wanted}",
            vmlinux.display()
        ),
        _ => Ok(()),
    }
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

impl Witness {
    /// Parses the output of the script.
    pub fn read(answer: &str) -> serde_json::Result<Self> {
        let mut witness: Witness = serde_json::from_str(answer)?;
        let stacks = witness.threads.iter_mut().chain(&mut witness.crashed);
        for frame in stacks.flat_map(|stack| &mut stack.frames) {
            frame.function = stack::demangled(&frame.function);
        }
        Ok(witness)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_answer_of_the_script() {
        let witness = Witness::read(include_str!("../../tests/data/drgn.json")).unwrap();
        assert_eq!(
            witness.panic_message.as_deref(),
            Some("Kernel panic - not syncing: softlockup: hung tasks")
        );
        let crashed = witness.crashed.unwrap();
        assert_eq!(
            (crashed.cpu, crashed.thread.as_str(), witness.threshold),
            (Some(1), "lockup/1", Some(2))
        );
        assert!(witness.failed.is_empty() && witness.unread.is_empty());
    }

    #[test]
    fn debug_information_of_another_kernel_is_named() {
        let own = std::env::current_exe().unwrap();
        let error = check_build_id(&own, Some("0123")).unwrap_err().to_string();
        assert!(
            error.contains("is of another kernel: its build id is "),
            "{error}"
        );
        assert!(error.ends_with("the dump's is 0123"), "{error}");
        check_build_id(&own, None).unwrap();
        let no_elf = Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml");
        let error = check_build_id(&no_elf, None).unwrap_err().to_string();
        assert!(error.ends_with("Cargo.toml is not an ELF file"), "{error}");
    }

    /// Modules of python that lie in the current directory are not drgn's.
    #[test]
    fn a_drgn_of_the_current_directory_is_not_taken() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("drgn.py"), "open('taken', 'w')\n").unwrap();
        let run = |isolated: &[&str]| {
            let mut python = Command::new("python3");
            let import = "try:\n import drgn\nexcept ImportError: pass";
            python.args(isolated).args(["-c", import]);
            python.current_dir(dir.path()).status()
        };
        // Without python there is nothing to show.
        if run(ISOLATED).is_err() {
            return;
        }
        assert!(!dir.path().join("taken").exists());
        run(&[]).unwrap();
        assert!(dir.path().join("taken").exists());
    }
}
