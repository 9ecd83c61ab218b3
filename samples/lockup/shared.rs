// SPDX-License-Identifier: GPL-2.0

//! What the threads of a run share, and how each of them leaves it.

use core::{
    pin::Pin,
    sync::atomic::{
        AtomicBool,
        AtomicUsize,
        Ordering::SeqCst, //
    }, //
};

use faultline::{
    compat::push,
    prelude::*,
    sync::{
        lock_class,
        new_mutex,
        spinlock::RawSpinLock,
        Mutex, //
    },
    task::time, //
};

use crate::{
    barrier::Barrier,
    evidence::Evidence,
    live,
    plan::Plan,
    result::{
        Outcome,
        Progress, //
    },
    state::State, //
};

/// What the threads of a run share.
pub(crate) struct Shared {
    pub(crate) plan: Plan,
    pub(crate) evidence: Evidence,
    pub(crate) progress: Progress,
    pub(crate) barrier: Barrier,
    /// It was called off.
    pub(crate) stop: AtomicBool,
    /// Of a mode that has them: the lock of each CPU, the mutexes of each pair.
    pub(crate) locks: KVec<RawSpinLock>,
    pub(crate) mutexes: KVec<[Pin<KBox<Mutex<()>>>; 2]>,
    /// The threads that are not done, and those that are not at the state that they end with.
    threads_left: AtomicUsize,
    threads_unsettled: AtomicUsize,
    /// All are, and the last one has reported.
    is_over: AtomicBool,
}

impl Shared {
    pub(crate) fn new(plan: Plan) -> Result<Self> {
        let cpus = plan.cpus.len();
        let locks_wanted = plan.mode.locks(cpus);
        let mutexes_wanted = plan.mode.mutexes(cpus);
        let mut locks = KVec::with_capacity(locks_wanted, GFP_KERNEL)?;
        for _ in 0..locks_wanted {
            push(&mut locks, RawSpinLock::new(lock_class!())?)?;
        }
        let mut mutexes = KVec::with_capacity(mutexes_wanted, GFP_KERNEL)?;
        for _ in 0..mutexes_wanted {
            push(
                &mut mutexes,
                [
                    KBox::pin_init(new_mutex!(()), GFP_KERNEL)?,
                    KBox::pin_init(new_mutex!(()), GFP_KERNEL)?,
                ],
            )?;
        }
        Ok(Self {
            threads_left: AtomicUsize::new(plan.threads()),
            threads_unsettled: AtomicUsize::new(plan.threads()),
            is_over: AtomicBool::new(false),
            barrier: Barrier::new(plan.threads()),
            progress: Progress::new(),
            evidence: Evidence::open(plan.begun_by),
            plan,
            stop: AtomicBool::new(false),
            locks,
            mutexes,
        })
    }

    /// Returns whether all threads are done, or dead.
    pub(crate) fn is_over(&self) -> bool {
        self.is_over.load(SeqCst)
    }

    /// A thread is done; if it `holds` to the end, it is released now. The last one reports what
    /// all others have done, and only then is released: whoever finds that no thread holds any
    /// more finds the report in the log, and may change what it was made from.
    pub(crate) fn leave(&self, holds: bool) {
        if self.threads_left.fetch_sub(1, SeqCst) == 1 {
            self.outcome().report();
        }
        if holds {
            State::Holding.change_to(State::Released);
        }
        // The next run may count its threads from here on.
        if self.threads_unsettled.fetch_sub(1, SeqCst) == 1 {
            self.is_over.store(true, SeqCst);
        }
    }

    /// What its result is made from.
    pub(crate) fn outcome(&self) -> Outcome<'_> {
        Outcome {
            plan: &self.plan,
            evidence: &self.evidence,
            progress: &self.progress,
        }
    }

    /// A hold begins; says so, and when that was.
    pub(crate) fn begins(&self, cpu: u32, iteration: u32) -> u64 {
        /// What a line ends with if there are several iterations.
        struct Which(u32, u32);

        impl core::fmt::Display for Which {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                if self.1 == 1 {
                    return Ok(());
                }
                write!(f, " iteration={}", self.0)
            }
        }

        let plan = &self.plan;
        let begin_ns = time::monotonic_ns();
        self.progress.holds.fetch_add(1, SeqCst);
        self.progress.last_begin_ns.fetch_max(begin_ns, SeqCst);
        pr_info!(
            "run {}: cpu {cpu}: begin: mode={} hold_secs={}{} mono_ns={begin_ns}{}",
            plan.run_id,
            plan.mode.word,
            live::hold_secs(),
            self.evidence.thresholds,
            Which(iteration, plan.iterations)
        );
        begin_ns
    }

    /// A hold is over after `held_ms`; says so.
    pub(crate) fn ends(&self, cpu: u32, held_ms: u64) {
        pr_info!(
            "run {}: cpu {cpu}: end: held_ms={held_ms} mono_ns={}",
            self.plan.run_id,
            time::monotonic_ns()
        );
    }
}
