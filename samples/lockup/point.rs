// SPDX-License-Identifier: GPL-2.0

//! The crash point: a run whose fault strikes in the middle of a call, in another task.
//!
//! A thread counts down, arms the point, and waits. The strike cannot wake the thread, since it
//! may interrupt any code of the kernel, also a wakeup. So it stores its progress, which the
//! thread polls.

use core::sync::atomic::{
    AtomicU8,
    Ordering::SeqCst, //
};

use faultline::{
    fault::{
        crash_point::{
            CrashPoint,
            Strike, //
        },
        Mortal, //
    },
    prelude::*,
    task::{
        cpu,
        kthread::Me,
        time::{
            self,
            NSEC_PER_MSEC, //
        }, //
    }, //
};

use crate::{
    countdown::count_down,
    hold::Hold,
    modes::Fault,
    plan::At,
    shared::Shared,
    state::State,
    timer::Timer, //
};

/// The strike of a run, and its progress.
pub(crate) struct Striker {
    fault: &'static Fault,
    shared: Arc<Shared>,
    /// The progress: one of the following.
    at: AtomicU8,
}

impl Striker {
    /// The call has not been made yet.
    const WAITING: u8 = 0;
    /// The call was made, and the fault is being injected.
    const STRUCK: u8 = 1;
    /// The fault is over.
    const DONE: u8 = 2;
    /// The run was cancelled before the call was made.
    const CANCELLED: u8 = 3;

    pub(crate) fn new(fault: &'static Fault, shared: Arc<Shared>) -> Self {
        Self {
            fault,
            shared,
            at: AtomicU8::new(Self::WAITING),
        }
    }

    /// Changes the progress from `WAITING`. Returns false if it had already changed.
    fn claim(&self, to: u8) -> bool {
        self.at
            .compare_exchange(Self::WAITING, to, SeqCst, SeqCst)
            .is_ok()
    }
}

impl Strike for Striker {
    fn strike(&self, task: &Mortal<'_>) {
        if !self.claim(Self::STRUCK) {
            return;
        }
        let shared = &self.shared;
        let cpu = cpu::current();
        State::Armed.change_to(State::Holding);
        let hold = Hold {
            shared,
            timer: Timer::new(shared.begins(cpu, 1), shared),
            iteration: 1,
            cpu,
            place: 0,
            is_second: false,
            me: None,
            mortal: task,
        };
        // Modes that can strike anywhere do not fail.
        let _ = (self.fault.inject)(&hold);
        shared.ends(cpu, hold.timer.ms());
        shared.progress.iterations_done.store(1, SeqCst);
        self.at.store(Self::DONE, SeqCst);
    }
}

/// The body of the thread that arms the point.
pub(crate) fn run(shared: &Shared, point: &CrashPoint<Striker>, me: &Me<'_>) {
    let run_id = &shared.plan.run_id;

    if !count_down(&shared.plan, None, me) {
        State::Countdown.change_to(State::Cancelled);
        return shared.leave(false);
    }
    shared.evidence.before();
    // Logged before, since the call may be made at once, and kill the kernel.
    if let Some(At { function, count }) = &shared.plan.at {
        pr_info!("run {run_id}: armed: at={function} count={count}");
    }
    if let Err(error) = point.arm() {
        pr_err!(
            "run {run_id}: cancelled: cannot arm the crash point: error {}",
            error.to_errno()
        );
        State::Countdown.change_to(State::Cancelled);
        return shared.leave(false);
    }
    // If the fault has struck meanwhile, it has already left this state; the counters of the states
    // are right all the same.
    State::Countdown.change_to(State::Armed);

    let striker = point.strike();
    // After a strike, the state stays `Holding` until the run is reported.
    let holds = loop {
        let is_done = striker.at.load(SeqCst) == Striker::DONE;
        if is_done || State::Died.is_any() {
            break is_done;
        }
        if me.should_stop() && striker.claim(Striker::CANCELLED) {
            State::Armed.change_to(State::Cancelled);
            pr_info!("run {run_id}: {} calls were counted", point.calls());
            break false;
        }
        // A request to stop ends `sleep_until` at once, but not the fault.
        if me.should_stop() {
            time::sleep_ms(20);
        } else {
            me.sleep_until(time::monotonic_ns().saturating_add(20 * NSEC_PER_MSEC));
        }
    };
    // From here on calls of the function are not slowed down.
    point.disarm();
    shared.leave(holds);
}
