// SPDX-License-Identifier: GPL-2.0

//! The kernel's events about signals, taken apart from lines like
//!
//! ```text
//! <head>: signal_generate: sig=15 errno=0 code=0 comm=sleep pid=900 grp=1 res=0
//! <head>: signal_deliver: sig=15 errno=0 code=0 sa_handler=0 sa_flags=0
//! <head>: mark_victim: pid=900 comm=hog total-vm:...
//! <head>: coredump: sig=11 comm=prog
//! <head>: sched_process_exit: comm=sleep pid=900 prio=120 group_dead=true
//! ```
//!
//! A name may be anything of up to 15 bytes, in the head and in the event: too little to look like
//! an event of its own, but enough to break a line.

use crate::tracing::line::{Head, Lost};

/// What a line tells.
#[derive(Debug, Clone, PartialEq)]
pub enum Line {
    Event(Head, Event),
    Lost(Lost),
    Unreadable(String),
}

/// An event.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// A signal is sent.
    Generated {
        signal: i32,
        errno: i32,
        code: i32,
        comm: String,
        pid: i32,
        /// To a whole process, of which `pid` is a thread.
        to_process: bool,
        result: Sending,
    },
    /// A signal is taken by the thread in which this happens.
    Delivered {
        signal: i32,
        code: i32,
        handler: u64,
    },
    /// The OOM killer has chosen it.
    Victim { pid: i32 },
    /// The thread begins to dump its core.
    CoreDump,
    /// A thread ends.
    Ended { pid: i32 },
}

/// What came of sending, at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sending {
    Queued,
    Ignored,
    AlreadyPending,
    /// The queue is full, and the sender was told.
    Refused,
    /// The queue is full: sent without what it should carry.
    WithoutData,
}

/// The names of the events.
pub const GENERATED: &str = "signal_generate";
pub const DELIVERED: &str = "signal_deliver";
pub const VICTIM: &str = "mark_victim";
pub const CORE_DUMP: &str = "coredump";
pub const ENDED: &str = "sched_process_exit";
const NAMES: [&str; 5] = [GENERATED, DELIVERED, VICTIM, CORE_DUMP, ENDED];

/// No name of a thread is longer.
const LONGEST_COMM: usize = 15;
/// As many lines can one name make of one event, twice.
const MOST_PIECES: usize = 2 * LONGEST_COMM + 1;

/// Reads lines, of which some may be pieces of one.
#[derive(Default)]
pub struct Reader {
    /// What was not understood, and may be the beginning of the next line.
    pieces: Vec<String>,
}

impl Reader {
    /// Reads a line. What it tells, and what the ones before it tell which are no pieces of it.
    pub fn read(&mut self, line: &str) -> Vec<Line> {
        if let Some(lost) = Lost::read(line) {
            let mut told = self.rest();
            told.push(Line::Lost(lost));
            return told;
        }
        // With as many of the pieces before it as it takes.
        for first in (0..=self.pieces.len()).rev() {
            let whole = match &self.pieces[first..] {
                [] => line.to_string(),
                pieces => format!("{}\n{line}", pieces.join("\n")),
            };
            let Some((head, event)) = event(&whole) else {
                continue;
            };
            // The event's own name is whole already: what is before may belong to the head's.
            let (head, first) = self.with_pieces(head, first);
            let mut told: Vec<_> = self.pieces.drain(..first).map(Line::Unreadable).collect();
            self.pieces.clear();
            told.push(Line::Event(head, event));
            return told;
        }
        self.pieces.push(line.into());
        match self.pieces.len() > MOST_PIECES {
            true => vec![Line::Unreadable(self.pieces.remove(0))],
            false => Vec::new(),
        }
    }

    /// The head with what of the pieces before `first` is the beginning of its name, and where that
    /// begins.
    fn with_pieces(&self, mut head: Head, mut first: usize) -> (Head, usize) {
        while let (Some(comm), Some(at)) = (&head.comm, first.checked_sub(1)) {
            let whole = format!("{}\n{comm}", self.pieces[at].trim_start_matches(' '));
            if whole.len() > LONGEST_COMM {
                break;
            }
            head.comm = Some(whole);
            first = at;
        }
        (head, first)
    }

