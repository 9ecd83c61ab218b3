// SPDX-License-Identifier: GPL-2.0

//! The session: from load to unload, one run after the other.
//!
//! The parameters find it while it is published, so a write that comes before
//! the first run was started, or while the module is unloaded, finds none.

use core::{
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
    modes::Mode,
    params,
    plan::Plan,
    run::{
        BegunBy,
        Run,
        Shared, //
    },
    state::State, //
};

static SESSION: Published<Session> = Published::new();

/// The module. When it is dropped the session ends, which calls off what can be,
/// and waits for the rest.
pub(crate) struct Lockup {
    _session: Publication<Session>,
}

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

impl Module for Lockup {
    fn init() -> Result<Self> {
        let session = Session {
            run: KBox::pin_init(new_mutex!(None), GFP_KERNEL)?,
            begins: AtomicBool::new(false),
            is_loaded: AtomicBool::new(false),
        };
        // Dropped if what follows fails.
        let session = SESSION.publish(Arc::new(session, GFP_KERNEL)?)?;
        let mode = params::mode.get().map(|row| row.1);
        let started = SESSION.with(|session| session.begin(mode, BegunBy::Load));
        started.unwrap_or(Err(ENODEV))?;
        Ok(Self { _session: session })
    }
}

impl Session {
    /// Begins a run.
    fn begin(&self, mode: Option<&'static Mode>, by: BegunBy) -> Result {
        if self.begins.swap(true, SeqCst) {
            return Err(EBUSY);
        }
        let begun = self.begin_alone(mode, by);
        self.begins.store(false, SeqCst);
        begun
    }

    /// The same, where nobody else does. The plan and the run are made without a lock of ours:
    /// both read files, whose locks the kernel takes before ours when a parameter is read.
    fn begin_alone(&self, mode: Option<&'static Mode>, by: BegunBy) -> Result {
        let goes_on = |run: &Run| !run.shared.is_over();
        if self.run.lock().as_ref().is_some_and(goes_on) {
            return Err(EBUSY);
        }
        let plan = Plan::from_params(mode)?;
        // What is over is gone before the next one shows what it is at.
        let over = self.run.lock().take();
        drop(over);
        let new = Run::start(plan, by)?;
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
pub(crate) fn trigger(mode: &'static Mode) -> Result<(), Refusal> {
    let begun = SESSION.with(|session| {
        session
            .is_loaded
            .load(SeqCst)
            .then(|| session.begin(Some(mode), BegunBy::Trigger))
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
        Some(Ok(())) => {
            params::mode.choose(mode);
            Ok(())
        }
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

/// Calls `body` with the last run, if there is one.
pub(crate) fn with_run<R>(body: impl FnOnce(&Shared) -> R) -> Option<R> {
    SESSION
        .with(|session| {
            let run = session.run.lock();
            run.as_ref().map(|run| body(&run.shared))
        })
        .flatten()
}
