// SPDX-License-Identifier: GPL-2.0

//! What a drill hears, each with the time of its arrival: events of the guest side
//! (JSON lines on its stdout), lines of the serial console, and the runner's end.

use serde::{Deserialize, Serialize};

/// Something heard, `at` seconds after the drill began.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Heard {
    pub at: f64,
    #[serde(flatten)]
    pub what: What,
}

/// What was heard.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum What {
    /// The guest side speaks.
    Guest(Guest),
    /// A line of the serial console, the guest's or its crash kernel's.
    Console(String),
    /// A line that the runner, or a program in the guest, wrote to stderr.
    Stderr(String),
    /// The drill sent an NMI, or could not.
    Nmi(Result<(), String>),
    /// The machine is gone.
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
    /// It did not end in time and was killed by this program.
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
    /// The crash kernel was loaded, with so much memory reserved for it.
    CrashKernelLoaded { reserved_bytes: u64, secs: f64 },
    /// The crash kernel could not be loaded.
    CrashKernelFailed { error: String },
    /// The module is in, and this is what it resolved `cpus` to.
    Inserted { cpus: String },
    /// The module was refused, and said this.
    Refused { error: String, line: Option<String> },
    /// The module released its CPUs.
    Released(Release),
    /// The guest side cannot go on.
    Failed { error: String },
}

/// How a fault that did not end in a panic ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Release {
    /// The module's `state`.
    pub state: String,
    pub held_ms: u64,
    /// The detector's counter before and after, where the kernel has one.
    pub counter: Option<(u64, u64)>,
    /// Reports of the detector in the kernel log.
    pub reports: usize,
    /// The module's last line.
    pub line: Option<String>,
}

impl Release {
    /// Whether the detector reported.
    pub fn detected(&self) -> bool {
        self.reports > 0 || self.counter.is_some_and(|(before, after)| after > before)
    }
}
