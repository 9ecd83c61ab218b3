// SPDX-License-Identifier: GPL-2.0

//! Where the way from a fault to a dump that names it ended, and what that means.

use crate::fault::case::Case;
use serde::{Deserialize, Serialize};

/// Where the way ended.
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

/// What a stage means for whoever asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    Pass,
    Fail,
    Unknown,
}

impl Outcome {
    /// The program's exit status for it.
    pub fn exit_status(self) -> u8 {
        match self {
            Self::Pass => 0,
            Self::Fail => 1,
            Self::Unknown => 3,
        }
    }
}

impl Stage {
    /// What it means.
    pub fn outcome(self) -> Outcome {
        match self {
            Self::Pass => Outcome::Pass,
            // What was seen is right, and half of what is to be shown.
            Self::NoDump | Self::CouldNotTell => Outcome::Unknown,
            _ => Outcome::Fail,
        }
    }

    /// Its name for people.
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

    /// What to do next.
    pub fn advice(self, case: Case) -> String {
        let detector = case.detector;
        match self {
            Self::Refused => "Do what its reason says. (--force does without a crash kernel.)".into(),
            Self::NotDetected => {
                let mut wanted: Vec<_> = detector.arms.iter().map(|(key, value)| format!("{key}={value}")).collect();
                if let Some((key, _)) = detector.threshold.filter(|(key, _)| !key.is_empty()) {
                    wanted.push(format!("{key} above 0"));
                }
                match wanted.as_slice() {
                    [] => format!("Nothing of the {} came.", detector.title),
                    wanted => format!("Check: {}.", wanted.join(", ")),
                }
            }
            Self::DetectedNoPanic => match detector.panics {
                Some([(key, value), _]) => format!("The detector only reports. Set {key}={value} to make it panic."),
                None => "The detector only reports. Make it panic.".into(),
            },
            Self::PanicNoCrashKernel => {
                "Load a crash kernel (kexec -p, kdump-config load). If one was loaded, give it more with crashkernel=."
                    .into()
            }
            Self::CrashKernelOutOfMemory => {
                "Reserve more with crashkernel=, or make the crash kernel's initramfs smaller.".into()
            }
            Self::CrashKernelDied => "Read the end of the console log: it shows the crash kernel's last words.".into(),
            Self::DumpFailed => "Read what makedumpfile said at the end of the console log.".into(),
            Self::DumpIncomplete => {
                "Look for a full disk, a time limit or a copy that was cut short, and dump again."
                    .into()
            }
            Self::Unreadable => "Check that the file is the vmcore.".into(),
            Self::WrongCause => {
                "This dump is not proof of the injected fault: see the failed checks, and the kernel log in it.".into()
            }
            Self::OutsideWindow => {
                "The cause is right, its time is not: look for an overloaded host, or a threshold other than told."
                    .into()
            }
            Self::NoDump => "A log shows that the fault was detected and panicked, not that it left a dump. Judge the vmcore as well.".into(),
            Self::Pass => String::new(),
            Self::CouldNotTell => "This says nothing about the machine's crash dumping. Solve the above, and repeat.".into(),
        }
    }
}
