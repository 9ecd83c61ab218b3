// SPDX-License-Identifier: GPL-2.0

//! The kernel log, from a console or a vmcore: lines with the kernel's own time, and
//! in them what tells about an injected fault.

use crate::mode::Mode;
use crate::template;
use serde::{Deserialize, Serialize};

/// One line: the kernel's time in seconds, if it has one, and its text.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Line<'a> {
    /// Seconds on the kernel's own clock.
    pub time: Option<f64>,
    /// What follows the time (and the caller, where the kernel prints it).
    pub text: &'a str,
}

impl<'a> Line<'a> {
    /// Splits a line like `[   12.984390] text` or `[   12.984390] [   T143] text`.
    pub fn parse(line: &'a str) -> Self {
        let line = line.trim_end();
        let stamped = line
            .strip_prefix('[')
            .and_then(|rest| rest.split_once(']'))
            .and_then(|(time, rest)| Some((time.trim().parse::<f64>().ok()?, rest)));
        let Some((time, mut text)) = stamped else {
            return Line {
                time: None,
                text: line,
            };
        };
        let unspaced = text.strip_prefix(' ').unwrap_or(text);
        if let Some((caller, rest)) = unspaced
            .strip_prefix('[')
            .and_then(|rest| rest.split_once(']'))
        {
            let caller = caller.trim().as_bytes();
            if matches!(caller, [b'T' | b'C', digits @ ..] if digits.iter().all(u8::is_ascii_digit))
            {
                text = rest;
            }
        }
        Line {
            time: Some(time),
            text: text.strip_prefix(' ').unwrap_or(text),
        }
    }
}

/// The module's announcement of what it is going to do.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Announced {
    pub run_id: String,
    pub mode: String,
    pub cpus: String,
}

/// The moment that the fault begins.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Begin {
    pub time: Option<f64>,
    pub run_id: String,
    pub cpu: u32,
    pub mode: String,
}

/// A detector's report.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Detection {
    pub time: Option<f64>,
    pub cpu: u32,
    pub thread: String,
    pub pid: i32,
}

/// A panic, and the context that panicked.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Panic {
    pub time: Option<f64>,
    pub message: String,
    pub cpu: Option<u32>,
    pub pid: Option<i32>,
    pub thread: Option<String>,
    /// What the panic's report shows of the stack, innermost first.
    pub stack: Vec<Frame>,
}

/// A function in a call trace.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Frame {
    pub function: String,
    /// Its module; none for the kernel proper.
    pub module: Option<String>,
}

const ANNOUNCED: &str = "lockup: run {run}: plan: mode={mode} cpus={cpus} ";
const BEGIN: &str = "lockup: run {run}: cpu {cpu}: begin: mode={mode} ";
const PANIC: &str = "Kernel panic - not syncing: {message}";
const CONTEXT: &str = "CPU: {cpu} ";
const CONTEXT_PID: &str = "PID: {pid} Comm: {comm_and_taint}";

/// The module's announcement, if `line` is one.
pub fn announced(line: Line<'_>) -> Option<Announced> {
    let found = template::find(ANNOUNCED, line.text)?;
    Some(Announced {
        run_id: found.text("run").into(),
        mode: found.text("mode").into(),
        cpus: found.text("cpus").into(),
    })
}

/// The beginning of a fault, if `line` tells of one.
pub fn begin(line: Line<'_>) -> Option<Begin> {
    let found = template::find(BEGIN, line.text)?;
    Some(Begin {
        time: line.time,
        run_id: found.text("run").into(),
        cpu: found.number("cpu")?,
        mode: found.text("mode").into(),
    })
}

/// A report of `mode`'s detector, if `line` is one.
pub fn detection(mode: &Mode, line: Line<'_>) -> Option<Detection> {
    let found = template::find(mode.detection, line.text)?;
    let (thread, pid) = found.text("task").rsplit_once(':')?;
    Some(Detection {
        time: line.time,
        cpu: found.number("cpu")?,
        thread: thread.into(),
        pid: pid.parse().ok()?,
    })
}

/// A panic's message, if `line` is one.
pub fn panic_message(line: Line<'_>) -> Option<&str> {
    template::find(PANIC, line.text).map(|found| found.text("message"))
}

