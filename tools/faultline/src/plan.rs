// SPDX-License-Identifier: GPL-2.0

//! The plan of a drill: everything that will be done, settled before anything is.

use crate::mode::{self, Mode};
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
    /// When the machine is ended, whatever it does.
    pub timeout_secs: u64,
}

/// What is done in the machine.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Injection {
    pub run_id: String,
    pub mode: String,
    /// The module's parameters in order, without mode and run id.
    pub parameters: Vec<Setting>,
    /// Sysctls in order; a later one overrides an earlier one.
    pub sysctls: Vec<Setting>,
    /// The crash kernel's command line, apart from its consoles; none when no crash kernel is to be loaded.
    pub crash_kernel: Option<String>,
    /// Seconds from the insertion of the module to its last word.
    pub patience_secs: u64,
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
            _ => Err("write it as KEY=VALUE, like kernel.softlockup_panic=0"),
        }
    }
}

impl std::fmt::Display for Setting {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}={}", self.key, self.value)
    }
}

impl Injection {
    /// The row of the mode.
    pub fn mode(&self) -> anyhow::Result<&'static Mode> {
        mode::find(&self.mode)
            .with_context(|| format!("the plan has the unknown mode '{}'", self.mode))
    }

    /// What the module is loaded with.
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

    /// The value that `key` will have, and 0 where it is no number.
    pub fn sysctl(&self, key: &str) -> u32 {
        let last = self.sysctls.iter().rev().find(|setting| setting.key == key);
        last.and_then(|setting| setting.value.parse().ok())
            .unwrap_or(0)
    }
}

/// A run id that no other drill has: 8 random hexadecimal digits.
pub fn random_run_id() -> anyhow::Result<String> {
    let mut bytes = [0; 4];
    std::fs::File::open("/dev/urandom")
        .and_then(|mut file| file.read_exact(&mut bytes))
        .context("/dev/urandom")?;
    Ok(format!("{:08x}", u32::from_be_bytes(bytes)))
}

/// Checks a run id as the modules do.
pub fn check_run_id(text: &str) -> Result<String, String> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    if (1..=32).contains(&text.len()) && text.chars().all(allowed) {
        Ok(text.into())
    } else {
        Err("it has 1 to 32 of the characters A-Z a-z 0-9 . _ -".into())
    }
}

/// Whether `cpu` is in a list like `0,2-3`.
pub fn cpu_list_has(list: &str, cpu: u32) -> bool {
    list.split(',').any(|part| {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        match (first.trim().parse::<u32>(), last.trim().parse::<u32>()) {
            (Ok(first), Ok(last)) => (first..=last).contains(&cpu),
            _ => false,
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cpu_lists() {
        assert!(cpu_list_has("1", 1) && cpu_list_has("0,2-3", 3) && cpu_list_has("0,2-3\n", 0));
        assert!(!cpu_list_has("0,2-3", 1) && !cpu_list_has("", 0) && !cpu_list_has("all", 0));
    }

    #[test]
    fn run_ids() {
        assert!(check_run_id("7f3a.A_b-9").is_ok());
        for bad in ["", "a b", "a/b", "\u{e4}", &"x".repeat(33)] {
            assert!(check_run_id(bad).is_err(), "{bad}");
        }
        assert!(check_run_id(&random_run_id().unwrap()).is_ok());
    }

    #[test]
    fn the_last_sysctl_counts() {
        let injection = Injection {
            run_id: "x".into(),
            mode: "soft".into(),
            parameters: vec![Setting::new("delay_secs", 2)],
            sysctls: vec![
                Setting::new("kernel.watchdog_thresh", 2),
                Setting::new("kernel.watchdog_thresh", 10),
            ],
            crash_kernel: None,
            patience_secs: 1,
        };
        assert_eq!(injection.sysctl("kernel.watchdog_thresh"), 10);
        assert_eq!(injection.sysctl("kernel.absent"), 0);
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
