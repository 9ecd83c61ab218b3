// SPDX-License-Identifier: GPL-2.0

//! What came of each signal: the kernel's events, put together.
//!
//! A signal that is queued stays open until a thread takes it (`signal_deliver`), and one whose
//! default action ends the process until that has ended. The kernel ends a process of several threads,
//! and one that needs no core dump, by a SIGKILL of its own in each thread: that such a signal was
//! delivered is seen from how the process ended. What was not taken within [`PATIENCE`] is looked up
//! in /proc: it is blocked, or it was taken in a way that has no event.
//!
//! Memory is bounded: at most [`MOST_OPEN`] signals are open; the oldest one gives way.

use super::event::{Event, Sending};
use super::exits::{Exit, Status};
use super::names::{self, Action};
use super::outcome::{End, Outcome, Signal, Task};
use super::tasks::{Pending, Tasks};
use crate::tracing::line::Head;
use std::collections::VecDeque;

/// As many signals are followed at a time.
const MOST_OPEN: usize = 1024;
/// As many processes that have handled a signal are remembered.
const MOST_HANDLED: usize = 256;
/// How long a signal may be under way before it is told that it is.
const PATIENCE_US: u64 = 200_000;
/// How long a process may take to end.
const PATIENCE_TO_END_US: u64 = 1_000_000;
/// How long after it has handled a signal a process' end may come of it.
const AFTER_US: u64 = 10_000_000;

/// What is to be told.
#[derive(Debug, Clone, PartialEq)]
pub enum Told {
    Signal(Signal),
    End(End),
}

/// A signal that something may come of yet.
struct Open {
    signal: Signal,
    /// When it is told how far it is; none if that was told.
    deadline_us: Option<u64>,
}

/// All that is open.
pub struct Story<T> {
    tasks: T,
    open: VecDeque<Open>,
    handled: VecDeque<End>,
    last_id: u64,
    told: Vec<Told>,
}

impl<T: Tasks> Story<T> {
    pub fn new(tasks: T) -> Self {
        Story {
            tasks,
            open: VecDeque::new(),
            handled: VecDeque::new(),
            last_id: 0,
            told: Vec::new(),
        }
    }

    /// What is to be told since the last time.
    pub fn told(&mut self) -> Vec<Told> {
        std::mem::take(&mut self.told)
    }

    /// Takes an event, in the order of time.
    pub fn event(&mut self, head: &Head, event: &Event) {
        match event {
            Event::Generated { result, .. } => {
                let Some(signal) = self.sent(head, event) else {
                    return;
                };
                match result {
                    Sending::Ignored => self.tell(signal, Outcome::Ignored),
                    Sending::AlreadyPending => self.tell(signal, Outcome::AlreadyPending),
                    Sending::Refused => self.tell(signal, Outcome::Refused),
                    Sending::Queued | Sending::WithoutData => self.follow(signal, PATIENCE_US),
                }
            }
            Event::Delivered {
                signal,
                code,
                handler,
            } => self.taken(head, *signal, *code, *handler),
            Event::Victim { pid } => {
                let chosen = |open: &&mut Open| {
                    let signal = &open.signal;
                    signal.signal == names::SIGKILL
                        && (signal.to.pid == *pid || signal.process == Some(*pid))
                };
                if let Some(open) = self.open.iter_mut().rev().find(chosen) {
                    open.signal.oom_killer = true;
                }
            }
            Event::CoreDump => {
                let dumping =
                    |open: &&mut Open| open.signal.taken.is_some_and(|(pid, _)| pid == head.pid);
                if let Some(open) = self.open.iter_mut().find(dumping) {
                    open.signal.core_begun = true;
                }
            }
            Event::Ended { pid } => {
                let process = self.tasks.process_of(*pid).unwrap_or(*pid);
                self.ended(&Exit {
                    time_us: head.time_us,
                    pid: *pid,
                    process,
                    status: None,
                });
            }
        }
    }

