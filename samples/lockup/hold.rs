// SPDX-License-Identifier: GPL-2.0

//! A hold in progress, as seen by the function of its mode.

use faultline::{
    fault::Mortal,
    task::{
        cpu,
        kthread::Me,
        time, //
    }, //
};

use crate::{
    mode::Team,
    shared::Shared,
    state::State,
    timer::Timer, //
};

/// A hold in progress, in its thread.
pub(crate) struct Hold<'a> {
    pub(crate) shared: &'a Shared,
    pub(crate) timer: Timer<'a>,
    /// The number of the iteration, from 1.
    pub(crate) iteration: u32,
    /// The CPU to hold, and its index among those of the plan.
    pub(crate) cpu: u32,
    pub(crate) place: usize,
    /// Whether this is the second thread of that CPU.
    pub(crate) is_second: bool,
    /// The thread; `None` at a crash point, which strikes in another task.
    pub(crate) me: Option<&'a Me<'a>>,
    pub(crate) mortal: &'a Mortal<'a>,
}

impl Hold<'_> {
    /// Announces that this task is about to die.
    pub(crate) fn note_death(&self) {
        State::Holding.change_to(State::Died);
        if self.me.is_some() {
            self.shared.leave(false);
        }
    }

    /// Busy-waits for the other threads of the plan, holding a lock or a CPU. Returns whether all
    /// of them have arrived.
    pub(crate) fn meet(&self) -> bool {
        self.meet_by(cpu::relax)
    }

    /// Waits like [`meet`](Self::meet), but asleep.
    pub(crate) fn meet_asleep(&self) -> bool {
        self.meet_by(|| time::sleep_ms(1))
    }

    #[inline]
    fn meet_by(&self, wait: impl Fn()) -> bool {
        let is_over = || self.timer.is_over();
        self.shared.barrier.meet(self.iteration, is_over, wait)
    }

    /// Returns whether another thread of the run waits for this one.
    pub(crate) fn has_partner(&self) -> bool {
        matches!(self.shared.plan.mode.team, Team::Ring | Team::Twins)
    }
}