/// CPU, PID and name of the thread in a report's line like
/// `CPU: 1 UID: 0 PID: 143 Comm: lockup/1 Kdump: loaded Tainted: ...`.
fn context(line: Line<'_>) -> Option<(u32, i32, &str)> {
    let text = line.text.strip_prefix("CPU: ").map(|_| line.text)?;
    let cpu = template::find(CONTEXT, text)?.number("cpu")?;
    let found = template::find(CONTEXT_PID, text)?;
    let rest = found.text("comm_and_taint");
    let end = [" Kdump: loaded", " Not tainted", " Tainted:"]
        .iter()
        .filter_map(|mark| rest.find(mark))
        .min()?;
    Some((cpu, found.number("pid")?, &rest[..end]))
}

/// A function of a call trace, from `RIP: 0010:f+0x3a/0x80 [m]` or `f+0x59/0xf0 [m]`.
/// Those marked `?` are leftovers on the stack, not part of the trace.
fn frame(line: Line<'_>) -> Option<Frame> {
    let text = line.text.trim();
    let text = match text.strip_prefix("RIP: ") {
        Some(rip) => rip.split_once(':')?.1,
        None => text,
    };
    let (function, rest) = text.split_once("+0x")?;
    if function.is_empty() || function.contains([' ', '?']) || !rest.contains("/0x") {
        return None;
    }
    let module = rest
        .split_once('[')
        .and_then(|(_, m)| m.split_once(']'))
        .map(|(m, _)| m.split(' ').next().unwrap_or(m));
    Some(Frame {
        function: demangled(function),
        module: module.map(String::from),
    })
}

/// A function's name as its source has it, where it was mangled by rustc.
pub fn demangled(function: &str) -> String {
    format!("{:#}", rustc_demangle::demangle(function))
}

/// What a kernel log tells about an injected fault.
#[derive(Debug, Default, Clone, PartialEq, Serialize)]
pub struct Story {
    pub announced: Option<Announced>,
    pub begins: Vec<Begin>,
    pub detections: Vec<Detection>,
    pub panic: Option<Panic>,
}

impl Story {
    /// Reads a whole log for what concerns `mode`.
    pub fn read(mode: &Mode, log: &str) -> Self {
        let mut story = Story::default();
        for line in log.lines().map(Line::parse) {
            story.add(mode, line);
        }
        story
    }

    fn add(&mut self, mode: &Mode, line: Line<'_>) {
        if let Some(message) = panic_message(line) {
            self.panic.get_or_insert(Panic {
                time: line.time,
                message: message.into(),
                cpu: None,
                pid: None,
                thread: None,
                stack: Vec::new(),
            });
        } else if let Some(panic) = &mut self.panic {
            if let Some((cpu, pid, thread)) = context(line) {
                panic.cpu.get_or_insert(cpu);
                panic.pid.get_or_insert(pid);
                panic.thread.get_or_insert(thread.into());
            } else {
                panic.stack.extend(frame(line));
            }
        } else {
            if let Some(announced) = announced(line) {
                // A new run: what an earlier one did is not what panicked.
                *self = Story {
                    announced: Some(announced),
                    ..Story::default()
                };
            }
            self.begins.extend(begin(line));
            self.detections.extend(detection(mode, line));
        }
    }

    /// Seconds from the fault's beginning on a CPU to the first report for it.
    pub fn latency(&self, cpu: u32) -> Option<f64> {
        let begin = self.begins.iter().find(|begin| begin.cpu == cpu)?.time?;
        let detection = self
            .detections
            .iter()
            .find(|report| report.cpu == cpu)?
            .time?;
        Some(detection - begin)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mode;

    fn soft() -> &'static Mode {
        mode::find("soft").unwrap()
    }

