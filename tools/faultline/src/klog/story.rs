// SPDX-License-Identifier: GPL-2.0

//! The story of an injected fault in a whole kernel log.

use super::line::Line;
use super::message::{self, Announced, Begin, Detection, Ended, Locks, OURS};
use super::stack::{self, Stack};
use crate::fault::case::Case;
use crate::fault::detector;
use crate::template;
use serde::Serialize;
use std::collections::HashMap;

/// The first line of each boot.
const BOOT: &str = "Linux version ";
/// The message of a kernel that goes on after a warning or an oops.
const WENT_ON: &str = "---[ end trace ";
/// The longest time between reports of one panic.
const TOGETHER_SECS: f64 = 2.0;
const STALLS: &[&str] = detector::RCU_STALL.reports;

/// A panic, or an oops that starts the crash kernel without a panic.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Panic {
    pub time: Option<f64>,
    pub message: String,
    /// The first stack of its report: the thread that panicked.
    pub stack: Option<Stack>,
}

/// The facts of a kernel log on an injected fault.
#[derive(Debug, Default, Clone, PartialEq, Serialize)]
pub struct Story {
    pub announced: Option<Announced>,
    /// The holds of the last run, and of those of its last iteration.
    pub begins: Vec<Begin>,
    pub locks: Vec<Locks>,
    /// The reports since they began.
    pub detections: Vec<Detection>,
    /// Times of RCU's reports of a stall, each of which touches the watchdogs.
    pub stalls: Vec<f64>,
    /// Other messages that interrupts have printed: when, and on which CPU.
    #[serde(skip)]
    pub interrupts: Vec<(f64, u32)>,
    /// All stacks since then, in the order in which they begin.
    pub stacks: Vec<Stack>,
    pub panic: Option<Panic>,
    /// Whether the log reaches back to the boot.
    pub is_whole: bool,
    /// Whether any line is a module's.
    pub names_us: bool,
    /// The time of its first line.
    pub starts: Option<f64>,
}

/// Builds a story line by line.
#[derive(Default)]
struct Reader<'l> {
    story: Story,
    /// The stack that each CPU prints at the moment, as reports of several CPUs are interleaved.
    open: HashMap<Option<&'l str>, usize>,
    /// The last stack of a CPU before the panic, and the first one of the panicking CPU after it.
    last: Option<usize>,
    panicked: Option<usize>,
    panicking: Option<&'l str>,
    /// The kernel went on after the last report.
    went_on: bool,
    /// The following lines are another kernel's.
    is_over: bool,
}

impl Story {
    /// Reads the facts on `case` from a whole log.
    pub fn read(case: Case, log: &str) -> Self {
        let mut reader = Reader::default();
        for line in log.lines().map(Line::parse) {
            if reader.story.starts.is_none() && line.time.is_some() {
                reader.story.starts = line.time;
                reader.story.is_whole |= line.time == Some(0.0);
            }
            reader.add(case, line);
            if reader.is_over {
                break;
            }
        }
        reader.finish(case)
    }

    /// Returns the seconds from the begin of a fault to a time.
    pub fn since(begin: &Begin, time: Option<f64>) -> Option<f64> {
        Some(time? - begin.time?)
    }

    /// Returns the reports made together with the last one, to which a panic belongs.
    pub fn last_reports(&self) -> &[Detection] {
        let last = self.detections.last().and_then(|last| last.time);
        let is_earlier = |time: f64| last.is_some_and(|last| time < last - TOGETHER_SECS);
        let first = self
            .detections
            .iter()
            .position(|report| !report.time.is_some_and(is_earlier));
        &self.detections[first.unwrap_or(self.detections.len())..]
    }

    /// Drops the facts from before a run, or an iteration of it.
    fn begin_again(&mut self) {
        self.begins.clear();
        self.locks.clear();
        self.detections.clear();
        self.stalls.clear();
        self.interrupts.clear();
        self.stacks.clear();
    }
}

