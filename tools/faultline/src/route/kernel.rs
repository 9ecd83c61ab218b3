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

    /// The functions and whether they are probed: a line each.
    pub fn targets(&self) -> anyhow::Result<Targets> {
        Ok(Targets::new(&read(&self.debugfs.join("targets"))?))
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

/// The functions of the module, and whether they are probed.
pub struct Targets(String);

impl Targets {
    /// As the module says them.
    pub fn new(text: &str) -> Self {
        Targets(text.into())
    }

    /// Those that should be probed and are not: their lines.
    pub fn not_attached(&self) -> Vec<String> {
        let is_missing = |line: &&str| {
            line.contains(" not attached: ") && !line.ends_with(" not attached: not in events")
        };
        let missing = self.0.lines().filter(is_missing);
        missing.map(String::from).collect()
    }

    /// Returns whether the function of an event is probed.
    pub fn has(&self, event: &str) -> bool {
        let mut lines = self.0.lines().map(|line| line.split([' ', ',']));
        lines.any(|mut words| words.next() == Some(event) && words.nth(1) == Some("attached"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_attached_and_was_not_asked_for() {
        let targets = "arp_process arp_process attached, maxactive=10\n\
            route_output ip_route_output_key_hash_rcu not attached: inlined: only .part.0 is there\n\
            fib_lookup fib_table_lookup not attached: not in events\n";
        let targets = Targets::new(targets);
        assert_eq!(
            targets.not_attached(),
            ["route_output ip_route_output_key_hash_rcu not attached: inlined: only .part.0 is there"]
        );
        assert!(targets.has("arp_process"));
        assert!(!targets.has("route_output") && !targets.has("fib_lookup") && !targets.has("arp"));
    }
}
