// SPDX-License-Identifier: GPL-2.0

//! The plan of a drill: everything that it does, decided before it starts.

use crate::cpu_list;
use crate::fault::case::Case;
use crate::fault::detector::Needs;
use crate::fault::mode;
use anyhow::Context;
use serde::{Deserialize, Serialize};
use std::io::Read;
use std::path::PathBuf;

/// Everything about one drill.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Plan {
    pub vm: Machine,
    pub injection: Injection,
}

/// The virtual machine.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Machine {
    /// The program that starts it.
    pub runner: PathBuf,
    /// The row of the kernels' table; none for the runner's default.
    pub kernel: Option<String>,
    pub cpus: u32,
    pub memory_mib: u64,
    /// The kernel's `crashkernel=`.
    pub crashkernel: String,
    /// Further words for the kernel's command line.
    pub append: Vec<String>,
    /// The VM is killed after this many seconds.
    pub timeout_secs: u64,
}

/// What the drill does in the machine.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Injection {
    pub run_id: String,
    pub mode: String,
    /// The detector expected to report it.
    pub detector: String,
    pub policy: Policy,
    /// The detector's threshold in seconds, if it has one.
    pub threshold: Option<u32>,
    /// The module's parameters in order, without mode and run id.
    pub parameters: Vec<Setting>,
    /// Sysctls, and files by their path, in order; a later one overrides an earlier one.
    pub sysctls: Vec<Setting>,
    /// The crash kernel's command line without its consoles; none if no crash kernel is loaded.
    pub crash_kernel: Option<String>,
    /// Seconds from the insertion of the module to its last message, at most.
    pub patience_secs: u64,
}

/// What the machine does about the fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum Policy {
    /// The detector's report is a panic
    Panic,
    /// The detector reports without a panic
    Report,
    /// The detector is off
    Off,
}

impl Policy {
    pub fn word(self) -> &'static str {
        match self {
            Self::Panic => "panic",
            Self::Report => "report",
            Self::Off => "off",
        }
    }
}

/// A name and its value.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Setting {
    pub key: String,
    pub value: String,
}

impl Setting {
    pub fn new(key: &str, value: impl ToString) -> Self {
        Setting {
            key: key.into(),
            value: value.to_string(),
        }
    }
}

impl std::str::FromStr for Setting {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.split_once('=') {
            Some((key, value)) if !key.is_empty() && !value.is_empty() => {
                Ok(Setting::new(key, value))
            }
            _ => Err("expected KEY=VALUE, as in kernel.softlockup_panic=0"),
        }
    }
}

impl std::fmt::Display for Setting {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}={}", self.key, self.value)
    }
}

impl Injection {
    /// Returns the mode with the detector expected to report it.
    pub fn case(&self) -> anyhow::Result<Case> {
        let mode = mode::find(&self.mode)
            .with_context(|| format!("unknown mode '{}' in the plan", self.mode))?;
        Case::new(mode, Some(&self.detector)).map_err(anyhow::Error::msg)
    }

    /// Returns what the drill must send or feed from outside the kernel.
    pub fn needs(&self) -> anyhow::Result<Needs> {
        Ok(match self.policy {
            Policy::Off => Needs::Nothing,
            Policy::Panic | Policy::Report => self.case()?.detector.needs,
        })
    }

    /// Returns the value of one of the module's parameters.
    fn parameter(&self, key: &str) -> Option<&str> {
        let parameter = self.parameters.iter().find(|setting| setting.key == key);
        parameter.map(|setting| setting.value.as_str())
    }

    /// Returns the length of the countdown in seconds.
    pub fn delay_secs(&self) -> u32 {
        let secs = self
            .parameter("delay_secs")
            .and_then(|secs| secs.parse().ok());
        secs.unwrap_or(0)
    }

    /// Returns the CPUs of the fault: the user's choice, or else the module's default.
    fn cpus(&self) -> &str {
        let pair = mode::find(&self.mode).is_some_and(|mode| mode.takes_two);
        self.parameter("cpus")
            .unwrap_or(if pair { "0-1" } else { "1" })
    }

    /// Returns the first CPU of the fault.
    pub fn first_cpu(&self) -> u32 {
        let first = self.cpus().split([',', '-']).next();
        first.and_then(|first| first.parse().ok()).unwrap_or(0)
    }

    /// Returns whether the fault may hold this CPU.
    pub fn holds_cpu(&self, cpu: u32) -> bool {
        match self.cpus() {
            "all" => true,
            cpus => cpu_list::has(cpus, cpu),
        }
    }

    /// Returns the module's parameters as one line for insmod.
    pub fn module_arguments(&self) -> String {
        let mut words = vec![
            Setting::new("mode", &self.mode),
            Setting::new("run_id", &self.run_id),
        ];
        words.extend(self.parameters.iter().cloned());
        words
            .iter()
            .map(Setting::to_string)
            .collect::<Vec<_>>()
            .join(" ")
    }
}

/// Returns a new run id: 8 random hexadecimal digits.
pub fn random_run_id() -> anyhow::Result<String> {
    let mut bytes = [0; 4];
    std::fs::File::open("/dev/urandom")
        .and_then(|mut file| file.read_exact(&mut bytes))
        .context("/dev/urandom")?;
    Ok(format!("{:08x}", u32::from_be_bytes(bytes)))
}

/// Checks a run id for a drill, whose files lie in a directory of that name: the modules accept
/// some ids that are no good names of a directory.
pub fn check_drill_id(text: &str) -> Result<String, String> {
    match check_run_id(text)? {
        id if id == "latest" => Err("reserved: 'latest' links to the newest drill".into()),
        id if id.starts_with(['.', '-']) => Err(
            "expected a letter, a digit or _ as the first character: the id names a directory"
                .into(),
        ),
        id => Ok(id),
    }
}

/// Checks a run id as the modules do.
pub fn check_run_id(text: &str) -> Result<String, String> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    if (1..=32).contains(&text.len()) && text.chars().all(allowed) {
        Ok(text.into())
    } else {
        Err("expected 1 to 32 of the characters A-Z a-z 0-9 . _ -".into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn run_ids() {
        assert!(check_run_id("7f3a.A_b-9").is_ok());
        for bad in ["", "a b", "a/b", "\u{e4}", &"x".repeat(33)] {
            assert!(check_run_id(bad).is_err(), "{bad}");
        }
        assert!(check_drill_id(&random_run_id().unwrap()).is_ok());
    }

    #[test]
    fn a_drills_id_names_a_directory() {
        for good in ["7f3a.A_b-9", "_", "a..", "latest1", "1.latest"] {
            assert!(check_drill_id(good).is_ok(), "{good}");
        }
        for bad in [".", "..", "...", ".hidden", "-", "-x", "latest", "a/b", ""] {
            assert!(check_drill_id(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn what_the_module_is_loaded_with() {
        let injection = Injection {
            run_id: "x".into(),
            mode: "soft".into(),
            detector: "soft-lockup".into(),
            policy: Policy::Panic,
            threshold: Some(2),
            parameters: vec![Setting::new("delay_secs", 2)],
            sysctls: Vec::new(),
            crash_kernel: None,
            patience_secs: 1,
        };
        assert_eq!((injection.first_cpu(), injection.delay_secs()), (1, 2));
        assert_eq!(
            injection.module_arguments(),
            "mode=soft run_id=x delay_secs=2"
        );
    }

    #[test]
    fn settings_need_both_sides() {
        assert_eq!("a.b=0".parse(), Ok(Setting::new("a.b", 0)));
        assert!("a.b".parse::<Setting>().is_err() && "=1".parse::<Setting>().is_err());
    }
}
