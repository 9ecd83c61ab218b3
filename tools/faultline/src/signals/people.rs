// SPDX-License-Identifier: GPL-2.0

//! Signals for people: when, who, to whom, what, how, and what came of it.

use super::names::{self, Sender};
use super::outcome::{ended, End, Outcome, Signal, Task};
use crate::terminal::layout::{self, Part, BAD, GOOD};
use anstyle::Style;

const NAME: Style = Style::new().bold();

/// How it is shown.
#[derive(Debug, Default)]
pub struct Look {
    /// The columns that there are; none: as many as it takes.
    pub width: Option<usize>,
    pub colour: bool,
}

impl Look {
    /// A signal, with the end of its line. `time` is when it was sent.
    pub fn signal(&self, time: &str, signal: &Signal) -> String {
        let reason = signal.reason();
        let mut parts = Vec::new();
        match &signal.from {
            // In whose context it happened tells something of a device or a timer, if anything.
            Some(from) if reason.sender == Sender::Kernel && *from == signal.to => {
                parts.push(Part::plain("kernel"));
            }
            Some(from) if names::is_of_child(signal.signal, signal.code) => {
                parts.push(Part::plain(task(from)));
            }
            Some(from) if reason.sender == Sender::Kernel => {
                parts.push(Part::plain("kernel"));
                parts.push(Part::plain(format!("(in {})", task(from))));
            }
            Some(from) => parts.push(Part::plain(task(from))),
            None => parts.push(Part::plain("(sent before)")),
        }
        parts.push(Part::plain(format!("-> {}", task(&signal.to))));
        parts.push(Part(names::signal(signal.signal).into(), NAME));
        if signal.from.is_some() {
            parts.push(Part::plain(format!("({})", reason.way)));
        }
        let style = match signal.outcome {
            outcome if outcome.is_end() => BAD,
            Outcome::Refused | Outcome::NotFollowed | Outcome::Pending => BAD,
            Outcome::Handled => GOOD,
            _ => Style::new(),
        };
        let again = if signal.again { "later " } else { "" };
        let words = format!("{again}{}", signal.words());
        parts.extend(words.split(' ').map(|word| Part(word.into(), style)));
        self.lay_out(time, &parts)
    }

    /// The end of a process that had handled a signal.
    pub fn end(&self, time: &str, end: &End) -> String {
        let after = end.time_us.saturating_sub(end.taken_us) as f64 / 1e6;
        let words = format!(
            "{}, {after:.1} s after it handled {}",
            ended(end.status),
            names::signal(end.signal)
        );
        let parts: Vec<_> = std::iter::once(task(&end.process))
            .chain(words.split(' ').map(String::from))
            .map(Part::plain)
            .collect();
        self.lay_out(time, &parts)
    }

    pub fn warning(&self, text: &str) -> String {
        let parts: Vec<_> = text.split(' ').map(|word| Part(word.into(), BAD)).collect();
        self.lay_out("!           ", &parts)
    }

    fn lay_out(&self, time: &str, parts: &[Part]) -> String {
        layout::lay_out(&format!("{time} "), parts, self.width, self.colour)
    }
}

fn task(task: &Task) -> String {
    match &task.comm {
        Some(comm) => format!("{comm}[{}]", task.pid),
        None => format!("[{}]", task.pid),
    }
}

/// A time on the wall, in UTC: `12:03:04.120`.
pub fn clock(micros_since_1970: u64) -> String {
    let millis = micros_since_1970 / 1000;
    let of_day = millis / 1000 % 86_400;
    format!(
        "{:02}:{:02}:{:02}.{:03}",
        of_day / 3600,
        of_day / 60 % 60,
        of_day % 60,
        millis % 1000
    )
}

#[cfg(test)]
pub mod tests {
    use super::super::exits::Status;
    use super::*;

    pub fn signal(signal: i32, code: i32, from: (i32, &str), to: (i32, &str)) -> Signal {
        let task = |(pid, comm): (i32, &str)| Task {
            pid,
            comm: Some(comm.into()),
        };
        Signal {
            id: 1,
            again: false,
            time_us: 1_000_000,
            cpu: 1,
            signal,
            code,
            errno: 0,
            from: Some(task(from)),
            to: task(to),
            process: Some(to.0),
            to_process: true,
            without_data: false,
            oom_killer: false,
            taken: Some((to.0, 1_000_010)),
            handler: None,
            core_begun: false,
            state: None,
            outcome: Outcome::Terminated,
            status: Some(Status::Killed {
                signal,
                core: false,
            }),
        }
    }

    #[test]
    fn lines() {
        let look = Look::default();
        let line = |signal: &Signal| look.signal("12:03:04.120", signal);
        let term = signal(15, 0, (812, "bash"), (900, "sleep"));
        assert_eq!(
            line(&term),
            "12:03:04.120 bash[812] -> sleep[900] SIGTERM (kill(2)) delivered: default action, \
             terminated\n"
        );
        let fault = Signal {
            to_process: false,
            outcome: Outcome::CoreDumped,
            ..signal(11, 1, (900, "prog"), (900, "prog"))
        };
        assert_eq!(
            line(&fault),
            "12:03:04.120 kernel -> prog[900] SIGSEGV (SEGV_MAPERR) delivered: default action, \
             terminated, core dumped\n"
        );
        let tty = signal(2, 0x80, (33, "kworker/0:1"), (900, "cat"));
        assert!(line(&tty).contains("kernel (in kworker/0:1[33]) -> cat[900] SIGINT (kernel)"));
        let child = Signal {
            outcome: Outcome::Ignored,
            taken: None,
            ..signal(17, 1, (901, "ls"), (812, "bash"))
        };
        assert!(line(&child).contains(" ls[901] -> bash[812] SIGCHLD (CLD_EXITED) ignored\n"));
        let before = Signal {
            from: None,
            again: true,
            outcome: Outcome::Handled,
            ..term
        };
        assert!(line(&before)
            .contains(" (sent before) -> sleep[900] SIGTERM later delivered: handled\n"));
    }

    #[test]
    fn eighty_columns_and_no_cursor() {
        let look = Look {
            width: Some(80),
            colour: false,
        };
        let long = "\u{1b}[2J-and-more-x";
        let mut evil = signal(15, 0, (4_000_000, long), (4_000_001, long));
        evil.outcome = Outcome::Pending;
        evil.state = Some('D');
        let text = look.signal("12:03:04.120", &evil);
        assert!(text.lines().count() > 1);
        assert!(
            text.lines().all(|line| line.chars().count() <= 80),
            "{text}"
        );
        assert!(!text.replace('\n', "").contains(char::is_control), "{text}");
    }

    #[test]
    fn ends_and_clocks() {
        let end = End {
            time_us: 2_300_000,
            process: Task {
                pid: 900,
                comm: Some("sleep".into()),
            },
            status: Status::Exited(3),
            after: 1,
            signal: 15,
            taken_us: 2_000_000,
        };
        assert_eq!(
            Look::default().end("12:03:04.120", &end),
            "12:03:04.120 sleep[900] exited with status 3, 0.3 s after it handled SIGTERM\n"
        );
        assert_eq!(clock(1_795_867_384_120_999), "12:03:04.120");
        assert_eq!(clock(0), "00:00:00.000");
    }
}
