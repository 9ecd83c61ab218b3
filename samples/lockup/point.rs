// SPDX-License-Identifier: GPL-2.0

//! The crash point: a run whose fault strikes in the middle of a call that
//! somebody else makes.
//!
//! A thread counts down, arms the point, and waits. What strikes may do nothing
//! that such a call could be in the middle of, like waking that thread. So it
//! leaves word, and the thread looks for it.

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

/// What strikes.
pub(crate) struct Striker {
    fault: &'static Fault,
    shared: Arc<Shared>,
    /// How far it is: one of the following.
    at: AtomicU8,
}

impl Striker {
    /// The call has not come.
    const WAITING: u8 = 0;
    /// It has.
    const STRUCK: u8 = 1;
    /// It is over.
    const DONE: u8 = 2;
    /// It was called off before that.
    const CANCELLED: u8 = 3;

    pub(crate) fn new(fault: &'static Fault, shared: Arc<Shared>) -> Self {
        Self {
            fault,
            shared,
            at: AtomicU8::new(Self::WAITING),
        }
    }

    /// Goes on from `WAITING`; false if the other was first.
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
        // Modes that can be here do not fail.
        let _ = (self.fault.inject)(&hold);
        shared.ends(cpu, hold.timer.ms());
        shared.progress.iterations_done.store(1, SeqCst);
        self.at.store(Self::DONE, SeqCst);
    }
}

/// The body of the thread.
pub(crate) fn run(shared: &Shared, point: &CrashPoint<Striker>, me: &Me<'_>) {
    let run_id = &shared.plan.run_id;

    if !count_down(&shared.plan, None, me) {
        State::Countdown.change_to(State::Cancelled);
        return shared.leave(false);
    }
    shared.evidence.before();
    // Said first, since the call may come at once, and be the end.
    if let Some(At { function, count }) = &shared.plan.at {
        pr_info!("run {run_id}: armed: at={function} count={count}");
    }
    if let Err(error) = point.arm() {
        pr_err!(
            "run {run_id}: cancelled: it cannot be armed: error {}",
            error.to_errno()
        );
        State::Countdown.change_to(State::Cancelled);
        return shared.leave(false);
    }
    // What has struck meanwhile has left this state already: how many are at it comes out
    // right all the same.
    State::Countdown.change_to(State::Armed);

    let striker = point.strike();
    // What has struck holds until it is reported.
    let holds = loop {
        let is_done = striker.at.load(SeqCst) == Striker::DONE;
        if is_done || State::Died.is_any() {
            break is_done;
        }
        if me.should_stop() && striker.claim(Striker::CANCELLED) {
            State::Armed.change_to(State::Cancelled);
            pr_info!("run {run_id}: {} calls had come", point.calls());
            break false;
        }
        // To be asked to stop ends the sleep, but not what has struck.
        if me.should_stop() {
            time::sleep_ms(20);
        } else {
            me.sleep_until(time::monotonic_ns().saturating_add(20 * NSEC_PER_MSEC));
        }
    };
    // It costs nothing more.
    point.disarm();
    shared.leave(holds);
}
