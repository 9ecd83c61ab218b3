// SPDX-License-Identifier: GPL-2.0

//! The kernel log, from a console or a vmcore: lines with the kernel's own time, and
//! in them what tells about an injected fault.

use crate::mode::Case;
use crate::template;
use serde::{Deserialize, Serialize};

/// One line: the kernel's time in seconds, if it has one, who printed it, and its text.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Line<'a> {
    /// Seconds on the kernel's own clock.
    pub time: Option<f64>,
    /// The thread (`T143`) or CPU (`C1`), where the kernel notes it down.
    pub caller: Option<&'a str>,
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
                caller: None,
                text: line,
            };
        };
        let unspaced = text.strip_prefix(' ').unwrap_or(text);
        let mut caller = None;
        if let Some((word, rest)) = unspaced
            .strip_prefix('[')
            .and_then(|rest| rest.split_once(']'))
        {
            let word = word.trim();
            if matches!(word.as_bytes(), [b'T' | b'C', digits @ ..] if digits.iter().all(u8::is_ascii_digit))
            {
                caller = Some(word);
                text = rest;
            }
        }
        Line {
            time: Some(time),
            caller,
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

/// What a thread said of its locks.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Locks {
    pub cpu: u32,
    pub has: String,
    pub wants: String,
}

/// A detector's report, with what its line tells of the culprit.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Detection {
    pub time: Option<f64>,
    pub cpu: Option<u32>,
    pub thread: Option<String>,
    pub pid: Option<i32>,
    pub line: String,
}

/// A panic, or, where an oops starts the crash kernel without one, that oops.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Panic {
    pub time: Option<f64>,
    pub message: String,
    /// What panicked: the first stack that its report shows.
    pub stack: Option<Stack>,
}

/// A thread and what it was doing, as a report shows it.
#[derive(Debug, Default, Clone, PartialEq, Serialize, Deserialize)]
pub struct Stack {
    pub thread: String,
    pub pid: i32,
    /// Of what runs on a CPU.
    pub cpu: Option<u32>,
    /// Of what is shown as a task: `R`, `S`, `D`, ...
    pub state: Option<String>,
    /// Innermost first.
    pub frames: Vec<Frame>,
}

/// A function in a call trace.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Frame {
    pub function: String,
    /// Its module; none for the kernel proper.
    pub module: Option<String>,
    /// An interrupt called it.
    #[serde(default)]
    pub in_interrupt: bool,
}

impl Frame {
    /// Is it this function of that module? Closures and functions within it count.
    pub fn is(&self, module: &str, function: &str) -> bool {
        self.module.as_deref() == Some(module)
            && self.function.split("::").any(|part| part == function)
    }
}

const ANNOUNCED: &str = "lockup: run {run}: plan: mode={mode} cpus={cpus} ";
const BEGIN: &str = "lockup: run {run}: cpu {cpu}: begin: mode={mode} ";
const PANIC: &str = "Kernel panic - not syncing: {message}";
const LOCKS: &str = "lockup: run {run}: cpu {cpu}: holds lock {has}, wants lock {wants}";
const CONTEXT: &str = "CPU: {cpu} ";
const CONTEXT_PID: &str = "PID: {pid} Comm: {comm_and_taint}";
const TASK: &str = "task:{thread} state:{state} stack:{stack} pid:{pid} ";

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

/// What a thread says of its locks, if it is that.
fn locks(line: Line<'_>) -> Option<Locks> {
    let found = template::find(LOCKS, line.text)?;
    Some(Locks {
        cpu: found.number("cpu")?,
        has: found.text("has").into(),
        wants: found.text("wants").into(),
    })
}

