// SPDX-License-Identifier: GPL-2.0

//! Signals from their sending to what came of them.

use super::*;
use std::cell::RefCell;
use std::collections::BTreeMap;

/// Tasks as a test has them: each thread's process, and what waits for whom.
#[derive(Default)]
struct Made {
    processes: BTreeMap<i32, i32>,
    pending: RefCell<BTreeMap<(i32, i32), Pending>>,
    alive: Vec<i32>,
}

impl Tasks for &Made {
    fn process_of(&self, pid: i32) -> Option<i32> {
        self.processes.get(&pid).copied()
    }
    fn lives(&self, process: i32) -> bool {
        self.alive.contains(&process)
    }
    fn pending(&self, pid: i32, signal: i32, _to_process: bool) -> Pending {
        let pending = self.pending.borrow();
        pending.get(&(pid, signal)).copied().unwrap_or(Pending::No)
    }
}

fn made() -> Made {
    Made {
        processes: BTreeMap::from([(900, 900), (901, 900), (910, 910)]),
        ..Made::default()
    }
}

fn head(pid: i32, time_us: u64) -> Head {
    Head {
        comm: Some(format!("c{pid}")),
        pid,
        cpu: 0,
        time_us,
    }
}

fn sent(signal: i32, code: i32, pid: i32, to_process: bool, result: Sending) -> Event {
    Event::Generated {
        signal,
        errno: 0,
        code,
        comm: format!("c{pid}"),
        pid,
        to_process,
        result,
    }
}

fn killed(pid: i32, process: i32, time_us: u64, signal: i32, core: bool) -> Exit {
    Exit {
        time_us,
        pid,
        process,
        status: Some(Status::Killed { signal, core }),
    }
}

impl<T: Tasks> Story<T> {
    /// Sends a signal by kill(2).
    fn kill(&mut self, signal: i32, pid: i32, time_us: u64) {
        self.event(
            &head(812, time_us),
            &sent(signal, 0, pid, true, Sending::Queued),
        );
    }
    fn take(&mut self, pid: i32, signal: i32, time_us: u64, handler: u64) {
        let event = Event::Delivered {
            signal,
            code: 0,
            handler,
        };
        self.event(&head(pid, time_us), &event);
    }
    /// What is told now: of each signal its id, whether again, and the words.
    fn words(&mut self) -> Vec<String> {
        let words = |told| match told {
            Told::Signal(signal) => format!(
                "{}{} {}",
                signal.id,
                if signal.again { " again" } else { "" },
                signal.words()
            ),
            Told::End(end) => format!("end {} {:?}", end.after, end.status),
        };
        self.told().into_iter().map(words).collect()
    }
}

const NOTHING: [&str; 0] = [];

#[test]
fn a_process_is_terminated() {
    let made = made();
    let mut story = Story::new(&made);
    story.kill(15, 900, 1000);
    // Its threads see a SIGKILL of the kernel's own.
    story.take(900, 9, 1010, 0);
    story.take(901, 9, 1010, 0);
    assert_eq!(story.words(), NOTHING);
    story.ended(&killed(901, 900, 1020, 15, false));
    story.ended(&killed(900, 900, 1030, 15, false));
    assert_eq!(story.words(), ["1 delivered: default action, terminated"]);
    story.tick(u64::MAX);
    assert_eq!(story.words(), NOTHING);
}

#[test]
fn a_task_that_signals_itself_has_a_name() {
    let made = made();
    let mut story = Story::new(&made);
    let unnamed = Head {
        comm: None,
        ..head(901, 1000)
    };
    for (pid, name) in [(901, Some("c901".into())), (900, None)] {
        story.event(&unnamed, &sent(11, 1, pid, false, Sending::Ignored));
        let Some(Told::Signal(Signal { from, .. })) = story.told().pop() else {
            panic!("nothing is told");
        };
        assert_eq!(from.and_then(|from| from.comm), name);
    }
}

