// SPDX-License-Identifier: GPL-2.0

//! A hold that is going on, as the function of its mode sees it.

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

/// A hold that is going on, in its thread.
pub(crate) struct Hold<'a> {
    pub(crate) shared: &'a Shared,
    pub(crate) timer: Timer<'a>,
    /// Which time it is, from 1.
    pub(crate) iteration: u32,
    /// The CPU that it is about, and its place among those of the plan.
    pub(crate) cpu: u32,
    pub(crate) place: usize,
    /// This is the second thread of that CPU.
    pub(crate) is_second: bool,
    /// The thread; `None` if it strikes in a task that is not ours.
    pub(crate) me: Option<&'a Me<'a>>,
    pub(crate) mortal: &'a Mortal<'a>,
}

impl Hold<'_> {
    /// Announces that nothing comes back from what is next.
    pub(crate) fn note_death(&self) {
        State::Holding.change_to(State::Died);
        if self.me.is_some() {
            self.shared.leave(false);
        }
    }

    /// Waits for the other threads of the plan while it holds something, busily.
    /// Returns whether all of them have come.
    pub(crate) fn meet(&self) -> bool {
        self.meet_by(cpu::relax)
    }

    /// The same, asleep.
    pub(crate) fn meet_asleep(&self) -> bool {
        self.meet_by(|| time::sleep_ms(1))
    }

    #[inline]
    fn meet_by(&self, wait: impl Fn()) -> bool {
        let is_over = || self.timer.is_over();
        self.shared.barrier.meet(self.iteration, is_over, wait)
    }

    /// Returns whether it has a partner that waits for it.
    pub(crate) fn has_partner(&self) -> bool {
        matches!(self.shared.plan.mode.team, Team::Ring | Team::Twins)
    }
}
