// SPDX-License-Identifier: GPL-2.0

//! The session: from load to unload, one run after the other.
//!
//! The parameters find it while it is published, so a write before the first run was started, or
//! while the module is being unloaded, finds none.

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

/// The state of the module, found by its parameters.
pub(crate) struct Session {
    /// The last run. The mutex is taken with the parameter lock held, so nothing that takes the
    /// parameter lock may be called with it held.
    run: Pin<KBox<Mutex<Option<Run>>>>,
    /// Whether a run is being started.
    begins: AtomicBool,
    /// Whether the first run was started, so that there may be others.
    is_loaded: AtomicBool,
}

/// Opens the session. It ends when the publication is dropped, which cancels the run, and waits for
/// threads that cannot be stopped.
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

/// Starts the first run, when the module is loaded.
///
/// # Errors
///
/// Those of `make_plan` and [`Run::start`].
pub(crate) fn load(fault: &'static Fault, make_plan: impl FnOnce() -> Result<Plan>) -> Result {
    let started = SESSION.with(|session| session.begin(fault, make_plan));
    started.unwrap_or(Err(ENODEV))
}

impl Session {
    /// Starts a run, unless another one is active or being started. Only then its plan is made.
    fn begin(&self, fault: &'static Fault, make_plan: impl FnOnce() -> Result<Plan>) -> Result {
        if self.begins.swap(true, SeqCst) {
            return Err(EBUSY);
        }
        let begun = self.begin_alone(fault, make_plan);
        self.begins.store(false, SeqCst);
        begun
    }

    /// Starts a run while no other one is being started. The plan and the run are made without a
    /// lock of the module: both read files, whose locks the kernel takes before ours when a
    /// parameter is read.
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
        // The old run is dropped before the new one sets the state.
        let over = self.run.lock().take();
        drop(over);
        let new = Run::start(plan, fault)?;
        {
            let mut run = self.run.lock();
            // `hold_secs` may have changed since the threads of the new run began to sleep.
            new.wake();
            *run = Some(new);
        }
        self.is_loaded.store(true, SeqCst);
        Ok(())
    }
}

/// Starts another run, for a write to `trigger`.
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
        None => Err(Refusal::because("the module is being loaded or unloaded")),
        Some(Err(EBUSY)) => Err(Refusal::Error(
            EBUSY,
            Some("a run is active: wait for its end, or write 1 to cancel"),
        )),
        Some(Err(error)) => Err(Refusal::Error(
            error,
            Some("see the line before this one for the reason"),
        )),
        Some(Ok(())) => Ok(()),
    }
}

/// Cancels the run, for a write to `cancel`.
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
                    "run {run_id}: this mode cannot be stopped: write a number of seconds to \
                     hold_secs to end it"
                ),
            }
        }
        Some(is_held)
    });
    match called_off.flatten() {
        None => Err(Refusal::because("no run is active")),
        Some(true) => Err(Refusal::Error(
            EBUSY,
            Some("a CPU is held, and this mode cannot be stopped"),
        )),
        Some(false) => Ok(()),
    }
}

/// Wakes threads that sleep until the end of the hold, so that they compute the end again.
pub(crate) fn wake() {
    SESSION.with(|session| {
        if let Some(run) = &*session.run.lock() {
            run.wake();
        }
    });
}

/// Shows the result of the last run; only the state if there was none.
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
