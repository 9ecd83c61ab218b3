// SPDX-License-Identifier: GPL-2.0

//! What drgn reads from a vmcore where the kernel's debug information is at hand: a
//! second witness beside the kernel log.

use crate::klog::{self, Frame};
use crate::mode::Mode;
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
    pub cpu: u32,
    pub thread: Thread,
    pub stack: Vec<Frame>,
    /// The detector's threshold in the dumped kernel.
    pub threshold: Option<u32>,
    /// What drgn says of memory that the dump does not have.
    pub missing: Vec<String>,
}

/// A thread of the dumped kernel.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Thread {
    pub comm: String,
    pub pid: i32,
}

/// Asks drgn about `vmcore`, with the debug information in `vmlinux`.
pub fn ask(mode: &Mode, vmcore: &Path, vmlinux: &Path) -> anyhow::Result<Witness> {
    let python = std::env::var_os("FAULTLINE_DRGN").unwrap_or("python3".into());
    let mut command = Command::new(&python);
    command
        .arg("-c")
        .arg(SCRIPT)
        .arg(vmcore)
        .arg(vmlinux)
        .arg(mode.threshold_word());
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
    let mut witness: Witness =
        serde_json::from_str(&output.stdout).context("drgn's answer cannot be read")?;
    for frame in &mut witness.stack {
        frame.function = klog::demangled(&frame.function);
    }
    Ok(witness)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_answer_of_the_script() {
        let witness: Witness =
            serde_json::from_str(include_str!("../tests/data/drgn.json")).unwrap();
        assert_eq!(
            witness.panic_message,
            "Kernel panic - not syncing: softlockup: hung tasks"
        );
        assert_eq!(
            (witness.cpu, witness.thread.comm.as_str(), witness.threshold),
            (1, "lockup/1", Some(2))
        );
    }
}
