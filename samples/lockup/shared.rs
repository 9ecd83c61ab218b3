// SPDX-License-Identifier: GPL-2.0

//! The data shared by the threads of a run.

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

/// The data shared by the threads of a run.
pub(crate) struct Shared {
    pub(crate) plan: Plan,
    pub(crate) evidence: Evidence,
    pub(crate) progress: Progress,
    pub(crate) barrier: Barrier,
    /// Whether the run was cancelled.
    pub(crate) stop: AtomicBool,
    /// The spinlock of each CPU, and the mutexes of each pair, if the mode uses them.
    pub(crate) locks: KVec<RawSpinLock>,
    pub(crate) mutexes: KVec<[Pin<KBox<Mutex<()>>>; 2]>,
    /// The numbers of threads that are not done, and that have not reached their final state.
    threads_left: AtomicUsize,
    threads_unsettled: AtomicUsize,
    /// Whether all threads have, and the last one has reported.
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

    /// Called by a thread that is done. If it `holds` to the end, its state becomes `Released`. The
    /// last thread logs the result of the run before that: when no thread is `Holding` any more,
    /// the result is in the log, and the settings that it was made from may change.
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

    /// Returns the data from which the result is made.
    pub(crate) fn outcome(&self) -> Outcome<'_> {
        Outcome {
            plan: &self.plan,
            evidence: &self.evidence,
            progress: &self.progress,
        }
    }

    /// Logs the begin of a hold. Returns its time.
    pub(crate) fn begins(&self, cpu: u32, iteration: u32) -> u64 {
        /// The end of the line, if there are several iterations.
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

    /// Logs the end of a hold of `held_ms`.
    pub(crate) fn ends(&self, cpu: u32, held_ms: u64) {
        pr_info!(
            "run {}: cpu {cpu}: end: held_ms={held_ms} mono_ns={}",
            self.plan.run_id,
            time::monotonic_ns()
        );
    }
}