#[test]
fn a_core_is_dumped_or_not() {
    for (begun, core, words) in [
        (true, true, "terminated, core dumped"),
        (false, true, "terminated, core dumped"),
        (true, false, "terminated, no core"),
        (false, false, "terminated"),
    ] {
        let made = made();
        let mut story = Story::new(&made);
        story.event(&head(901, 1000), &sent(11, 1, 901, false, Sending::Queued));
        story.take(901, 11, 1010, 0);
        if begun {
            story.event(&head(901, 1015), &Event::CoreDump);
        }
        // Another thread does not know of the core.
        story.ended(&killed(900, 900, 1020, 11, false));
        assert_eq!(story.words(), NOTHING);
        story.ended(&killed(901, 900, 1030, 11, core));
        assert_eq!(
            story.words(),
            [format!("1 delivered: default action, {words}")]
        );
    }
}

#[test]
fn a_dump_that_takes_its_time() {
    let made = made();
    let mut story = Story::new(&made);
    story.event(&head(900, 1000), &sent(11, 1, 900, false, Sending::Queued));
    story.take(900, 11, 1010, 0);
    story.event(&head(900, 1015), &Event::CoreDump);
    story.tick(900_000);
    assert_eq!(story.words(), NOTHING);
    story.tick(1_010_000);
    assert_eq!(story.words(), ["1 delivered: default action, dumping core"]);
    story.tick(2_000_000);
    assert_eq!(story.words(), NOTHING);
    story.ended(&killed(900, 900, 3_000_000, 11, true));
    assert_eq!(
        story.words(),
        ["1 again delivered: default action, terminated, core dumped"]
    );
}

#[test]
fn what_is_known_at_once() {
    let made = made();
    let mut story = Story::new(&made);
    for (signal, result) in [
        (1, Sending::Ignored),
        (9, Sending::Ignored),
        (18, Sending::Ignored),
        (15, Sending::AlreadyPending),
        (40, Sending::Refused),
    ] {
        story.event(&head(812, 1), &sent(signal, 0, 900, true, result));
    }
    assert_eq!(
        story.words(),
        [
            "1 ignored",
            "2 ignored: ending already, a kernel thread, or init",
            "3 no handler; continued if it was stopped",
            "4 already pending, merged",
            "5 not sent: queue full (EAGAIN)",
        ]
    );
}

#[test]
fn a_signal_is_handled_and_what_comes_of_it() {
    let made = made();
    let mut story = Story::new(&made);
    story.kill(15, 900, 1000);
    // Any thread may take what is sent to a process.
    story.take(901, 15, 1010, 0x55d0);
    assert_eq!(story.words(), ["1 delivered: handled"]);
    let exited = |time_us| Exit {
        time_us,
        pid: 900,
        process: 900,
        status: Some(Status::Exited(3)),
    };
    story.ended(&exited(500_000));
    assert_eq!(story.words(), ["end 1 Exited(3)"]);
    story.ended(&exited(600_000));
    assert_eq!(story.words(), NOTHING);
    // Not of one that ends long after.
    story.kill(10, 910, 1_000_000);
    story.take(910, 10, 1_000_010, 0x55d0);
    story.tick(1_000_020 + AFTER_US);
    story.ended(&killed(910, 910, 1_000_030 + AFTER_US, 9, false));
    assert_eq!(story.words(), ["2 delivered: handled"]);
}

#[test]
fn a_signal_to_a_thread_is_that_threads() {
    let made = made();
    let mut story = Story::new(&made);
    story.event(&head(812, 1), &sent(10, -6, 901, false, Sending::Queued));
    story.take(900, 10, 2, 0x55d0);
    let told = story.told();
    let [Told::Signal(other)] = told.as_slice() else {
        panic!("{told:?}")
    };
    // It was sent before the watch began.
    assert_eq!((other.id, &other.from), (2, &None));
    story.take(901, 10, 3, 0x55d0);
    assert_eq!(story.words(), ["1 delivered: handled"]);
}

#[test]
fn of_several_the_one_with_the_same_code() {
    let made = made();
    let mut story = Story::new(&made);
    story.event(&head(812, 1), &sent(40, -1, 900, true, Sending::Queued));
    story.event(&head(812, 2), &sent(40, 0, 900, true, Sending::WithoutData));
    story.take(900, 40, 3, 0x55d0);
    assert_eq!(story.words(), ["2 delivered: handled"]);
    story.take(900, 40, 4, 0x55d0);
    assert_eq!(story.words(), ["1 delivered: handled"]);
}