impl<'l> Reader<'l> {
    fn add(&mut self, case: Case, line: Line<'l>) {
        if line.text.starts_with(BOOT) {
            return self.boot(case);
        }
        self.story.names_us |= template::find(OURS, line.text).is_some();
        if let Some(stack) = stack::stack(line) {
            return self.stack(line, stack);
        }
        let story = &mut self.story;
        let open = self.open.get(&line.caller);
        if let Some(stack) = open.and_then(|at| story.stacks.get_mut(*at)) {
            if line.text.trim() == "</IRQ>" {
                // The frames before this mark are the interrupt's.
                let frames = stack.frames.iter_mut().rev();
                for frame in frames.take_while(|frame| !frame.in_interrupt) {
                    frame.in_interrupt = true;
                }
            }
            stack.frames.extend(stack::frame(line));
            stack.guesses.extend(stack::guess(line));
        }
        if story.panic.is_some() {
            return;
        }
        if let Some(message) = message::panic_message(line) {
            self.panicking = line.caller;
            story.panic = Some(Panic {
                time: line.time,
                message: message.into(),
                stack: None,
            });
        } else if let Some(announced) = message::announced(line) {
            // A new run: the panic is not of an earlier one.
            self.begin_again();
            self.story.announced = Some(announced);
        } else if let Some(begin) = message::begin(line) {
            self.begin(begin);
        } else if let Some((run, cpu)) = message::end(line) {
            for begin in &mut story.begins {
                let is_it = begin.run_id == run && cpu.is_none_or(|cpu| cpu == begin.cpu);
                if is_it && begin.ended.is_none() {
                    begin.ended = Some(Ended {
                        time: line.time,
                        line: line.text.trim().into(),
                    });
                }
            }
        } else if let Some(detection) = message::detection(case, line) {
            story.detections.push(detection);
            self.went_on = false;
        } else {
            self.went_on |= line.text.starts_with(WENT_ON);
            let is_stall = STALLS
                .iter()
                .any(|stall| template::is(stall, line.text.trim()));
            story.stalls.extend(line.time.filter(|_| is_stall));
            let cpu = line.caller.and_then(|caller| caller.strip_prefix('C'));
            let cpu = cpu.and_then(|cpu| cpu.parse().ok());
            story.interrupts.extend(line.time.zip(cpu));
            story.locks.extend(message::locks(line));
        }
    }

    /// Handles the start of another kernel: the next boot, or the crash kernel.
    fn boot(&mut self, case: Case) {
        if self.story.panic.is_some() || self.is_silent_panic(case) {
            self.is_over = true;
            return;
        }
        *self = Reader::default();
        self.story.is_whole = true;
    }

    fn begin(&mut self, begin: Begin) {
        let story = &mut self.story;
        let is_next = |earlier: &Begin| earlier.run_id != begin.run_id || earlier.cpu == begin.cpu;
        if story.begins.iter().any(is_next)
            || story.begins.iter().all(|earlier| earlier.ended.is_some())
        {
            // The panic is not of an earlier iteration.
            self.begin_again();
        }
        self.story.begins.push(begin);
    }

    fn begin_again(&mut self) {
        self.story.begin_again();
        self.open.clear();
        self.last = None;
    }

    /// Handles the beginning of a thread's stack.
    fn stack(&mut self, line: Line<'l>, stack: Stack) {
        let story = &mut self.story;
        let at = story.stacks.len();
        self.open.insert(line.caller, at);
        if story.panic.is_none() {
            if stack.cpu.is_some() && !story.detections.is_empty() {
                self.last = Some(at);
            }
        } else if stack.cpu.is_some() && line.caller == self.panicking {
            self.panicked.get_or_insert(at);
        }
        story.stacks.push(stack);
    }

    /// Returns whether the last report started the crash kernel without a panic.
    fn is_silent_panic(&self, case: Case) -> bool {
        case.detector.skips_panic && !self.went_on && !self.story.detections.is_empty()
    }

    fn finish(self, case: Case) -> Story {
        let is_silent_panic = self.is_silent_panic(case);
        let mut story = self.story;
        let stack = |at: Option<usize>| at.and_then(|at| story.stacks.get(at)).cloned();
        let (last, panicked) = (stack(self.last), stack(self.panicked));
        match &mut story.panic {
            Some(panic) => panic.stack = panicked.or(last.filter(|_| case.is_self_reported())),
            None if is_silent_panic => {
                story.panic = story.detections.first().map(|detection| Panic {
                    time: detection.time,
                    message: detection.line.clone(),
                    stack: last,
                });
            }
            None => {}
        }
        story
    }
}

#[cfg(test)]
mod tests {
    use super::super::stack::Frame;
    use super::*;
    use crate::fault::mode;

    fn soft() -> Case {
        Case::new(mode::find("soft").unwrap(), None).unwrap()
    }