    /// What is left in the end.
    pub fn rest(&mut self) -> Vec<Line> {
        self.pieces.drain(..).map(Line::Unreadable).collect()
    }
}

fn event(line: &str) -> Option<(Head, Event)> {
    let (head, name, text) = NAMES.iter().find_map(|name| {
        let (head, text) = line.split_once(&format!(": {name}: "))?;
        Some((head, *name, text))
    })?;
    let fields = Fields(text);
    let event = match name {
        GENERATED => {
            let (rest, result) = fields.last::<u32>("res")?;
            let (rest, group) = rest.last::<i32>("grp")?;
            let (rest, pid) = rest.last::<i32>("pid")?;
            let (numbers, comm) = rest.0.split_once(" comm=")?;
            let numbers = Fields(numbers);
            Event::Generated {
                signal: numbers.number("sig")?,
                errno: numbers.number("errno")?,
                code: numbers.number("code")?,
                comm: comm.into(),
                pid,
                to_process: group != 0,
                result: match result {
                    0 => Sending::Queued,
                    1 => Sending::Ignored,
                    2 => Sending::AlreadyPending,
                    3 => Sending::Refused,
                    4 => Sending::WithoutData,
                    _ => return None,
                },
            }
        }
        DELIVERED => Event::Delivered {
            signal: fields.number("sig")?,
            code: fields.number("code")?,
            handler: u64::from_str_radix(fields.text("sa_handler")?, 16).ok()?,
        },
        VICTIM => Event::Victim {
            pid: fields.number("pid")?,
        },
        CORE_DUMP => Event::CoreDump,
        _ => {
            // What follows the name has no name in it.
            let (_, rest) = text.rsplit_once(" pid=")?;
            Event::Ended {
                pid: rest.split(' ').next()?.parse().ok()?,
            }
        }
    };
    Some((Head::read(head)?, event))
}

/// The text of an event: `key=value key=value`.
#[derive(Clone, Copy)]
struct Fields<'a>(&'a str);