    fn sent(&mut self, head: &Head, event: &Event) -> Option<Signal> {
        let Event::Generated {
            signal,
            errno,
            code,
            comm,
            pid,
            to_process,
            result,
        } = event
        else {
            return None;
        };
        self.last_id += 1;
        // A task that signals itself may have ended before its name was recorded; the event has it.
        let itself = (head.pid == *pid).then(|| comm.clone());
        Some(Signal {
            errno: *errno,
            from: Some(Task {
                pid: head.pid,
                comm: head.comm.clone().or(itself),
            }),
            to: Task {
                pid: *pid,
                comm: Some(comm.clone()),
            },
            process: self.tasks.process_of(*pid),
            to_process: *to_process,
            without_data: *result == Sending::WithoutData,
            ..Signal::sent_before(self.last_id, head, *signal, *code)
        })
    }

    fn tell(&mut self, mut signal: Signal, outcome: Outcome) {
        signal.outcome = outcome;
        self.told.push(Told::Signal(signal));
    }

    fn follow(&mut self, signal: Signal, patience_us: u64) {
        if self.open.len() >= MOST_OPEN {
            // One of which it was told that it waits has been told.
            if let Some(Open {
                signal,
                deadline_us: Some(_),
            }) = self.open.pop_front()
            {
                self.tell(signal, Outcome::NotFollowed);
            }
        }
        let deadline_us = Some(signal.time_us.saturating_add(patience_us));
        self.open.push_back(Open {
            signal,
            deadline_us,
        });
    }

    /// A thread takes a signal.
    fn taken(&mut self, head: &Head, number: i32, code: i32, handler: u64) {
        let process = self.tasks.process_of(head.pid);
        let is_for_it = |signal: &Signal| {
            let to = &signal.to;
            let is_its_process = || {
                to.pid == head.pid
                    || process.is_some() && (signal.process == process || Some(to.pid) == process)
            };
            signal.signal == number
                && signal.taken.is_none()
                && match signal.to_process {
                    true => is_its_process(),
                    false => to.pid == head.pid,
                }
        };
        let find = |by_code: bool| {
            self.open
                .iter()
                .position(|open| is_for_it(&open.signal) && (!by_code || open.signal.code == code))
        };
        let mut signal = match find(true).or_else(|| find(false)) {
            Some(at) => match self.open.remove(at) {
                Some(open) => Signal {
                    again: open.deadline_us.is_none(),
                    ..open.signal
                },
                None => return,
            },
            // The kernel's own, by which it ends every thread of a process.
            None if number == names::SIGKILL => return,
            None => {
                self.last_id += 1;
                Signal::sent_before(self.last_id, head, number, code)
            }
        };
        signal.taken = Some((head.pid, head.time_us));
        signal.process = signal.process.or(process);
        match (handler, names::default_action(number)) {
            (0, action) if action.is_end() => {
                let deadline_us = head.time_us.saturating_add(PATIENCE_TO_END_US);
                self.open.push_back(Open {
                    signal,
                    deadline_us: Some(deadline_us),
                });
            }
            (0, Action::Stop) => self.tell(signal, Outcome::Stopped),
            (0, Action::Continue) => self.tell(signal, Outcome::Continued),
            (0, _) => self.tell(signal, Outcome::NoAction),
            (1, _) => self.tell(signal, Outcome::Ignored),
            (handler, _) => {
                signal.handler = Some(handler);
                self.remember(&signal, head);
                self.tell(signal, Outcome::Handled);
            }
        }
    }

    /// A process has handled a signal: how it ends may come of that.
    fn remember(&mut self, signal: &Signal, head: &Head) {
        let Some(pid) = signal.process else {
            return;
        };
        self.handled.retain(|end| end.process.pid != pid);
        if self.handled.len() >= MOST_HANDLED {
            self.handled.pop_front();
        }
        self.handled.push_back(End {
            time_us: 0,
            process: Task {
                pid,
                comm: signal.to.comm.clone(),
            },
            status: Status::Exited(0),
            after: signal.id,
            signal: signal.signal,
            taken_us: head.time_us,
        });
    }

