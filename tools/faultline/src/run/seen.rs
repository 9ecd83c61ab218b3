// SPDX-License-Identifier: GPL-2.0

//! What a drill saw: its events in order. The console has two logs, first the guest kernel's until
//! its panic, then the crash kernel's.

use super::event::{End, Guest, Heard, Release, What};
use crate::fault::case::Case;
use crate::klog::line::Line;
use crate::klog::message::{self, Begin, Detection};
use crate::template;

/// A fact, and when it was known in seconds after the drill began.
#[derive(Debug, Clone, PartialEq)]
pub struct At<T> {
    pub at: f64,
    pub what: T,
}

/// All facts until the machine ended.
#[derive(Debug, Default)]
pub struct Seen {
    pub up: Option<At<(String, usize)>>,
    pub sysctl_failures: Vec<String>,
    /// The bytes reserved for the crash kernel, or why it is not loaded.
    pub crash_kernel: Option<At<Result<u64, String>>>,
    /// The CPUs that the module chose.
    pub inserted: Option<At<String>>,
    pub refused: Option<At<String>>,
    /// The kernel's message, if it refuses unsigned modules.
    pub lockdown: Option<String>,
    pub begins: Vec<At<Begin>>,
    pub detections: Vec<At<Detection>>,
    /// Whether an NMI was sent, or why not.
    pub nmi: Option<At<Result<(), String>>>,
    pub released: Option<At<Release>>,
    pub guest_failed: Option<At<String>>,
    pub panic: Option<At<String>>,
    pub crash: Crash,
    pub stderr: Vec<String>,
    pub end: Option<At<End>>,
    /// When the guest's kernel clock was 0, by the console line with the least delay.
    boot: Option<f64>,
}

/// The facts of the crash kernel.
#[derive(Debug, Default)]
pub struct Crash {
    /// Its first line.
    pub booted: Option<f64>,
    /// Its user space runs.
    pub up: Option<f64>,
    pub dump_started: Option<f64>,
    pub no_disk: bool,
    /// makedumpfile's exit status, or 0 if all memory was copied instead.
    pub dump_ended: Option<At<i32>>,
    /// makedumpfile failed, and all memory was copied.
    pub copied: bool,
    pub down: bool,
    /// Lines on too little memory.
    pub out_of_memory: Vec<String>,
    /// Its own panic.
    pub panic: Option<String>,
    /// Its last lines.
    pub last: Vec<String>,
}

const CRASH_BOOT: &str = "Linux version ";
const CRASH_UP: &str = "faultline-crash: up";
const CRASH_DUMP_START: &str = "faultline-crash: dump start ";
const CRASH_NO_DISK: &str = "faultline-crash: no disk";
const CRASH_DUMP_EXIT: &str = "faultline-crash: makedumpfile exit={status}";
const CRASH_COPY_EXIT: &str = "faultline-crash: copy exit={status}";
const CRASH_DOWN: &str = "faultline-crash: down";

/// The messages of kernels and makedumpfile on too little memory.
pub const OUT_OF_MEMORY: &[&str] = &[
    "Out of memory",
    "out of memory",
    "invoked oom-killer",
    "deadlocked on memory",
    "page allocation failure",
    "Initramfs unpacking failed",
    "Cannot allocate memory",
    "Can't allocate memory",
    "Failed to allocate",
    "not enough memory",
];

const LAST_LINES: usize = 12;

impl Seen {
    /// Adds an event. Returns a line for the progress display, if it is news.
    pub fn add(&mut self, case: Case, heard: &Heard) -> Option<String> {
        let at = heard.at;
        match &heard.what {
            What::Guest(event) => self.guest(at, event),
            What::Console(line) if self.panic.is_some() => self.crash(at, line),
            What::Console(line) => self.console(case, at, line),
            What::Stderr(line) => {
                self.stderr.push(line.clone());
                self.up.is_none().then(|| line.clone())
            }
            What::Nmi(sent) => {
                self.nmi = Some(At {
                    at,
                    what: sent.clone(),
                });
                Some(match sent {
                    Ok(()) => "an NMI is sent".into(),
                    Err(error) => format!("no NMI can be sent: {error}"),
                })
            }
            What::End(end) => {
                self.end = Some(At {
                    at,
                    what: end.clone(),
                });
                Some("the VM is down".into())
            }
        }
    }

