// SPDX-License-Identifier: GPL-2.0

//! The injection of a drill's fault into the running kernel, a virtual machine's or this machine's:
//! sets sysctls, inserts the module, and waits for the end of its run.

use super::event::Release;
use super::seen;
use crate::fault::case::Case;
use crate::klog::kmsg::Log;
use crate::klog::line::Line;
use crate::klog::message;
use crate::system::sysctl_path;
use anyhow::{bail, Context};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// The interval at which the module's state is read.
const TICK: Duration = Duration::from_millis(100);

/// The parts of the module's last message of a run.
const ENDS: &[&str] = &[": released after ", ": cancelled ", ": died: "];

/// Returns the file of a sysctl, or of a setting that is a path itself.
pub fn setting_file(key: &str) -> PathBuf {
    match key.strip_prefix('/') {
        Some(_) => key.into(),
        None => sysctl_path(key).into(),
    }
}

/// A refusal by the kernel or the module.
#[derive(Debug)]
pub struct Refusal {
    pub error: String,
    /// The module's message.
    pub line: Option<String>,
    /// The kernel's message, if it refuses unsigned modules.
    pub lockdown: Option<String>,
}

/// An inserted module.
pub struct Strike {
    case: Case,
    parameters: PathBuf,
    log: Log,
    lines: Vec<String>,
    /// The detector's counter before the insertion.
    before: Option<u64>,
}

impl Strike {
    /// Inserts the module with `insert`.
    pub fn begin(
        case: Case,
        insert: impl FnOnce() -> anyhow::Result<()>,
    ) -> anyhow::Result<Result<Self, Refusal>> {
        let module = case.mode.module;
        let mut log = Log::open()?;
        let before = counter(case);
        if let Err(error) = insert() {
            let lines = log.lines();
            let last = |start: String| lines.iter().rfind(|line| line.starts_with(&start)).cloned();
            return Ok(Err(Refusal {
                error: format!("{error:#}"),
                // For a refused parameter the kernel logs a message of its own.
                line: last(format!("{module}: refused: ")).or_else(|| last(format!("{module}: "))),
                lockdown: lines.iter().find(|line| seen::is_refusal(line)).cloned(),
            }));
        }
        Ok(Ok(Strike {
            case,
            parameters: Path::new("/sys/module").join(module).join("parameters"),
            log,
            lines: Vec::new(),
            before,
        }))
    }

    /// Reads one of the module's parameters.
    pub fn parameter(&self, name: &str) -> anyhow::Result<String> {
        read(self.parameters.join(name))
    }

    /// Cancels a fault that has not begun, or that can be ended.
    pub fn cancel(&self) -> std::io::Result<()> {
        fs::write(self.parameters.join("cancel"), "1")
    }

    /// Waits until the module has released its CPUs. Passes each state that it reads to `each`.
    pub fn wait(
        &mut self,
        patience: Duration,
        mut each: impl FnMut(&Self, &str),
    ) -> anyhow::Result<Release> {
        let deadline = Instant::now() + patience;
        loop {
            self.lines.extend(self.log.lines());
            let state = self.parameter("state")?;
            each(self, &state);
            let last = self
                .lines
                .iter()
                .rfind(|line| ENDS.iter().any(|end| line.contains(end)));
            let is_over = matches!(state.as_str(), "released" | "cancelled" | "died");
            let is_late = Instant::now() > deadline;
            if let Some(last) = last.filter(|_| is_over) {
                let reports = self.lines.iter().filter(|line| is_report(self.case, line));
                let held_ms = self.parameter("held_ms").ok();
                let release = Release {
                    held_ms: held_ms.and_then(|text| text.parse().ok()).unwrap_or(0),
                    counter: self.before.zip(counter(self.case)),
                    reports: reports.count(),
                    line: Some(last.clone()),
                    state,
                };
                // The oops that kills a thread is logged after the module's last message.
                if release.state != "died" || release.detected() || is_late {
                    return Ok(release);
                }
            } else if is_late {
                bail!(
                    "the module is still in state '{state}' after {} s",
                    patience.as_secs()
                );
            }
            std::thread::sleep(TICK);
        }
    }

    /// Returns the first report of the detector since the module was inserted.
    pub fn report(&self) -> Option<&str> {
        let mut lines = self.lines.iter();
        lines
            .find(|line| is_report(self.case, line))
            .map(|line| &**line)
    }
}

fn is_report(case: Case, text: &str) -> bool {
    let line = Line {
        time: None,
        caller: None,
        text,
    };
    message::detection(case, line).is_some()
}

fn counter(case: Case) -> Option<u64> {
    read(case.detector.counter?).ok()?.parse().ok()
}

/// Reads a file of one line.
pub fn read(path: impl AsRef<Path>) -> anyhow::Result<String> {
    let path = path.as_ref();
    let text = fs::read_to_string(path).with_context(|| path.display().to_string())?;
    Ok(text.trim_end().to_string())
}
