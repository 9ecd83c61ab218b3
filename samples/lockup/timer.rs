// SPDX-License-Identifier: GPL-2.0

//! The timer of a hold, and the loop that waits for its end.

use core::sync::atomic::Ordering::Relaxed;

use faultline::{
    fault::{
        page,
        watchdog, //
    },
    task::{
        context,
        cpu,
        time::{
            self,
            NSEC_PER_MSEC,
            NSEC_PER_SEC, //
        }, //
    }, //
};

use crate::{
    live,
    shared::Shared,
    state, //
};

/// The timer of a hold. Unlike the [`Hold`](crate::hold::Hold), it can be used in an interrupt or
/// in a worker.
pub(crate) struct Timer<'a> {
    begin_ns: u64,
    shared: &'a Shared,
}

impl<'a> Timer<'a> {
    pub(crate) fn new(begin_ns: u64, shared: &'a Shared) -> Self {
        Self { begin_ns, shared }
    }

    /// Returns the time since the begin of the hold by the monotonic clock, in ns.
    #[inline]
    fn elapsed_ns(&self) -> u64 {
        time::monotonic_ns().saturating_sub(self.begin_ns)
    }

    /// Returns the time since the begin of the hold, in ms, and updates the longest hold in sysfs.
    #[inline]
    pub(crate) fn ms(&self) -> u64 {
        let ms = self.elapsed_ns() / NSEC_PER_MSEC;
        state::is_held(ms);
        ms
    }

    /// Returns the time of the monotonic clock at which the hold ends, with the current
    /// `hold_secs`.
    #[inline]
    pub(crate) fn ends_ns(&self) -> u64 {
        match live::hold_secs() {
            0 => u64::MAX,
            secs => self
                .begin_ns
                .saturating_add(u64::from(secs).saturating_mul(NSEC_PER_SEC)),
        }
    }

    /// Returns whether the hold was asked to stop, and can be stopped.
    #[inline]
    fn is_stopped(&self) -> bool {
        self.shared.plan.mode.is_stoppable() && self.shared.stop.load(Relaxed)
    }

    /// Returns whether `hold_secs` have passed, or the hold was asked to stop and can be stopped.
    #[inline(always)]
    pub(crate) fn is_over(&self) -> bool {
        let ms = self.ms();
        let secs = u64::from(live::hold_secs());
        (secs != 0 && ms / 1000 >= secs) || self.is_stopped()
    }

    /// Keeps the CPU busy until it [is over](Self::is_over).
    ///
    /// # Context
    ///
    /// Any.
    #[inline(always)]
    pub(crate) fn spin(&self) {
        self.spin_until(|| false);
    }

    /// Keeps the CPU busy until it [is over](Self::is_over), or until `is_done` returns true.
    /// Returns whether `is_done` did. In each round it touches the watchdogs and allocates a page,
    /// if the plan says so.
    ///
    /// With interrupts off the monotonic clock may stand still, so the CPU's own clock ends the
    /// hold as well. Its rate may be less exact, so an eighth is added to the time.
    ///
    /// # Context
    ///
    /// Any.
    #[inline(always)]
    pub(crate) fn spin_until(&self, mut is_done: impl FnMut() -> bool) -> bool {
        let plan = &self.shared.plan;
        let is_deaf = context::interrupts_are_off();
        let (elapsed_ns, cpu_ns) = (self.elapsed_ns(), time::cpu_ns());
        while !self.is_over() {
            if is_deaf {
                let here = time::cpu_ns().saturating_sub(cpu_ns);
                let elapsed = elapsed_ns.saturating_add(here.saturating_sub(here / 8));
                if elapsed >= self.ends_ns().saturating_sub(self.begin_ns) {
                    state::is_held(elapsed / NSEC_PER_MSEC);
                    break;
                }
            }
            if is_done() {
                return true;
            }
            if plan.touch_watchdog {
                watchdog::touch();
            }
            if plan.alloc_under_lock && page::borrow_atomic() {
                self.shared.progress.pages.fetch_add(1, Relaxed);
            }
            cpu::relax();
        }
        false
    }
}