    /// A thread has ended.
    pub fn ended(&mut self, exit: &Exit) {
        let is_process = exit.pid == exit.process;
        // Its other threads may take what waits for all of them.
        let others_live = is_process && self.tasks.lives(exit.process);
        let mut at = 0;
        while let Some(open) = self.open.get(at) {
            match outcome_of_end(&open.signal, exit, others_live) {
                Some(outcome) => {
                    if let Some(Open {
                        mut signal,
                        deadline_us,
                    }) = self.open.remove(at)
                    {
                        signal.again = deadline_us.is_none();
                        signal.status = exit.status;
                        self.tell(signal, outcome);
                    }
                }
                None => at += 1,
            }
        }
        if let (true, Some(status)) = (is_process, exit.status) {
            let of_it = |end: &End| end.process.pid == exit.process;
            if let Some(end) = self.handled.iter().position(of_it) {
                if let Some(mut end) = self.handled.remove(end) {
                    end.time_us = exit.time_us;
                    end.status = status;
                    if exit.time_us.saturating_sub(end.taken_us) <= AFTER_US {
                        self.told.push(Told::End(end));
                    }
                }
            }
        }
    }

    /// Tells how far it is with what should have been taken by now.
    pub fn tick(&mut self, now_us: u64) {
        self.handled
            .retain(|end| end.taken_us.saturating_add(AFTER_US) >= now_us);
        self.look(|deadline_us| deadline_us.is_some_and(|deadline_us| deadline_us <= now_us));
    }

    /// Tells how far it is with all that was not told.
    pub fn finish(&mut self) {
        self.look(|deadline_us| deadline_us.is_some());
    }

    fn look(&mut self, is_due: impl Fn(Option<u64>) -> bool) {
        let mut at = 0;
        while let Some(open) = self.open.get_mut(at) {
            if !is_due(open.deadline_us) {
                at += 1;
                continue;
            }
            let signal = &mut open.signal;
            let outcome = match signal.taken {
                Some(_) => Outcome::Terminating,
                None => {
                    let pending =
                        self.tasks
                            .pending(signal.to.pid, signal.signal, signal.to_process);
                    signal.state = match pending {
                        Pending::Waiting(state) => Some(state),
                        _ => None,
                    };
                    match pending {
                        Pending::Blocked => Outcome::Blocked,
                        Pending::Waiting(_) => Outcome::Pending,
                        Pending::No => Outcome::Taken,
                        Pending::Gone => Outcome::TargetEnded,
                    }
                }
            };
            if outcome.is_open() {
                open.deadline_us = None;
                let signal = open.signal.clone();
                self.tell(signal, outcome);
                at += 1;
            } else if let Some(open) = self.open.remove(at) {
                self.tell(open.signal, outcome);
            }
        }
    }
}

/// What comes of a signal by the end of a thread, if anything does.
fn outcome_of_end(signal: &Signal, exit: &Exit, others_live: bool) -> Option<Outcome> {
    let of_process = signal.process == Some(exit.process) || signal.to.pid == exit.process;
    let terminated = |core| match core {
        true => Outcome::CoreDumped,
        false => Outcome::Terminated,
    };
    let by_it = match exit.status {
        Some(Status::Killed { signal: by, core }) if by == signal.signal => Some(core),
        _ => None,
    };
    match signal.taken {
        // The thread that took it is who knows whether there is a core.
        Some((pid, _)) => (pid == exit.pid).then(|| by_it.map_or(Outcome::Terminated, terminated)),
        None if by_it.is_some() && (of_process || signal.to.pid == exit.pid) => {
            by_it.map(terminated)
        }
        // Where nobody tells how it ended: it would not have, had it not been for this.
        None if exit.status.is_none()
            && signal.to_process
            && of_process
            && names::default_action(signal.signal).is_end() =>
        {
            Some(Outcome::TargetEnded)
        }
        None if signal.to_process => {
            (of_process && exit.pid == exit.process && !others_live).then_some(Outcome::TargetEnded)
        }
        None => (signal.to.pid == exit.pid).then_some(Outcome::TargetEnded),
    }
}

#[cfg(test)]
mod tests;
