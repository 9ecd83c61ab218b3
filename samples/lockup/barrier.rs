// SPDX-License-Identifier: GPL-2.0

//! The barrier at which the threads of a run wait for each other.

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

/// The longest time for which a thread waits for the other CPUs with preemption off.
const AT_ONCE_NS: u64 = 100 * NSEC_PER_MSEC;

/// Counts how often threads have reached each of the points at which they wait for each other.
pub(crate) struct Barrier {
    /// The number of threads.
    threads: usize,
    /// Arrivals before a hold, waiting asleep.
    gathered: AtomicUsize,
    /// Arrivals before a hold, waiting awake.
    ready: AtomicUsize,
    /// Arrivals during a hold.
    met: AtomicUsize,
    /// Whether one of the threads will not arrive.
    is_missing: AtomicBool,
}

impl Barrier {
    /// Makes a barrier for this number of threads.
    pub(crate) const fn new(threads: usize) -> Self {
        Self {
            threads,
            gathered: AtomicUsize::new(0),
            ready: AtomicUsize::new(0),
            met: AtomicUsize::new(0),
            is_missing: AtomicBool::new(false),
        }
    }

    /// Announces that one of the threads will not arrive, so that the others do not wait for it.
    pub(crate) fn stay_away(&self) {
        self.is_missing.store(true, SeqCst);
    }

    /// Returns whether one of the threads will not arrive.
    pub(crate) fn is_missing(&self) -> bool {
        self.is_missing.load(SeqCst)
    }

    /// Counts this thread in `come`, and waits until all threads have been counted `iteration`
    /// times. Returns false if `is_off` returns true, or if one of the threads will not arrive.
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

    /// Waits asleep for the other threads before a hold. Returns whether all have arrived.
    ///
    /// A held CPU could keep another thread from being started, or from being woken by a timer of
    /// that CPU. So the threads first wait here until all have arrived, and then in
    /// [`gather_awake`] until all are awake.
    ///
    /// [`gather_awake`]: Self::gather_awake
    pub(crate) fn gather(&self, iteration: u32, me: &Me<'_>) -> bool {
        let asleep = || time::sleep_ms(1);
        self.wait_for_all(&self.gathered, iteration, || me.should_stop(), asleep)
    }

    /// Waits awake for the other threads, after [`gather`](Self::gather). Returns whether all have
    /// arrived.
    pub(crate) fn gather_awake(&self, iteration: u32, me: &Me<'_>) -> bool {
        self.wait_for_all(&self.ready, iteration, || me.should_stop(), cpu::relax)
    }

    /// Waits like [`gather_awake`](Self::gather_awake), but with preemption off, and only for
    /// [`AT_ONCE_NS`], since a missing thread may be waiting for this CPU. Can be repeated if it
    /// returns false.
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
            // Fails if another thread arrived meanwhile, which may have been the last.
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

    /// Waits, holding a lock or a CPU, until all threads do. Returns false if `is_over` returns
    /// true, or if one of the threads will not arrive.
    #[inline]
    pub(crate) fn meet(&self, iteration: u32, is_over: impl Fn() -> bool, wait: impl Fn()) -> bool {
        self.wait_for_all(&self.met, iteration, is_over, wait)
    }
}