    #[test]
    fn reads_the_story_of_a_soft_lockup() {
        let story = Story::read(soft(), include_str!("../../tests/data/soft.log"));
        let announced = story.announced.as_ref().unwrap();
        assert_eq!(announced.run_id, "t1");
        assert_eq!(announced.cpus, "1");
        assert_eq!(story.begins.len(), 1);
        assert_eq!(story.detections[0].thread.as_deref(), Some("lockup/1"));
        assert_eq!(story.detections[0].pid, Some(142));
        let panic = story.panic.as_ref().unwrap();
        assert_eq!(panic.message, "softlockup: hung tasks");
        let stack = panic.stack.as_ref().unwrap();
        assert_eq!(stack.thread, "lockup/1");
        assert_eq!((stack.cpu, stack.pid), (Some(1), 142));
        assert_eq!(stack.frames[0].function, "dump_stack_lvl");
        let ours = |frame: &&Frame| frame.module.as_deref() == Some("lockup");
        let ours: Vec<_> = stack.frames.iter().filter(ours).collect();
        assert_eq!(ours[0].function, "faultline_helper_cpu_relax");
        assert!(ours[1].is("lockup", "spin_preemption_off"));
        // The watchdog is in the timer's interrupt; what it interrupted is not.
        assert!(stack.frames[0].in_interrupt && !ours[1].in_interrupt);
        assert_eq!(story.stacks.len(), 2);
        let secs = Story::since(&story.begins[0], story.detections[0].time).unwrap();
        assert!((secs - 6.065222).abs() < 1e-9);
    }

    #[test]
    fn reports_of_two_cpus_at_once() {
        let log =
            "[1.0] [T9] lockup: run x: plan: mode=soft cpus=0-1 delay_secs=0 hold_secs=9 force=1\n\
            [2.0] [C0] CPU: 0 UID: 0 PID: 10 Comm: lockup/0 Not tainted 7.3 #1\n\
            [2.0] [C1] CPU: 1 UID: 0 PID: 11 Comm: lockup/1 Not tainted 7.3 #1\n\
            [2.1] [C0]  a+0x1/0x2\n\
            [2.1] [C1]  b+0x1/0x2\n\
            [2.2] [C0] task:lockup/2        state:D stack:0     pid:12    tgid:12 ppid:2\n\
            [2.2] [C0]  c+0x1/0x2 [lockup]\n";
        let stacks = Story::read(soft(), log).stacks;
        let seen: Vec<_> = stacks
            .iter()
            .map(|stack| (stack.thread.as_str(), stack.frames[0].function.as_str()))
            .collect();
        assert_eq!(
            seen,
            [("lockup/0", "a"), ("lockup/1", "b"), ("lockup/2", "c")]
        );
        assert_eq!(stacks[2].state.as_deref(), Some("D"));
    }

    #[test]
    fn an_earlier_run_is_not_what_panicked() {
        let panicked = include_str!("../../tests/data/soft.log");
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
        let story = Story::read(soft(), include_str!("../../tests/data/sysrq.log"));
        assert!(story.detections.is_empty() && story.begins.is_empty());
        assert_eq!(story.panic.unwrap().message, "sysrq triggered crash");
    }

    /// Reads a log of so many lines that what took a look at all earlier ones for each would not
    /// end.
    fn in_time(lines: impl Iterator<Item = String>) -> Story {
        let log: String = lines.flat_map(|line| [line, "\n".into()]).collect();
        let begin = std::time::Instant::now();
        let case = Case::new(mode::find("soft").unwrap(), None).unwrap();
        let story = Story::read(case, &log);
        let took = begin.elapsed();
        assert!(took < std::time::Duration::from_secs(20), "{took:?}");
        story
    }

    #[test]
    fn a_log_of_any_length_is_read_in_time() {
        const MANY: u32 = 100_000;
        // A stack each, by another caller each; one stack with an interrupt after each frame; CPUs.
        let stacks =
            in_time((0..MANY).map(|n| {
                format!("[    1.0] [ T{n}] CPU: 1 UID: 0 PID: {n} Comm: a Not tainted 7.3")
            }));
        assert_eq!(stacks.stacks.len(), MANY as usize);
        let first = "[    1.0] [ T1] CPU: 1 UID: 0 PID: 1 Comm: a Not tainted 7.3".to_string();
        let frames = in_time([first].into_iter().chain((0..MANY).map(|n| {
            let text = ["f+0x1/0x2", "</IRQ>"][n as usize % 2];
            format!("[    1.0] [ T1]  {text}")
        })));
        let frames = &frames.stacks[0].frames;
        assert_eq!(frames.len(), MANY as usize / 2);
        assert!(frames.iter().all(|frame| frame.in_interrupt));
        let begins = in_time((0..MANY).map(|cpu| {
            format!("[    1.0] lockup: run x: cpu {cpu}: begin: mode=soft hold_secs=1")
        }));
        assert_eq!(begins.begins.len(), message::MOST_CPUS as usize);
    }
}