#[test]
fn default_actions() {
    let made = made();
    let mut story = Story::new(&made);
    for (signal, handler, words) in [
        (19, 0, "delivered: default action, stopped"),
        (18, 0, "delivered: default action, continued"),
        (17, 0, "delivered: default action, nothing"),
        (15, 1, "delivered: ignored"),
    ] {
        story.kill(signal, 900, 1);
        story.take(900, signal, 2, handler);
        let told = story.words();
        assert!(told[0].ends_with(words), "{told:?}");
    }
}

#[test]
fn what_waits() {
    let made = made();
    let mut story = Story::new(&made);
    for (signal, pending) in [
        (10, Pending::Blocked),
        (12, Pending::Waiting('D')),
        (14, Pending::No),
        (15, Pending::Gone),
    ] {
        made.pending.borrow_mut().insert((900, signal), pending);
        story.kill(signal, 900, 1000);
    }
    story.tick(PATIENCE_US);
    assert_eq!(story.words(), NOTHING);
    story.tick(1000 + PATIENCE_US);
    assert_eq!(
        story.words(),
        [
            "1 pending: blocked by the target",
            "2 pending: the target is in uninterruptible sleep",
            "3 taken by sigwait, signalfd or a debugger",
            "4 never delivered: the target ended",
        ]
    );
    // It unblocks the first, and ends without the second.
    story.take(900, 10, 5_000_000, 0x55d0);
    story.ended(&Exit {
        time_us: 6_000_000,
        pid: 900,
        process: 900,
        status: Some(Status::Exited(0)),
    });
    assert_eq!(
        story.words(),
        [
            "1 again delivered: handled",
            "2 again never delivered: the target exited with status 0",
            "end 1 Exited(0)",
        ]
    );
}

#[test]
fn a_first_thread_that_ends_before_the_others() {
    let mut made = made();
    made.alive.push(900);
    made.pending
        .borrow_mut()
        .insert((900, 10), Pending::Blocked);
    let mut story = Story::new(&made);
    story.kill(10, 900, 1000);
    story.ended(&Exit {
        time_us: 2000,
        pid: 900,
        process: 900,
        status: Some(Status::Exited(0)),
    });
    assert_eq!(story.words(), NOTHING);
    story.take(901, 10, 3000, 0x55d0);
    assert_eq!(story.words(), ["1 delivered: handled"]);
}

#[test]
fn the_oom_killer() {
    let made = made();
    let mut story = Story::new(&made);
    story.event(&head(900, 1), &sent(9, 0x80, 900, true, Sending::Queued));
    story.event(&head(900, 2), &Event::Victim { pid: 900 });
    story.take(900, 9, 3, 0);
    story.ended(&killed(900, 900, 4, 9, false));
    assert_eq!(
        story.words(),
        ["1 OOM killer: delivered: default action, terminated"]
    );
}

#[test]
fn where_nobody_tells_how_it_ended() {
    let made = made();
    let mut story = Story::new(&made);
    story.event(&head(901, 1), &sent(11, 1, 901, false, Sending::Queued));
    story.take(901, 11, 2, 0);
    story.event(&head(901, 3), &Event::Ended { pid: 901 });
    assert_eq!(story.words(), ["1 delivered: default action, terminated"]);
    story.kill(15, 910, 4);
    story.event(&head(910, 5), &Event::Ended { pid: 910 });
    assert_eq!(story.words(), ["2 never delivered: the target ended"]);
}

#[test]
fn what_is_open_does_not_heap_up() {
    let made = made();
    let mut story = Story::new(&made);
    let all = MOST_OPEN as u64 + 10;
    for time_us in 0..all {
        story.kill(10, 900, time_us);
    }
    let told = story.words();
    assert_eq!(told.len(), 10);
    assert_eq!(told[0], "1 not followed: too many signals wait");
    assert_eq!(story.open.len(), MOST_OPEN);
    story.finish();
    assert_eq!(story.words().len(), MOST_OPEN);
    assert!(story.open.is_empty());
    for pid in 0..all {
        let pid = pid as i32;
        story.remember(
            &Signal {
                process: Some(pid),
                ..signal_of(pid)
            },
            &head(pid, 1),
        );
    }
    assert_eq!(story.handled.len(), MOST_HANDLED);
}

fn signal_of(pid: i32) -> Signal {
    let none = Made::default();
    let mut story = Story::new(&none);
    let event = sent(10, 0, pid, true, Sending::Queued);
    story.sent(&head(812, 1), &event).unwrap()
}
