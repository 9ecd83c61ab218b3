// SPDX-License-Identifier: GPL-2.0

//! What drgn reads from a vmcore where the kernel's debug information is at hand: a
//! second witness beside the kernel log.

use crate::klog::{self, Stack};
use crate::mode::Case;
use crate::process;
use anyhow::{bail, Context};
use serde::{Deserialize, Serialize};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

const SCRIPT: &str = include_str!("witness.py");
const LIMIT: Duration = Duration::from_secs(120);

/// What the script prints.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Witness {
    pub release: String,
    pub panic_message: String,
    /// What ran on the CPU that panicked.
    pub crashed: Stack,
    /// All threads that are in a function of our module.
    pub threads: Vec<Stack>,
    /// The detector's threshold in the dumped kernel.
    pub threshold: Option<u32>,
    /// What drgn says of memory that the dump does not have.
    pub missing: Vec<String>,
}

/// Asks drgn about `vmcore`, with the debug information in `vmlinux`.
pub fn ask(case: Case, vmcore: &Path, vmlinux: &Path) -> anyhow::Result<Witness> {
    let python = std::env::var_os("FAULTLINE_DRGN").unwrap_or("python3".into());
    let mut command = Command::new(&python);
    command
        .arg("-c")
        .arg(SCRIPT)
        .arg(vmcore)
        .arg(vmlinux)
        .arg(case.detector.threshold_word().unwrap_or_default())
        .arg(case.mode.module);
    let output = process::output_within(&mut command, LIMIT)?;
    if !output.status.success() {
        bail!(
            "{}",
            output
                .stderr
                .lines()
                .next_back()
                .unwrap_or("no reason given")
        );
    }
    Witness::read(&output.stdout).context("drgn's answer cannot be read")
}

impl Witness {
    /// Reads what the script printed.
    pub fn read(answer: &str) -> serde_json::Result<Self> {
        let mut witness: Witness = serde_json::from_str(answer)?;
        let stacks = witness.threads.iter_mut().chain([&mut witness.crashed]);
        for frame in stacks.flat_map(|stack| &mut stack.frames) {
            frame.function = klog::demangled(&frame.function);
        }
        Ok(witness)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_answer_of_the_script() {
        let witness = Witness::read(include_str!("../tests/data/drgn.json")).unwrap();
        assert_eq!(
            witness.panic_message,
            "Kernel panic - not syncing: softlockup: hung tasks"
        );
        assert_eq!(
            (
                witness.crashed.cpu,
                witness.crashed.thread.as_str(),
                witness.threshold
            ),
            (Some(1), "lockup/1", Some(2))
        );
    }
}
