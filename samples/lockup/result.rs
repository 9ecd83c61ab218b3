// SPDX-License-Identifier: GPL-2.0

//! The result of a run, in the log when it is over and in sysfs at any time.

use core::{
    fmt,
    sync::atomic::{
        AtomicU32,
        AtomicU64,
        Ordering::SeqCst, //
    }, //
};

use faultline::prelude::*;

use crate::{
    diagnosis::Diagnosis,
    evidence::{
        Count,
        Evidence, //
    },
    plan::Plan,
    state::{
        self,
        State, //
    }, //
};

/// The progress of the threads of a run.
pub(crate) struct Progress {
    /// The number of holds that have begun, and the begin of the last one.
    pub(crate) holds: AtomicU32,
    pub(crate) last_begin_ns: AtomicU64,
    /// The number of iterations done by the thread that is ahead.
    pub(crate) iterations_done: AtomicU32,
    /// The number of pages allocated under a lock.
    pub(crate) pages: AtomicU64,
}

impl Progress {
    pub(crate) const fn new() -> Self {
        Self {
            holds: AtomicU32::new(0),
            last_begin_ns: AtomicU64::new(0),
            iterations_done: AtomicU32::new(0),
            pages: AtomicU64::new(0),
        }
    }
}

/// The data from which a result is made.
pub(crate) struct Outcome<'a> {
    pub(crate) plan: &'a Plan,
    pub(crate) evidence: &'a Evidence,
    pub(crate) progress: &'a Progress,
}

impl Outcome<'_> {
    /// Logs the result of the run.
    ///
    /// # Context
    ///
    /// Process context; sleeps.
    pub(crate) fn report(&self) {
        let Self { plan, progress, .. } = self;
        let run_id = &plan.run_id;
        let holds = progress.holds.load(SeqCst);

        if State::Died.is_any() {
            pr_info!(
                "run {run_id}: died: {holds} threads were killed, see the report before or after"
            );
            return;
        }
        if State::Cancelled.is_any() {
            let done = progress.iterations_done.load(SeqCst);
            match (done, holds) {
                (_, 0) if plan.at.is_some() => {
                    pr_info!("run {run_id}: cancelled before the call was made");
                }
                (_, 0) => pr_info!("run {run_id}: cancelled during the countdown"),
                _ => pr_info!(
                    "run {run_id}: cancelled after {done} of {} iterations",
                    plan.iterations
                ),
            }
        }
        if holds > 0 {
            self.evidence.after();
            let held_ms = state::held_ms();
            let diagnosis = Diagnosis {
                plan,
                evidence: self.evidence,
                held_ms,
            };
            pr_info!(
                "run {run_id}: released after {} s: {diagnosis}",
                held_ms / 1000
            );
        }
    }

    /// Shows the run and the counters, one `key=value` per line.
    pub(crate) fn show(&self, out: &mut dyn fmt::Write) -> fmt::Result {
        let Self {
            plan,
            evidence,
            progress,
        } = self;
        write!(
            out,
            "run_id={}\nmode={}\ncpus={}\nstate={}\niterations={}\nheld_ms={}",
            plan.run_id,
            plan.mode.word,
            plan.cpus,
            State::word(),
            progress.iterations_done.load(SeqCst),
            state::held_ms()
        )?;
        if plan.alloc_under_lock {
            write!(out, "\npages={}", progress.pages.load(SeqCst))?;
        }
        for Count {
            name,
            before,
            after,
        } in evidence.counts()
        {
            write!(out, "\n{name}={before}->{after}")?;
        }
        out.write_str("\nmoved=")?;
        let mut separator = "";
        for count in evidence.counts().filter(Count::has_moved) {
            write!(out, "{separator}{}", count.name)?;
            separator = ",";
        }
        Ok(())
    }
}
