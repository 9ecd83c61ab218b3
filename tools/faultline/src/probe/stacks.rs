// SPDX-License-Identifier: GPL-2.0

//! Stacks: the kernel writes one after its event, with events of other CPUs between. An event waits for
//! its stack.

use super::event::{Call, Line};
use std::collections::BTreeMap;

/// Events that wait for their stacks, one of each CPU.
#[derive(Default)]
pub struct Stacks {
    wanted: bool,
    waiting: BTreeMap<u32, (Call, Vec<String>)>,
    /// The CPU of the stack that is being read.
    reading: Option<u32>,
}

impl Stacks {
    pub fn new(wanted: bool) -> Self {
        Stacks {
            wanted,
            ..Stacks::default()
        }
    }

    /// Takes note of a line. Returns the event that is complete before it.
    pub fn before(&mut self, line: &Line) -> Option<(Call, Vec<String>)> {
        match line {
            Line::Frame(frame) => {
                let (_, stack) = self.waiting.get_mut(&self.reading?)?;
                stack.push(frame.clone());
                None
            }
            Line::Stack(head) => {
                let complete = self.take();
                let of = self.waiting.get(&head.cpu);
                let is_of_it = of.is_some_and(|(call, _)| call.head.pid == head.pid);
                self.reading = is_of_it.then_some(head.cpu);
                complete
            }
            _ => self.take(),
        }
    }

    /// The event of which the stack has been read.
    fn take(&mut self) -> Option<(Call, Vec<String>)> {
        let (call, stack) = self.waiting.remove(&self.reading.take()?)?;
        Some((call, without_probe(stack)))
    }

    /// Adds an event. Returns one that is complete: itself, or the one before, which has no stack.
    pub fn add(&mut self, call: Call) -> Option<(Call, Vec<String>)> {
        if !self.wanted {
            return Some((call, Vec::new()));
        }
        self.waiting.insert(call.head.cpu, (call, Vec::new()))
    }

    /// All that still wait, when nothing more comes.
    pub fn rest(&mut self) -> Vec<(Call, Vec<String>)> {
        self.reading = None;
        let mut rest: Vec<_> = std::mem::take(&mut self.waiting).into_values().collect();
        rest.sort_by_key(|(call, _)| call.head.time_us);
        rest.into_iter()
            .map(|(call, stack)| (call, without_probe(stack)))
            .collect()
    }
}

/// What a probe itself has on the stack, in the kernel and in the module; what has no name is made by
/// ftrace.
const OF_PROBES: &[&str] = &[
    "0x",
    "fprobe",
    "kprobe",
    "kretprobe",
    "rethook",
    "ftrace",
    "func_probe",
    "trace_event",
    "optimized_callback",
    "return_to_handler",
];

/// As deep as a probe is.
const DEPTH: usize = 16;

/// A stack without the frames of the probe, which come first.
fn without_probe(stack: Vec<String>) -> Vec<String> {
    let is_of_probe = |frame: &String| OF_PROBES.iter().any(|part| frame.contains(part));
    // Frames between them are of what they call.
    let first = &stack[..stack.len().min(DEPTH)];
    let first = first.iter().rposition(is_of_probe);
    let first = first.map_or(0, |last| last + 1);
    stack.into_iter().skip(first).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What becomes of lines: each event by its number, with its stack.
    fn shown(wanted: bool, lines: &[&str]) -> Vec<(u32, Vec<String>)> {
        let mut stacks = Stacks::new(wanted);
        let mut complete = Vec::new();
        for line in lines {
            let line = Line::read(line);
            complete.extend(stacks.before(&line));
            if let Line::Call(call) = line {
                complete.extend(stacks.add(*call));
            }
        }
        complete.extend(stacks.rest());
        complete
            .into_iter()
            .map(|(call, stack)| (call.id, stack))
            .collect()
    }

    fn line(cpu: u32, pid: i32, id: u32, time: u32) -> [String; 2] {
        let head = format!("              dd-{pid}     [{cpu:03}] ...1.    14.{time:06}: ");
        let names = ["a", "f"]
            .iter()
            .flat_map(|letter| (0..6).map(move |at| (letter, at)));
        let numbers: Vec<_> = names
            .map(|(letter, at)| format!("{letter}{at}=0 "))
            .collect();
        let numbers = numbers.concat();
        [
            format!("{head}call: id={id} tgid=1 {numbers}unread=0 cut=0 t0=\"\" t1=\"\""),
            format!("{head}<stack trace>"),
        ]
    }

    #[test]
    fn each_stack_is_of_its_event() {
        let ([a, a_stack], [b, b_stack], [c, _]) =
            (line(0, 7, 1, 1), line(1, 8, 2, 2), line(0, 7, 3, 3));
        let lines = [
            a.as_str(),
            &b,
            &a_stack,
            " => fprobe_handler",
            " => arch_ftrace_ops_list_func",
            " => 0xffffffffc063b095",
            " => vfs_read",
            " => ksys_read",
            &b_stack,
            " => vfs_write",
            &c,
        ];
        let names = |names: &[&str]| {
            names
                .iter()
                .map(|name| name.to_string())
                .collect::<Vec<_>>()
        };
        assert_eq!(
            shown(true, &lines),
            [
                (1, names(&["vfs_read", "ksys_read"])),
                (2, names(&["vfs_write"])),
                (3, vec![])
            ]
        );
        assert_eq!(
            shown(false, &lines),
            [(1, vec![]), (2, vec![]), (3, vec![])]
        );
    }

    #[test]
    fn stacks_that_are_missing_or_of_others() {
        let ([a, _], [b, b_stack], [_, other]) =
            (line(0, 7, 1, 1), line(0, 7, 2, 2), line(0, 9, 3, 3));
        // The first has none, as the buffer was full; another program's is not the second's.
        let lines = [
            a.as_str(),
            &b,
            &other,
            " => schedule",
            &b_stack,
            " => vfs_read",
        ];
        assert_eq!(
            shown(true, &lines),
            [(1, vec![]), (2, vec!["vfs_read".into()])]
        );
        assert_eq!(shown(true, &[" => vfs_read"]), []);
    }
}
