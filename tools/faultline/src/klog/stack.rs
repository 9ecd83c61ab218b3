// SPDX-License-Identifier: GPL-2.0

//! The stacks in reports: each thread, its state, and its functions.

use super::line::Line;
use crate::template;
use serde::{Deserialize, Serialize};
use std::fmt::{self, Write};

/// A thread and its stack in a report.
#[derive(Debug, Default, Clone, PartialEq, Serialize, Deserialize)]
pub struct Stack {
    pub thread: String,
    pub pid: i32,
    /// The CPU, for a running thread.
    pub cpu: Option<u32>,
    /// The state, for a task: `R`, `S`, `D`, ...
    pub state: Option<String>,
    /// Innermost first.
    pub frames: Vec<Frame>,
    /// The entries marked `?`, of which the kernel does not know whether they are of the trace.
    #[serde(skip)]
    pub guesses: Vec<Frame>,
}

impl Stack {
    /// Returns whether the kernel lost its way in it: it came to none of the functions in which a
    /// stack begins, and all that there is are guesses. It does so where it has no data of the
    /// instruction that was interrupted, as of a retpoline's first.
    pub fn is_lost(&self) -> bool {
        const BEGINNINGS: [&str; 4] = ["ret_from_fork", "kthread", "entry_", "do_syscall"];

        let is_beginning = |frame: &Frame| {
            let mut known = BEGINNINGS.iter();
            known.any(|beginning| frame.function.starts_with(beginning))
        };
        !self.guesses.is_empty() && !self.frames.iter().any(is_beginning)
    }
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
    /// Returns whether it is this function of that module, or a closure or function within it.
    pub fn is(&self, module: &str, function: &str) -> bool {
        self.module.as_deref() == Some(module)
            && self.function.split("::").any(|part| part == function)
    }
}

const CONTEXT: &str = "CPU: {cpu} ";
const CONTEXT_PID: &str = "PID: {pid} Comm: {comm_and_taint}";
const TASK: &str = "task:{thread} state:{state} stack:{stack} pid:{pid} ";

/// The longest name of a function; the kernel limits its own, mangled, to 512 letters.
const LONGEST_NAME: usize = 4096;

/// Parses CPU, PID and name of the thread in a report's line like
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

/// Parses name, state and PID of a task in a line like
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

/// Parses the beginning of a thread's stack, if `line` is one.
pub fn stack(line: Line<'_>) -> Option<Stack> {
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

/// Parses a function of a call trace: `RIP: 0010:f+0x3a/0x80 [m]` or `f+0x59/0xf0 [m]`.
/// Entries marked `?` are no part of the trace for certain; see [`guess`].
pub fn frame(line: Line<'_>) -> Option<Frame> {
    entry(line.text.trim())
}

/// Parses an entry of a call trace that is marked `?`: mostly stale data on the stack.
pub fn guess(line: Line<'_>) -> Option<Frame> {
    entry(line.text.trim().strip_prefix("? ")?)
}

fn entry(text: &str) -> Option<Frame> {
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

/// Returns the function's name in its source, if rustc mangled it.
pub fn demangled(function: &str) -> String {
    /// A text with a limit, as a few letters can demangle to a million.
    struct Bounded(String);

    impl fmt::Write for Bounded {
        fn write_str(&mut self, text: &str) -> fmt::Result {
            if self.0.len() + text.len() > LONGEST_NAME {
                return Err(fmt::Error);
            }
            self.0.write_str(text)
        }
    }

    let mut name = Bounded(String::new());
    match write!(name, "{:#}", rustc_demangle::demangle(function)) {
        Ok(()) => name.0,
        Err(_) => function.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_with_blanks_and_colons() {
        let line = Line::parse("[1.0] CPU: 3 UID: 0 PID: 9 Comm: kworker/3:1 x Not tainted 7.3 #1");
        assert_eq!(context(line), Some((3, 9, "kworker/3:1 x")));
    }

    #[test]
    fn demangles_rust_functions() {
        let line =
            Line::parse("[1.0] RIP: 0010:_RNvNtCs6jbl6CnCMjw_6lockup4soft4spin+0x3a/0x80 [lockup]");
        assert_eq!(frame(line).unwrap().function, "lockup::soft::spin");
        let guessed = Line::parse("[1.0]  ? fn+0x59/0xf0 [lockup]");
        assert_eq!(frame(guessed), None);
        assert_eq!(guess(guessed).unwrap().function, "fn");
        assert_eq!(guess(line), None);
        assert_eq!(
            frame(Line::parse("[1.0] R10: ff47823041e20d50 R11: 0")),
            None
        );
    }

    /// Each type in it is twice the one before, of which it says only where that was.
    #[test]
    fn a_name_that_stands_for_a_long_one_stays_as_it_is() {
        let digits = b"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
        let name = |depth: usize| {
            let twice = (0..depth).map(|n| {
                let digit = char::from(digits[8 + depth - n - 1]);
                format!("B{digit}_E")
            });
            let types = "T".repeat(depth) + "u" + &twice.collect::<String>();
            format!("_RINvC1a1f{types}E")
        };
        assert_eq!(demangled(&name(2)), "a::f::<(((), ()), ((), ()))>");
        assert_eq!(demangled(&name(40)), name(40));
    }
}
