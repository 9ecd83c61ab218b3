// SPDX-License-Identifier: GPL-2.0

//! The faults that a drill can provoke. A mode is one row of [`MODES`]: everything
//! else in this program reads the row and knows no mode by name.

use crate::window::{self, Window};

/// A kind of fault, how it is armed, and what it looks like when it is detected.
#[derive(Debug)]
pub struct Mode {
    /// Its word, as the module's `mode=` has it.
    pub name: &'static str,
    /// What people call it.
    pub title: &'static str,
    /// The module that provokes it, named as in a stack trace.
    pub module: &'static str,
    /// The thread that suffers it; `{cpu}` stands for its CPU.
    pub thread: &'static str,
    /// What that thread does.
    pub doing: &'static str,
    /// A word that the name of the function doing it has.
    pub function: &'static str,
    /// What should detect it.
    pub detector: &'static str,
    /// The sysctl with the detector's threshold in seconds.
    pub threshold: &'static str,
    /// Further sysctls, and what makes the detector panic.
    pub sysctls: &'static [(&'static str, &'static str)],
    /// A file with the number of detections since boot, if the kernel has it.
    pub counter: &'static str,
    /// The detector's line in the kernel log: `{cpu}` and `{task}` (`comm:pid`).
    pub detection: &'static str,
    /// The message of the panic that follows.
    pub panic: &'static str,
    /// The detector's window for a threshold.
    pub window: fn(u32) -> Window,
}

/// Every mode.
pub const MODES: &[Mode] = &[Mode {
    name: "soft",
    title: "soft lockup",
    module: "lockup",
    thread: "lockup/{cpu}",
    doing: "spins with preemption off",
    function: "spin",
    detector: "soft-lockup watchdog",
    threshold: "kernel.watchdog_thresh",
    sysctls: &[
        ("kernel.watchdog", "1"),
        ("kernel.soft_watchdog", "1"),
        ("kernel.softlockup_panic", "1"),
    ],
    counter: "/sys/kernel/softlockup_count",
    detection: "BUG: soft lockup - CPU#{cpu} stuck for {secs}s! [{task}]",
    panic: "softlockup: hung tasks",
    window: window::soft_lockup,
}];

/// The mode of that name.
pub fn find(name: &str) -> Option<&'static Mode> {
    MODES.iter().find(|mode| mode.name == name)
}

impl Mode {
    /// The threshold's bare name, as in `watchdog_thresh=2`.
    pub fn threshold_word(&self) -> &'static str {
        self.threshold.rsplit('.').next().unwrap_or(self.threshold)
    }
}

impl std::str::FromStr for &'static Mode {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let names: Vec<_> = MODES.iter().map(|mode| mode.name).collect();
        find(name).ok_or_else(|| format!("the modes are: {}", names.join(", ")))
    }
}
