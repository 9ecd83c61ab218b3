// SPDX-License-Identifier: GPL-2.0

//! The barrier: where the threads of a run wait for each other.

use core::sync::atomic::{
    AtomicBool,
    AtomicUsize,
    Ordering::SeqCst, //
};

use faultline::task::{
    context::PreemptionOff,
    cpu,
    kthread::Me,
    time::{
        self,
        NSEC_PER_MSEC, //
    }, //
};

/// How long a thread keeps its CPU from others while it waits for the other CPUs.
const AT_ONCE_NS: u64 = 100 * NSEC_PER_MSEC;

/// How often threads have come to where they wait for each other.
pub(crate) struct Barrier {
    /// How many threads there are.
    threads: usize,
    /// Before they hold, asleep.
    gathered: AtomicUsize,
    /// Before they hold, and none of them sleeps any more.
    ready: AtomicUsize,
    /// While they hold.
    met: AtomicUsize,
    /// One of them will not come.
    is_missing: AtomicBool,
}

impl Barrier {
    /// A barrier for so many threads.
    pub(crate) const fn new(threads: usize) -> Self {
        Self {
            threads,
            gathered: AtomicUsize::new(0),
            ready: AtomicUsize::new(0),
            met: AtomicUsize::new(0),
            is_missing: AtomicBool::new(false),
        }
    }

    /// Says that one of the threads will not come, so that the others do not wait.
    pub(crate) fn stay_away(&self) {
        self.is_missing.store(true, SeqCst);
    }

    /// Returns whether one of the threads will not come.
    pub(crate) fn is_missing(&self) -> bool {
        self.is_missing.load(SeqCst)
    }

    /// Adds to `come` and waits until all threads have, as often as this
    /// `iteration` says; false if `is_off`, or if one of them will not come.
    #[inline]
    fn wait_for_all(
        &self,
        come: &AtomicUsize,
        iteration: u32,
        is_off: impl Fn() -> bool,
        wait: impl Fn(),
    ) -> bool {
        let all = self.threads.saturating_mul(iteration as usize);
        come.fetch_add(1, SeqCst);
        while come.load(SeqCst) < all {
            if self.is_missing.load(SeqCst) || is_off() {
                return false;
            }
            wait();
        }
        true
    }

    /// Waits for the other threads before a hold, so that none that is held
    /// keeps another from coming: from being started, or from being woken by a
    /// timer of that CPU. So they first wait until all are awake, and [then]
    /// until none of them sleeps.
    ///
    /// [then]: Self::gather_awake
    pub(crate) fn gather(&self, iteration: u32, me: &Me<'_>) -> bool {
        let asleep = || time::sleep_ms(1);
        self.wait_for_all(&self.gathered, iteration, || me.should_stop(), asleep)
    }

    /// The second part of it.
    pub(crate) fn gather_awake(&self, iteration: u32, me: &Me<'_>) -> bool {
        self.wait_for_all(&self.ready, iteration, || me.should_stop(), cpu::relax)
    }

    /// The same for a thread that leaves the CPU to nobody meanwhile, and so not for
    /// long: the one that does not come may be waiting for this CPU. If it
    /// fails, it can be tried again.
    pub(crate) fn gather_at_once(&self, iteration: u32, _off: &PreemptionOff) -> bool {
        let all = self.threads.saturating_mul(iteration as usize);
        let until_ns = time::monotonic_ns().saturating_add(AT_ONCE_NS);
        self.ready.fetch_add(1, SeqCst);
        loop {
            let come = self.ready.load(SeqCst);
            if come >= all {
                return true;
            }
            let is_off = self.is_missing.load(SeqCst) || time::monotonic_ns() >= until_ns;
            let one_less = come.wrapping_sub(1);
            // Unless the last one came just now, and goes on.
            if is_off
                && self
                    .ready
                    .compare_exchange(come, one_less, SeqCst, SeqCst)
                    .is_ok()
            {
                return false;
            }
            cpu::relax();
        }
    }

    /// Waits while this thread holds something, until all others do; false if
    /// `is_over`, or if one of them will not come.
    #[inline]
    pub(crate) fn meet(&self, iteration: u32, is_over: impl Fn() -> bool, wait: impl Fn()) -> bool {
        self.wait_for_all(&self.met, iteration, is_over, wait)
    }
}
