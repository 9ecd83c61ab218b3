// SPDX-License-Identifier: GPL-2.0

//! The thread of a CPU: counts down, and holds the CPU once per iteration.

use core::sync::atomic::Ordering::SeqCst;

use faultline::{
    fault::mortal,
    prelude::*,
    sync::rcu,
    task::{
        context,
        cpu,
        kthread::Me,
        time::{
            self,
            NSEC_PER_MSEC, //
        }, //
    }, //
};

use crate::{
    countdown::{
        cool_down,
        count_down, //
    },
    hold::Hold,
    mode::Team,
    modes::Fault,
    shared::Shared,
    state::State,
    timer::Timer, //
};

/// The role of a thread in a run.
#[derive(Clone, Copy)]
pub(crate) struct Role {
    pub(crate) cpu: u32,
    /// The index of the CPU among those of the plan.
    pub(crate) place: usize,
    /// Whether it is the second thread of that CPU.
    pub(crate) is_second: bool,
}

impl Role {
    /// Returns whether the thread still runs on its CPU, which may have gone offline.
    fn is_here(&self) -> bool {
        self.is_second || context::preemption_off(|off| off.cpu()) == self.cpu
    }
}

/// The body of a thread.
pub(crate) fn run_as(role: Role, fault: &Fault, shared: &Shared, me: &Me<'_>) {
    // The second thread of a CPU does not log what the first one logs.
    let name = (!role.is_second).then_some(role.cpu);
    let mut holds = false;

    if count_down(&shared.plan, name, me) {
        for iteration in 1..=shared.plan.iterations {
            if iteration > 1 && !cool_down(me) {
                State::Cooldown.change_to(State::Cancelled);
                break;
            }
            let before = if iteration > 1 {
                State::Cooldown
            } else {
                State::Countdown
            };
            if !hold(role, fault, shared, before, iteration, me) {
                shared.barrier.stay_away();
                break;
            }
            shared.progress.iterations_done.fetch_max(iteration, SeqCst);
            if iteration < shared.plan.iterations {
                State::Holding.change_to(State::Cooldown);
            } else {
                shared.evidence.after();
                holds = true;
            }
        }
    } else {
        shared.barrier.stay_away();
        State::Countdown.change_to(State::Cancelled);
    }
    shared.leave(holds);
}

/// Two ticks with the slowest timer (`HZ=100`).
const TWO_TICKS_NS: u64 = 20 * NSEC_PER_MSEC;

/// Waits until the CPU has taken a tick, which wakes the thread that prints to the console. The
/// request to wake it is pending on this CPU, and is not repeated on others: without the tick, the
/// console would show nothing of any CPU until the hold is over.
fn wait_for_the_console(begin_ns: u64) {
    let until_ns = begin_ns.saturating_add(TWO_TICKS_NS);
    context::preemption_off(|_off| {
        while time::monotonic_ns() < until_ns {
            cpu::relax();
        }
    });
}

/// Holds the CPU in the plan's mode. Returns false if it was cancelled. The thread's state changes
/// from `before` to [`State::Holding`], unless it was cancelled.
fn hold(
    role: Role,
    fault: &Fault,
    shared: &Shared,
    before: State,
    iteration: u32,
    me: &Me<'_>,
) -> bool {
    shared.evidence.before();
    let go_on =
        |is_complete| hold_together(role, fault, shared, before, iteration, me, is_complete);
    if !role.is_here() || !shared.barrier.gather(iteration, me) {
        return go_on(false);
    }
    match shared.plan.mode.team {
        // The threads may share a CPU, so they must not busy-wait for each other.
        Team::Twins => return go_on(true),
        Team::Each | Team::Single => return go_on(shared.barrier.gather_awake(iteration, me)),
        Team::Ring => {}
    }
    // Once all are awake, none of them may be preempted: another task on its CPU could wait for a
    // CPU that already has its interrupts off, until the end of the hold.
    loop {
        let held = context::preemption_off(|off| {
            let is_complete = role.is_here() && shared.barrier.gather_at_once(iteration, off);
            let is_off = !role.is_here() || shared.barrier.is_missing() || me.should_stop();
            (is_complete || is_off).then(|| go_on(is_complete))
        });
        match held {
            Some(held) => return held,
            None => time::sleep_ms(1),
        }
    }
}

/// The rest of [`hold`], called when all threads of the plan have arrived (`is_complete`), or when
/// some will not.
fn hold_together(
    role: Role,
    fault: &Fault,
    shared: &Shared,
    before: State,
    iteration: u32,
    me: &Me<'_>,
    is_complete: bool,
) -> bool {
    let plan = &shared.plan;
    let (run_id, cpu) = (&plan.run_id, role.cpu);

    let is_here = role.is_here();
    if !is_here || !(is_complete || plan.mode.team == Team::Each) {
        if !is_here {
            pr_err!("run {run_id}: cpu {cpu}: cancelled: the CPU went offline");
        } else if !role.is_second && !me.should_stop() {
            pr_err!("run {run_id}: cpu {cpu}: cancelled: another thread of the run was");
        }
        before.change_to(State::Cancelled);
        return false;
    }
    // The task that unloads the module first sets the stop flag and then reads the states. This is
    // the other way round, so at least one of the two notices the other.
    before.change_to(State::Holding);
    if me.should_stop() {
        State::Holding.change_to(State::Cancelled);
        return false;
    }

    let begin_ns = if role.is_second {
        time::monotonic_ns()
    } else {
        shared.begins(cpu, iteration)
    };
    wait_for_the_console(begin_ns);
    if plan.mode.deaf {
        // So that RCU notices the CPU if there is no hard lockup detector.
        rcu::begin_grace_period();
    }
    let hold = Hold {
        shared,
        timer: Timer::new(begin_ns, shared),
        iteration,
        cpu,
        place: role.place,
        is_second: role.is_second,
        me: Some(me),
        mortal: &mortal(me),
    };
    if let Err(error) = (fault.inject)(&hold) {
        let errno = error.to_errno();
        pr_err!("run {run_id}: cpu {cpu}: this kernel does not support the mode: error {errno}");
    }
    if shared.barrier.is_missing() && hold.has_partner() {
        pr_err!("run {run_id}: cpu {cpu}: ended: another thread of the run was cancelled");
    }
    if !role.is_second {
        shared.ends(cpu, hold.timer.ms());
    }
    true
}
