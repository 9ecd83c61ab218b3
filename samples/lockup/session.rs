// SPDX-License-Identifier: GPL-2.0

//! The session: from load to unload, one run after the other.
//!
//! The parameters find it while it is published, so a write that comes before
//! the first run was started, or while the module is unloaded, finds none.

use core::{
    fmt,
    pin::Pin,
    sync::atomic::{
        AtomicBool,
        Ordering::SeqCst, //
    }, //
};

use faultline::{
    params::Refusal,
    prelude::*,
    sync::{
        new_mutex,
        published::{
            Publication,
            Published, //
        },
        Mutex, //
    }, //
};

use crate::{
    modes::Fault,
    plan::Plan,
    run::Run,
    shared::Shared,
    state::State, //
};

static SESSION: Published<Session> = Published::new();

/// What the parameters find.
pub(crate) struct Session {
    /// The last run. Those who have the parameters' lock take this one, so nothing that takes
    /// that lock is done under it.
    run: Pin<KBox<Mutex<Option<Run>>>>,
    /// A run is being made.
    begins: AtomicBool,
    /// The module is loaded, so that there may be other runs.
    is_loaded: AtomicBool,
}

/// Opens the session. When what is returned is dropped it ends, which calls off what can be,
/// and waits for the rest.
///
/// # Errors
///
/// `ENOMEM`.
pub(crate) fn open() -> Result<Publication<Session>> {
    let session = Session {
        run: KBox::pin_init(new_mutex!(None), GFP_KERNEL)?,
        begins: AtomicBool::new(false),
        is_loaded: AtomicBool::new(false),
    };
    SESSION.publish(Arc::new(session, GFP_KERNEL)?)
}

/// Begins the first run, as the module is loaded.
///
/// # Errors
///
/// What `make_plan` and [`Run::start`] fail with.
pub(crate) fn load(fault: &'static Fault, make_plan: impl FnOnce() -> Result<Plan>) -> Result {
    let started = SESSION.with(|session| session.begin(fault, make_plan));
    started.unwrap_or(Err(ENODEV))
}

impl Session {
    /// Begins a run. Its plan is made when no other run begins or goes on.
    fn begin(&self, fault: &'static Fault, make_plan: impl FnOnce() -> Result<Plan>) -> Result {
        if self.begins.swap(true, SeqCst) {
            return Err(EBUSY);
        }
        let begun = self.begin_alone(fault, make_plan);
        self.begins.store(false, SeqCst);
        begun
    }

    /// The same, where nobody else does. The plan and the run are made without a lock of ours:
    /// both read files, whose locks the kernel takes before ours when a parameter is read.
    fn begin_alone(
        &self,
        fault: &'static Fault,
        make_plan: impl FnOnce() -> Result<Plan>,
    ) -> Result {
        let goes_on = |run: &Run| !run.shared.is_over();
        if self.run.lock().as_ref().is_some_and(goes_on) {
            return Err(EBUSY);
        }
        let plan = make_plan()?;
        // What is over is gone before the next one shows what it is at.
        let over = self.run.lock().take();
        drop(over);
        let new = Run::start(plan, fault)?;
        {
            let mut run = self.run.lock();
            // `hold_secs` may have changed since its threads began to sleep.
            new.wake();
            *run = Some(new);
        }
        self.is_loaded.store(true, SeqCst);
        Ok(())
    }
}

/// Begins another run, for a write to `trigger`.
pub(crate) fn trigger(
    fault: &'static Fault,
    make_plan: impl FnOnce() -> Result<Plan>,
) -> Result<(), Refusal> {
    let begun = SESSION.with(|session| {
        session
            .is_loaded
            .load(SeqCst)
            .then(|| session.begin(fault, make_plan))
    });
    match begun.flatten() {
        None => Err(Refusal::because(
            "the module is not loaded yet, or being unloaded",
        )),
        Some(Err(EBUSY)) => Err(Refusal::Error(
            EBUSY,
            Some("a run goes on: wait for its end, or write 1 to cancel"),
        )),
        Some(Err(error)) => Err(Refusal::Error(
            error,
            Some("the line before this one says why"),
        )),
        Some(Ok(())) => Ok(()),
    }
}

/// Calls the run off, for a write to `cancel`.
pub(crate) fn cancel(value: u32) -> Result<(), Refusal> {
    if value != 1 {
        return Err(Refusal::because("1 is allowed"));
    }
    let called_off = SESSION.with(|session| {
        let run = session.run.lock();
        let run = run.as_ref().filter(|run| !run.shared.is_over())?;
        run.call_off();
        let is_held = State::Holding.is_any() && !run.shared.plan.mode.is_stoppable();
        if is_held {
            let left = run.secs_left();
            let run_id = &run.shared.plan.run_id;
            match left {
                Some(left) => pr_info!(
                    "run {run_id}: this mode cannot be stopped: it ends in at most {left} s"
                ),
                None => pr_info!(
                    "run {run_id}: this mode cannot be stopped: write to hold_secs when it \
                     shall end"
                ),
            }
        }
        Some(is_held)
    });
    match called_off.flatten() {
        None => Err(Refusal::because("nothing is going on")),
        Some(true) => Err(Refusal::Error(
            EBUSY,
            Some("a CPU is held, which cannot be stopped"),
        )),
        Some(false) => Ok(()),
    }
}

/// Has threads that sleep until the end of the hold look again when that is.
pub(crate) fn wake() {
    SESSION.with(|session| {
        if let Some(run) = &*session.run.lock() {
            run.wake();
        }
    });
}

/// Shows the result of the last run, if there is one, and the state.
pub(crate) fn show_result(out: &mut dyn fmt::Write) -> fmt::Result {
    with_run(|shared| shared.outcome().show(out))
        .unwrap_or_else(|| write!(out, "state={}", State::word()))
}

/// Calls `body` with the last run, if there is one.
fn with_run<R>(body: impl FnOnce(&Shared) -> R) -> Option<R> {
    SESSION
        .with(|session| {
            let run = session.run.lock();
            run.as_ref().map(|run| body(&run.shared))
        })
        .flatten()
}
