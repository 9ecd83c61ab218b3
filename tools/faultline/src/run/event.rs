// SPDX-License-Identifier: GPL-2.0

//! The events of a drill, each with the time of its arrival: those of the guest side (JSON lines on
//! its stdout), lines of the serial console, and the runner's end.

use serde::{Deserialize, Serialize};

/// An event, `at` seconds after the drill began.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Heard {
    pub at: f64,
    #[serde(flatten)]
    pub what: What,
}

/// The event itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum What {
    /// An event of the guest side.
    Guest(Guest),
    /// A line of the serial console, the guest's or its crash kernel's.
    Console(String),
    /// A line of the runner's, or of a program in the guest, on stderr.
    Stderr(String),
    /// The drill sent an NMI, or failed to.
    Nmi(Result<(), String>),
    /// The machine has ended.
    End(End),
}

/// How the machine ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum End {
    /// The runner returned this exit status.
    Status(i32),
    /// The runner was killed by this signal.
    Signal(i32),
    /// The runner did not end in time, and this program killed it.
    TimedOut,
    /// The user interrupted the drill.
    Interrupted,
}

/// Events of the guest side.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Guest {
    /// The guest side runs.
    Up { release: String, cpus: usize },
    /// A sysctl could not be set.
    SysctlFailed {
        key: String,
        value: String,
        error: String,
    },
    /// The crash kernel was loaded; the memory reserved for it.
    CrashKernelLoaded { reserved_bytes: u64, secs: f64 },
    /// The crash kernel could not be loaded.
    CrashKernelFailed { error: String },
    /// The module was inserted; the CPUs that it chose.
    Inserted { cpus: String },
    /// The module was refused; its message.
    Refused { error: String, line: Option<String> },
    /// The module released its CPUs.
    Released(Release),
    /// The guest side cannot go on.
    Failed { error: String },
}

/// The end of a fault that did not panic.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Release {
    /// The module's `state`.
    pub state: String,
    pub held_ms: u64,
    /// The detector's counter before and after, if the kernel has one.
    pub counter: Option<(u64, u64)>,
    /// The detector's reports in the kernel log.
    pub reports: usize,
    /// The module's last message.
    pub line: Option<String>,
}

impl Release {
    /// Returns whether the detector reported.
    pub fn detected(&self) -> bool {
        self.reports > 0 || self.counter.is_some_and(|(before, after)| after > before)
    }
}
