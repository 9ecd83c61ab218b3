// SPDX-License-Identifier: GPL-2.0

//! Where the kernel shows the module: its parameters, its ledger, its events. What is
//! missing is said with the way to it.

use crate::files::text::read;
use crate::tracing::mount::mount;
use anyhow::{bail, ensure};
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// The module's name.
pub const MODULE: &str = "route_probe";

/// The places of the loaded module.
pub struct Kernel {
    module: PathBuf,
    /// Which load of it this is.
    pub load: u64,
    debugfs: PathBuf,
}

impl Kernel {
    /// Finds the module, and what of it only root may see.
    pub fn find() -> anyhow::Result<Self> {
        let module = Path::new("/sys/module").join(MODULE);
        let Ok(found) = fs::metadata(&module) else {
            bail!(
                "the module {MODULE} is not loaded: insmod {MODULE}.ko, which 'make' builds in \
                 build/<release>/"
            );
        };
        ensure!(
            rustix::process::geteuid().is_root(),
            "only root may set the filters of {MODULE}, trace, and read its ledger: run this as \
             root, for instance with sudo"
        );
        let debugfs = mount("debugfs", "/sys/kernel/debug")?.join(MODULE);
        ensure!(
            debugfs.is_dir(),
            "{} is not there: the module is loaded, but not by a kernel with CONFIG_DEBUG_FS",
            debugfs.display()
        );
        Ok(Kernel {
            load: found.ino(),
            module,
            debugfs,
        })
    }

    /// Whether the module is still the one that was found.
    pub fn is_there(&self) -> bool {
        fs::metadata(&self.module).is_ok_and(|found| found.ino() == self.load)
    }

    pub fn parameters(&self) -> PathBuf {
        self.module.join("parameters")
    }

    /// The text of the ledger.
    pub fn ledger(&self) -> anyhow::Result<String> {
        read(&self.debugfs.join("ledger"))
    }

    /// The functions that should be probed and are not: their lines in `targets`.
    pub fn not_attached(&self) -> anyhow::Result<Vec<String>> {
        let targets = read(&self.debugfs.join("targets"))?;
        Ok(not_attached(&targets))
    }
}

/// Where tracefs is, with the module's events in it.
pub fn tracefs() -> anyhow::Result<PathBuf> {
    let tracefs = mount("tracefs", "/sys/kernel/tracing")?;
    let events = tracefs.join("events").join(MODULE);
    ensure!(
        events.is_dir(),
        "{} is not there: the kernel did not take the module's events, dmesg may say why",
        events.display()
    );
    Ok(tracefs)
}

fn not_attached(targets: &str) -> Vec<String> {
    let is_missing = |line: &&str| {
        line.contains(" not attached: ") && !line.ends_with(" not attached: not in events")
    };
    targets
        .lines()
        .filter(is_missing)
        .map(String::from)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_attached_and_was_not_asked_for() {
        let targets = "arp_process arp_process attached, maxactive=10\n\
            route_output ip_route_output_key_hash_rcu not attached: inlined: only .part.0 is there\n\
            fib_lookup fib_table_lookup not attached: not in events\n";
        assert_eq!(
            not_attached(targets),
            ["route_output ip_route_output_key_hash_rcu not attached: inlined: only .part.0 is there"]
        );
    }
}