impl<'a> Fields<'a> {
    fn text(self, key: &str) -> Option<&'a str> {
        self.0
            .split(' ')
            .find_map(|field| field.strip_prefix(key)?.strip_prefix('='))
    }

    fn number<T: std::str::FromStr>(self, key: &str) -> Option<T> {
        self.text(key)?.parse().ok()
    }

    /// The last field, which has this key, and what is before it.
    fn last<T: std::str::FromStr>(self, key: &str) -> Option<(Self, T)> {
        let (rest, field) = self.0.rsplit_once(' ')?;
        let value = field.strip_prefix(key)?.strip_prefix('=')?;
        Some((Fields(rest), value.parse().ok()?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINES: &str = include_str!("../../tests/data/signal_events.log");

    fn read(text: &str) -> Vec<Line> {
        let mut reader = Reader::default();
        let mut told: Vec<_> = text.lines().flat_map(|line| reader.read(line)).collect();
        told.extend(reader.rest());
        told
    }

    fn one(line: &str) -> (Head, Event) {
        match read(line).as_slice() {
            [Line::Event(head, event)] => (head.clone(), event.clone()),
            other => panic!("{line}: {other:?}"),
        }
    }

    #[test]
    fn recorded_lines() {
        let mut counts = [0; 5];
        for line in LINES.lines() {
            let (_, event) = one(line);
            counts[match event {
                Event::Generated { .. } => 0,
                Event::Delivered { .. } => 1,
                Event::Victim { .. } => 2,
                Event::CoreDump => 3,
                Event::Ended { .. } => 4,
            }] += 1;
        }
        assert!(counts.iter().all(|&count| count > 0), "{counts:?}");
    }

    const GENERATE: &str =
        "            bash-812     [001] d..2.  7216.123456: signal_generate: sig=15 errno=0 code=0 \
         comm=sleep pid=900 grp=1 res=0";

    #[test]
    fn a_signal() {
        let (head, event) = one(GENERATE);
        assert_eq!(
            (head.comm.as_deref(), head.pid, head.cpu, head.time_us),
            (Some("bash"), 812, 1, 7_216_123_456)
        );
        assert_eq!(
            event,
            Event::Generated {
                signal: 15,
                errno: 0,
                code: 0,
                comm: "sleep".into(),
                pid: 900,
                to_process: true,
                result: Sending::Queued,
            }
        );
        let (_, event) = one(
            "sleep-900 [001] d..2. 7216.123457: signal_deliver: sig=10 errno=0 code=-6 \
             sa_handler=55d0c0ffee sa_flags=4000000",
        );
        assert_eq!(
            event,
            Event::Delivered {
                signal: 10,
                code: -6,
                handler: 0x55_d0c0_ffee,
            }
        );
    }

    #[test]
    fn whatever_programs_call_themselves() {
        for comm in [
            "a b",
            "x pid=1 grp=0",
            ": signal_deli",
            " comm=",
            "res=1",
            "-",
            "",
            "a\nb",
            "\n\n\n",
            "a\n",
            "\nb",
        ] {
            let line = format!(
                "{comm:>16}-812     [001] d..2.  1.000001: signal_generate: sig=15 errno=0 code=0 \
                 comm={comm} pid=900 grp=1 res=0"
            );
            let (head, event) = one(&line);
            // The kernel pads a name with blanks on its left.
            assert_eq!(head.comm.as_deref(), Some(comm.trim_start_matches(' ')));
            let Event::Generated {
                comm: known, pid, ..
            } = event
            else {
                panic!("{event:?}")
            };
            assert_eq!((known.as_str(), pid), (comm, 900));
            let line = format!(
                "{comm:>16}-812     [001] d..2.  1.000001: sched_process_exit: comm={comm} pid=7 \
                 prio=120 group_dead=true"
            );
            assert_eq!(one(&line).1, Event::Ended { pid: 7 }, "{comm:?}");
        }
    }

    #[test]
    fn what_is_no_event_is_told_as_it_is() {
        let long = "[LINE TOO BIG], or something else";
        let told = read(&format!("{long}\n{GENERATE}\nCPU:1 [LOST 3 EVENTS]\nx"));
        assert_eq!(told[0], Line::Unreadable(long.into()));
        assert!(matches!(&told[1], Line::Event(head, _) if head.comm.as_deref() == Some("bash")));
        assert!(matches!(&told[2], Line::Lost(lost) if lost.events == Some(3)));
        assert_eq!(told[3], Line::Unreadable("x".into()));
        assert_eq!(told.len(), 4);
        for wrong in [
            GENERATE.replace("res=0", "res=5"),
            GENERATE.replace("sig=15", "sig=x"),
            GENERATE.replace("pid=900", "pid=99999999999"),
            GENERATE.replace("[001]", "[x]"),
            GENERATE.replace(" comm=sleep", ""),
        ] {
            assert_eq!(read(&wrong), [Line::Unreadable(wrong.clone())]);
        }
    }

    #[test]
    fn pieces_do_not_heap_up() {
        let mut reader = Reader::default();
        let told: usize = (0..1000).map(|_| reader.read("junk").len()).sum();
        assert_eq!(told + MOST_PIECES, 1000);
        assert_eq!(reader.rest().len(), MOST_PIECES);
    }

    /// No piece of a line, and no line with a byte changed, is more than unreadable.
    #[test]
    fn damaged_lines_are_survived() {
        for line in LINES.lines() {
            for end in 0..line.len() {
                read(&line[..end]);
                read(&line[end..]);
                for byte in [b' ', b':', b'=', b'.', b'-', b'9', b'\n'] {
                    let mut damaged = line.as_bytes().to_vec();
                    damaged[end] = byte;
                    read(&String::from_utf8_lossy(&damaged));
                }
            }
        }
    }
}