/// A report of what is looked for, if `line` is one.
pub fn detection(case: Case, line: Line<'_>) -> Option<Detection> {
    let found = case
        .reports()
        .iter()
        .find_map(|report| template::find(report, line.text))?;
    // Where a report names both, it has `thread:pid` in one word.
    let task = found.text("task").rsplit_once(':');
    let (thread, pid) = task.unwrap_or((found.text("thread"), found.text("pid")));
    let thread = thread.rsplit(": ").next().unwrap_or(thread);
    Some(Detection {
        time: line.time,
        cpu: found.number("cpu"),
        thread: Some(thread.trim().to_string()).filter(|name| !name.is_empty()),
        pid: pid.parse().ok(),
        line: line.text.trim().into(),
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

/// Name, state and PID of a task, in a line like
/// `task:lockup/1        state:D stack:0     pid:143   tgid:143   ppid:2`.
fn task(line: Line<'_>) -> Option<Stack> {
    let found = template::find(TASK, line.text).filter(|_| line.text.starts_with("task:"))?;
    Some(Stack {
        thread: found.text("thread").trim().into(),
        pid: found.number("pid")?,
        state: Some(found.text("state").trim().into()),
        ..Stack::default()
    })
}

/// The beginning of a thread's stack, if `line` is one.
fn stack(line: Line<'_>) -> Option<Stack> {
    if let Some((cpu, pid, thread)) = context(line) {
        return Some(Stack {
            thread: thread.into(),
            pid,
            cpu: Some(cpu),
            ..Stack::default()
        });
    }
    task(line)
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
        in_interrupt: false,
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
    pub locks: Vec<Locks>,
    pub detections: Vec<Detection>,
    /// All stacks that it shows, in the order in which they begin.
    pub stacks: Vec<Stack>,
    pub panic: Option<Panic>,
}

/// Reads a story line by line.
struct Reader<'l> {
    story: Story,
    /// Who prints which stack at the moment: reports of several CPUs are mixed.
    open: Vec<(Option<&'l str>, usize)>,
    /// The stack that follows the first report, and the one that follows the panic.
    reported: Option<usize>,
    panicked: Option<usize>,
}

impl Story {
    /// Reads a whole log for what concerns `case`.
    pub fn read(case: Case, log: &str) -> Self {
        let mut reader = Reader {
            story: Story::default(),
            open: Vec::new(),
            reported: None,
            panicked: None,
        };
        for line in log.lines().map(Line::parse) {
            reader.add(case, line);
        }
        reader.finish(case)
    }

    /// Seconds from the beginning of a fault to a time.
    pub fn since(begin: &Begin, time: Option<f64>) -> Option<f64> {
        Some(time? - begin.time?)
    }
}

impl<'l> Reader<'l> {
    fn add(&mut self, case: Case, line: Line<'l>) {
        let story = &mut self.story;
        if let Some(announced) = announced(line) {
            // A new run: what an earlier one did is not what panicked.
            if story.panic.is_none() {
                *story = Story {
                    announced: Some(announced),
                    ..Story::default()
                };
                self.open.clear();
                self.reported = None;
            }
            return;
        }
        if let Some(stack) = stack(line) {
            let at = story.stacks.len();
            self.open.retain(|(caller, _)| *caller != line.caller);
            self.open.push((line.caller, at));
            story.stacks.push(stack);
            if story.panic.is_some() {
                self.panicked.get_or_insert(at);
            } else if !story.detections.is_empty() {
                self.reported.get_or_insert(at);
            }
            return;
        }
        let open = self.open.iter().find(|(caller, _)| *caller == line.caller);
        if let Some(stack) = open.and_then(|(_, at)| story.stacks.get_mut(*at)) {
            if line.text.trim() == "</IRQ>" {
                for frame in &mut stack.frames {
                    frame.in_interrupt = true;
                }
            }
            stack.frames.extend(frame(line));
        }
        if let Some(message) = panic_message(line) {
            story.panic.get_or_insert(Panic {
                time: line.time,
                message: message.into(),
                stack: None,
            });
        } else if story.panic.is_none() {
            story.begins.extend(begin(line));
            story.locks.extend(locks(line));
            story.detections.extend(detection(case, line));
        }
    }

    fn finish(self, case: Case) -> Story {
        let mut story = self.story;
        let stack = |at: Option<usize>| at.and_then(|at| story.stacks.get(at)).cloned();
        let (reported, panicked) = (stack(self.reported), stack(self.panicked));
        match &mut story.panic {
            Some(panic) => panic.stack = panicked.or(reported.filter(|_| case.is_self_reported())),
            // The report is the end of the log: it started the crash kernel.
            None if case.is_self_reported() => {
                story.panic = story.detections.first().map(|detection| Panic {
                    time: detection.time,
                    message: detection.line.clone(),
                    stack: reported,
                });
            }
            None => {}
        }
        story
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mode;

    fn soft() -> Case {
        Case::new(mode::find("soft").unwrap(), None).unwrap()
    }

    fn line<'a>(time: f64, caller: Option<&'a str>, text: &'a str) -> Line<'a> {
        Line {
            time: Some(time),
            caller,
            text,
        }
    }

    #[test]
    fn splits_time_caller_and_text() {
        for (text, parsed) in [
            ("[   12.5] a [b] c\r", line(12.5, None, "a [b] c")),
            ("[   12.5] [  T143] a", line(12.5, Some("T143"), "a")),
            ("[   12.5][  C1] a", line(12.5, Some("C1"), "a")),
            ("[    1.0] [lockup] x", line(1.0, None, "[lockup] x")),
            ("[    1.0]   f+0x1/0x2", line(1.0, None, "  f+0x1/0x2")),
        ] {
            assert_eq!(Line::parse(text), parsed);
        }
        for text in ["no time", "[bracket] x"] {
            let unparsed = Line {
                time: None,
                caller: None,
                text,
            };
            assert_eq!(Line::parse(text), unparsed);
        }
    }

    #[test]
    fn reads_the_story_of_a_soft_lockup() {
        let story = Story::read(soft(), include_str!("../tests/data/soft.log"));
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
        assert_eq!(
            (found.thread.as_deref(), found.pid),
            (Some("kworker/3:1"), Some(77))
        );
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