    #[test]
    fn splits_time_caller_and_text() {
        assert_eq!(
            Line::parse("[   12.5] a [b] c\r"),
            Line {
                time: Some(12.5),
                text: "a [b] c"
            }
        );
        assert_eq!(
            Line::parse("[   12.5] [  T143] a"),
            Line {
                time: Some(12.5),
                text: "a"
            }
        );
        assert_eq!(
            Line::parse("[   12.5][  T143] a"),
            Line {
                time: Some(12.5),
                text: "a"
            }
        );
        assert_eq!(
            Line::parse("[    1.0] [lockup] x"),
            Line {
                time: Some(1.0),
                text: "[lockup] x"
            }
        );
        assert_eq!(
            Line::parse("[    1.0]   f+0x1/0x2"),
            Line {
                time: Some(1.0),
                text: "  f+0x1/0x2"
            }
        );
        assert_eq!(
            Line::parse("no time"),
            Line {
                time: None,
                text: "no time"
            }
        );
        assert_eq!(
            Line::parse("[bracket] x"),
            Line {
                time: None,
                text: "[bracket] x"
            }
        );
    }

    #[test]
    fn reads_the_story_of_a_soft_lockup() {
        let story = Story::read(soft(), include_str!("../tests/data/soft.log"));
        let announced = story.announced.as_ref().unwrap();
        assert_eq!(announced.run_id, "t1");
        assert_eq!(announced.cpus, "1");
        assert_eq!(story.begins.len(), 1);
        assert_eq!(story.detections[0].thread, "lockup/1");
        assert_eq!(story.detections[0].pid, 142);
        let panic = story.panic.as_ref().unwrap();
        assert_eq!(panic.message, "softlockup: hung tasks");
        assert_eq!(panic.thread.as_deref(), Some("lockup/1"));
        assert_eq!((panic.cpu, panic.pid), (Some(1), Some(142)));
        assert_eq!(panic.stack[0].function, "dump_stack_lvl");
        let ours = |frame: &&Frame| frame.module.as_deref() == Some("lockup");
        let ours: Vec<_> = panic.stack.iter().filter(ours).collect();
        assert_eq!(ours[0].function, "faultline_helper_cpu_relax");
        assert_eq!(ours[1].function, "lockup::modes::spin_preemption_off");
        assert!((story.latency(1).unwrap() - 6.065222).abs() < 1e-9);
        assert_eq!(story.latency(0), None);
    }

    #[test]
    fn an_earlier_run_is_not_what_panicked() {
        let panicked = include_str!("../tests/data/soft.log");
        let earlier =
            "[1.0] lockup: run early: plan: mode=soft cpus=0 delay_secs=0 hold_secs=9 force=1\n\
            [1.1] lockup: run early: cpu 0: begin: mode=soft hold_secs=9 mono_ns=1\n\
            [5.9] watchdog: BUG: soft lockup - CPU#0 stuck for 5s! [lockup/0:99]\n";
        let story = Story::read(soft(), &format!("{earlier}{panicked}"));
        assert_eq!(story, Story::read(soft(), panicked));
        let alone = Story::read(soft(), earlier);
        assert_eq!((alone.begins.len(), alone.detections.len()), (1, 1));
    }

    #[test]
    fn a_log_of_another_panic_has_no_detection() {
        let story = Story::read(soft(), include_str!("../tests/data/sysrq.log"));
        assert!(story.detections.is_empty() && story.begins.is_empty());
        assert_eq!(story.panic.unwrap().message, "sysrq triggered crash");
    }

    #[test]
    fn names_with_blanks_and_colons() {
        let line = Line::parse("[1.0] CPU: 3 UID: 0 PID: 9 Comm: kworker/3:1 x Not tainted 7.3 #1");
        assert_eq!(context(line), Some((3, 9, "kworker/3:1 x")));
        let line =
            Line::parse("[1.0] watchdog: BUG: soft lockup - CPU#3 stuck for 5s! [kworker/3:1:77]");
        let found = detection(soft(), line).unwrap();
        assert_eq!((found.thread.as_str(), found.pid), ("kworker/3:1", 77));
    }

    #[test]
    fn demangles_rust_functions() {
        let line =
            Line::parse("[1.0] RIP: 0010:_RNvNtCs6jbl6CnCMjw_6lockup4soft4spin+0x3a/0x80 [lockup]");
        assert_eq!(frame(line).unwrap().function, "lockup::soft::spin");
        assert_eq!(frame(Line::parse("[1.0]  ? fn+0x59/0xf0 [lockup]")), None);
        assert_eq!(
            frame(Line::parse("[1.0] R10: ff47823041e20d50 R11: 0")),
            None
        );
    }
}
