// SPDX-License-Identifier: GPL-2.0

//! The stages from a fault to a dump that names it, with their meaning and advice.

use crate::fault::case::Case;
use serde::{Deserialize, Serialize};

/// The stage at which a fault ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    Refused,
    NotDetected,
    DetectedNoPanic,
    PanicNoCrashKernel,
    CrashKernelOutOfMemory,
    CrashKernelDied,
    DumpFailed,
    DumpIncomplete,
    Unreadable,
    WrongCause,
    OutsideWindow,
    NoDump,
    Pass,
    CouldNotTell,
}

/// The outcome that a stage means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    Pass,
    Fail,
    Unknown,
}

impl Outcome {
    /// Returns the program's exit status.
    pub fn exit_status(self) -> u8 {
        match self {
            Self::Pass => 0,
            Self::Fail => 1,
            Self::Unknown => 3,
        }
    }
}

impl Stage {
    /// Returns its outcome.
    pub fn outcome(self) -> Outcome {
        match self {
            Self::Pass => Outcome::Pass,
            // The log is right, but does not show that a dump was written.
            Self::NoDump | Self::CouldNotTell => Outcome::Unknown,
            _ => Outcome::Fail,
        }
    }

    /// Returns its name in texts.
    pub fn title(self) -> &'static str {
        match self {
            Self::Refused => "refused",
            Self::NotDetected => "not detected",
            Self::DetectedNoPanic => "detected but no panic",
            Self::PanicNoCrashKernel => "panic but no crash kernel",
            Self::CrashKernelOutOfMemory => "crash kernel ran out of memory",
            Self::CrashKernelDied => "crash kernel died",
            Self::DumpFailed => "dump failed",
            Self::DumpIncomplete => "dump incomplete",
            Self::Unreadable => "unreadable",
            Self::WrongCause => "wrong cause",
            Self::OutsideWindow => "outside the documented window",
            Self::NoDump => "no dump",
            Self::Pass => "pass",
            Self::CouldNotTell => "could not tell",
        }
    }

    /// Returns the advice.
    pub fn advice(self, case: Case) -> String {
        let detector = case.detector;
        match self {
            Self::Refused => "Do what the module's message says. (--force runs without a crash kernel.)".into(),
            Self::NotDetected => {
                let mut wanted: Vec<_> = detector.arms.iter().map(|(key, value)| format!("{key}={value}")).collect();
                if let Some((key, _)) = detector.threshold.filter(|(key, _)| !key.is_empty()) {
                    wanted.push(format!("{key} above 0"));
                }
                match wanted.as_slice() {
                    [] => format!("The {} did not report.", detector.title),
                    wanted => format!("Check: {}.", wanted.join(", ")),
                }
            }
            Self::DetectedNoPanic => match detector.panics {
                Some([(key, value), _]) => format!("The detector reports without a panic. Set {key}={value} to make it panic."),
                None => "The detector reports without a panic. Make it panic.".into(),
            },
            Self::PanicNoCrashKernel => {
                "Load a crash kernel (kexec -p, kdump-config load). If one was loaded, reserve more memory with crashkernel=."
                    .into()
            }
            Self::CrashKernelOutOfMemory => {
                "Reserve more memory with crashkernel=, or make the crash kernel's initramfs smaller.".into()
            }
            Self::CrashKernelDied => "Read the end of the console log: it shows the crash kernel's last messages.".into(),
            Self::DumpFailed => "Read makedumpfile's messages at the end of the console log.".into(),
            Self::DumpIncomplete => {
                "Look for a full disk, a time limit or an interrupted copy, and dump again."
                    .into()
            }
            Self::Unreadable => "Check that the file is the vmcore.".into(),
            Self::WrongCause => {
                "This dump does not prove the injected fault: see the failed checks, and the kernel log in it.".into()
            }
            Self::OutsideWindow => {
                "The cause is right, but not the latency: look for an overloaded host, or another threshold."
                    .into()
            }
            Self::NoDump => "The log shows the detection and the panic, but not that a dump was written. Judge the vmcore as well.".into(),
            Self::Pass => String::new(),
            Self::CouldNotTell => "This says nothing about the machine's crash dumps. Fix the above, and repeat.".into(),
        }
    }
}