    fn guest(&mut self, at: f64, event: &Guest) -> Option<String> {
        match event {
            Guest::Up { release, cpus } => {
                self.up = Some(At {
                    at,
                    what: (release.clone(), *cpus),
                });
                Some(format!("guest up: {release}, {cpus} CPUs"))
            }
            Guest::SysctlFailed { key, value, error } => {
                self.sysctl_failures.push(format!("{key}={value}: {error}"));
                Some(format!("sysctl {key}={value} failed: {error}"))
            }
            Guest::CrashKernelLoaded { reserved_bytes, .. } => {
                self.crash_kernel = Some(At {
                    at,
                    what: Ok(*reserved_bytes),
                });
                Some("crash kernel loaded".into())
            }
            Guest::CrashKernelFailed { error } => {
                self.crash_kernel = Some(At {
                    at,
                    what: Err(error.clone()),
                });
                Some(format!("the crash kernel cannot be loaded: {error}"))
            }
            Guest::Inserted { cpus } => {
                self.inserted = Some(At {
                    at,
                    what: cpus.clone(),
                });
                Some("module inserted, counting down".into())
            }
            Guest::Refused { error, line } => {
                self.refused = Some(At {
                    at,
                    what: line.clone().unwrap_or_else(|| error.clone()),
                });
                Some("the module refused".into())
            }
            Guest::Released(release) => {
                self.released = Some(At {
                    at,
                    what: release.clone(),
                });
                Some(format!("the module is in state '{}'", release.state))
            }
            Guest::Failed { error } => {
                self.guest_failed = Some(At {
                    at,
                    what: error.clone(),
                });
                Some(format!("the guest side failed: {error}"))
            }
        }
    }

    /// Adds a line of the guest's own kernel.
    fn console(&mut self, case: Case, heard: f64, text: &str) -> Option<String> {
        let line = Line::parse(text);
        // A lockup may delay the console: the kernel's time stamp is then the right one.
        let at = line.time.map_or(heard, |time| {
            let boot = self.boot.unwrap_or(f64::INFINITY).min(heard - time);
            self.boot = Some(boot);
            boot + time
        });
        if is_refusal(line.text) {
            self.lockdown = Some(line.text.trim().into());
        }
        if let Some(begin) = message::begin(line) {
            let news = format!("fault injected on CPU {}", begin.cpu);
            self.begins.push(At { at, what: begin });
            return Some(news);
        }
        if let Some(detection) = message::detection(case, line) {
            let news = format!("detected by the {}", case.detector.title);
            self.detections.push(At {
                at,
                what: detection,
            });
            return Some(news);
        }
        if self.up.is_some() && line.text.starts_with(CRASH_BOOT) {
            // An oops may start the crash kernel without a panic.
            let detection = self.detections.first();
            self.panic = Some(At {
                at: detection.map_or(heard, |detection| detection.at),
                what: detection.map_or("no panic was seen".into(), |detection| {
                    detection.what.line.clone()
                }),
            });
            return self.crash(heard, text);
        }
        let message = message::panic_message(line)?;
        self.panic = Some(At {
            at,
            what: message.into(),
        });
        Some(format!("panic: {message}"))
    }

    /// Adds a line after the panic: the rest of its report, then the crash kernel's log.
    fn crash(&mut self, at: f64, line: &str) -> Option<String> {
        let line = Line::parse(line);
        let text = line.text;
        let crash = &mut self.crash;
        if crash.booted.is_none() {
            if !text.starts_with(CRASH_BOOT) {
                return None;
            }
            crash.booted = Some(at);
        }
        // Progress bars rewrite their line: its last part is what remains.
        let shown = text
            .rsplit('\r')
            .find(|part| !part.trim().is_empty())
            .unwrap_or("")
            .trim();
        if !shown.is_empty() {
            crash.last.push(shown.into());
            let surplus = crash.last.len().saturating_sub(LAST_LINES);
            crash.last.drain(..surplus);
        }
        if OUT_OF_MEMORY.iter().any(|words| text.contains(words)) {
            crash.out_of_memory.push(shown.into());
        }
        if let Some(message) = message::panic_message(line) {
            crash.panic.get_or_insert(message.into());
            return Some(format!("the crash kernel panics: {message}"));
        }
        if text.contains(CRASH_UP) {
            crash.up = Some(at);
            Some("crash kernel up".into())
        } else if text.contains(CRASH_DUMP_START) {
            crash.dump_started = Some(at);
            Some("makedumpfile writes the dump".into())
        } else if text.contains(CRASH_NO_DISK) {
            crash.no_disk = true;
            Some("the crash kernel finds no disk".into())
        } else if let Some(found) = template::find(CRASH_DUMP_EXIT, text) {
            let status = found.number("status").unwrap_or(-1);
            crash.dump_ended = Some(At { at, what: status });
            Some(format!("makedumpfile ended with exit status {status}"))
        } else if let Some(found) = template::find(CRASH_COPY_EXIT, text) {
            if found.number("status") != Some(0) {
                return Some("copying all memory failed too".into());
            }
            crash.dump_ended = Some(At { at, what: 0 });
            crash.copied = true;
            Some("copying all memory instead".into())
        } else if text.contains(CRASH_DOWN) {
            crash.down = true;
            None
        } else {
            (crash.booted == Some(at)).then(|| "crash kernel boots".into())
        }
    }
}

