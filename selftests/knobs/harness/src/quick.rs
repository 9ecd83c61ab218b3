// SPDX-License-Identifier: GPL-2.0

//! What makes loading a module quick, for tests that do little else.

use std::fs;
use std::path::PathBuf;

const EXPEDITED: &str = "/sys/kernel/rcu_expedited";

/// While this lives, nobody waits long for RCU: loading a module does so several times.
pub struct Expedited(());

impl Expedited {
    pub fn begin() -> anyhow::Result<Self> {
        fs::write(EXPEDITED, "1")?;
        Ok(Self(()))
    }
}

impl Drop for Expedited {
    fn drop(&mut self) {
        fs::write(EXPEDITED, "0").expect("it was written before");
    }
}

/// While this lives, there is one CPU: with more of them, loading a module has each
/// interrupt the others some dozens of times.
pub struct OneCpu(Vec<PathBuf>);

impl OneCpu {
    pub fn begin() -> anyhow::Result<Self> {
        let mut this = Self(Vec::new());
        for entry in fs::read_dir("/sys/devices/system/cpu")? {
            let online = entry?.path().join("online");
            let can_stop = online.is_file() && !online.ends_with("cpu0/online");
            // One that cannot be stopped costs time alone.
            if can_stop && fs::write(&online, "0").is_ok() {
                this.0.push(online);
            }
        }
        Ok(this)
    }
}

impl Drop for OneCpu {
    fn drop(&mut self) {
        for online in &self.0 {
            fs::write(online, "1").expect("a CPU that was stopped can be started");
        }
    }
}