/// Returns whether the line says that the kernel refuses unsigned modules.
pub fn is_refusal(text: &str) -> bool {
    text.starts_with("Lockdown: ") && text.contains("module")
        || text.starts_with("Loading of ") && text.contains(" is rejected")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::mode;

    fn console(lines: &[&str]) -> Seen {
        let heard: Vec<_> = lines
            .iter()
            .enumerate()
            .map(|(at, line)| Heard {
                at: at as f64,
                what: What::Console(line.to_string()),
            })
            .collect();
        let mut seen = Seen::default();
        for heard in &heard {
            seen.add(Case::new(mode::find("soft").unwrap(), None).unwrap(), heard);
        }
        seen
    }

    #[test]
    fn lines_after_the_panic_belong_to_the_crash_kernel() {
        let seen = console(&[
            "[ 1.0] Out of memory: not the crash kernel's",
            "[ 2.0] Kernel panic - not syncing: softlockup: hung tasks",
            "[ 2.1] Out of memory, still the old kernel",
            "[ 0.0] Linux version 7.3",
            "[ 4.0] faultline-crash: up",
            "[ 4.1] faultline-crash: dump start disk=/dev/vda",
            "Copying data : [  1.0 %] \rCopying data : [100.0 %] |\r   ",
            "[ 9.0] faultline-crash: makedumpfile exit=0",
            "[ 9.1] faultline-crash: down",
        ]);
        assert_eq!(seen.panic.unwrap().what, "softlockup: hung tasks");
        assert!(seen.crash.out_of_memory.is_empty());
        assert_eq!(
            (seen.crash.booted, seen.crash.up, seen.crash.dump_started),
            (Some(3.0), Some(4.0), Some(5.0))
        );
        assert_eq!(seen.crash.dump_ended, Some(At { at: 7.0, what: 0 }));
        assert!(seen.crash.down && !seen.crash.no_disk);
        assert_eq!(seen.crash.last[3], "Copying data : [100.0 %] |");
    }

    #[test]
    fn an_oops_that_starts_the_crash_kernel_is_the_panic() {
        let mut seen = Seen {
            up: Some(At {
                at: 0.0,
                what: ("7.3".into(), 2),
            }),
            ..Seen::default()
        };
        let case = Case::new(mode::find("bug").unwrap(), None).unwrap();
        for (at, line) in ["[ 3.0] kernel BUG at x.c:1!", "[ 0.0] Linux version 7.3"]
            .iter()
            .enumerate()
        {
            let what = What::Console(line.to_string());
            seen.add(
                case,
                &Heard {
                    at: at as f64,
                    what,
                },
            );
        }
        assert_eq!(seen.panic.unwrap().what, "kernel BUG at x.c:1!");
        assert_eq!(seen.crash.booted, Some(1.0));
    }

    #[test]
    fn lines_that_come_late_have_the_time_of_the_kernel() {
        let begin = "[ 4.5] lockup: run x: cpu 1: begin: mode=soft hold_secs=60 mono_ns=1";
        let seen = console(&["[ 3.0] prompt", "[ 3.5] late", "[ 3.9] later", begin]);
        assert_eq!(seen.begins[0].at, 1.5);
        // Earlier than all before it, a line cannot be.
        assert_eq!(console(&[begin]).begins[0].at, 0.0);
    }

    #[test]
    fn a_copy_stands_for_a_dump_that_failed() {
        let panic = "[1.0] Kernel panic - not syncing: softlockup: hung tasks";
        let boot = "[0.0] Linux version 7.3";
        let failed = "[2.0] faultline-crash: makedumpfile exit=1";
        let crash = |copy| console(&[panic, boot, failed, copy]).crash;
        let copied = crash("[3.0] faultline-crash: copy exit=0");
        assert!(copied.copied);
        assert_eq!(copied.dump_ended, Some(At { at: 3.0, what: 0 }));
        let failed = crash("[3.0] faultline-crash: copy exit=1");
        assert!(!failed.copied);
        assert_eq!(failed.dump_ended, Some(At { at: 2.0, what: 1 }));
    }

    #[test]
    fn memory_shortage_and_panic_of_the_crash_kernel() {
        let seen = console(&[
            "[ 2.0] Kernel panic - not syncing: softlockup: hung tasks",
            "[ 0.0] Linux version 7.3",
            "[ 1.0] Initramfs unpacking failed: write error",
            "[ 2.0] Kernel panic - not syncing: No working init found.",
        ]);
        assert_eq!(
            seen.crash.out_of_memory,
            ["Initramfs unpacking failed: write error"]
        );
        assert_eq!(seen.crash.panic.as_deref(), Some("No working init found."));
        assert_eq!(seen.panic.unwrap().what, "softlockup: hung tasks");
    }
}
