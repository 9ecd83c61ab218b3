// SPDX-License-Identifier: GPL-2.0

//! What the user of the module can set and read.
//!
//! What is live takes effect at once, or says that it is for the next run.

use core::sync::atomic::{
    AtomicBool,
    Ordering::Relaxed, //
};

use faultline::{
    params::{
        CpuList,
        Refusal, //
    },
    prelude::*,
    task::cpu::CpuSet, //
};

use crate::{
    live::{
        self,
        COOLDOWN_SECS_DEFAULT,
        DELAY_SECS_DEFAULT,
        HOLD_SECS_DEFAULT, //
    },
    modes::Fault,
    plan::Plan,
    session,
    settings::{
        BegunBy,
        Cpus,
        Settings,
        FUNCTION_MAX,
        RUN_ID_MAX, //
    },
    state, //
};

faultline::params! {
    /// what to do, required; panic, panic_irq and stack_overflow are never released
    /// and need force=1
    0o444 mode: word<Fault> = none;
    /// CPUs to do it to, as 0,2-3, or all; live for the next run
    /// [default: the first online but 0; the first two for a mode that takes two;
    /// all with at=]
    0o644 cpus: cpus = none, on_change(cpus_are_given);
    /// countdown before it, live
    0o644 delay_secs: uint = DELAY_SECS_DEFAULT, range(0..=3600), unit("seconds"),
        on_change(live::set_delay_secs);
    /// how long to hold the CPUs, 0 for ever, which needs force=1; live
    0o644 hold_secs: uint = HOLD_SECS_DEFAULT, range(0..=86400), unit("seconds"),
        on_change(change_hold_secs);
    /// how often; live for the next run
    0o644 iterations: uint = 1, range(1..=1000);
    /// pause between two of them, live
    0o644 cooldown_secs: uint = COOLDOWN_SECS_DEFAULT, range(0..=3600), unit("seconds"),
        on_change(live::set_cooldown_secs);
    /// tell the watchdogs all the while that nothing is stuck: must not be detected;
    /// live for the next run
    0o644 touch_watchdog: bool = false;
    /// take and free a page in each round of the lockup; live for the next run
    0o644 alloc_under_lock: bool = false;
    /// memory that mode=oom takes at most, required for it; live for the next run
    0o644 limit_mib: uint = 0, unit("MiB");
    /// do it in the middle of a call of this function of the kernel; live for the
    /// next run
    0o644 at: str<FUNCTION_MAX> = "", check(is_function, "the name of a function is allowed");
    /// in which of its calls; live for the next run
    0o644 count: uint = 1, range(1..=u32::MAX);
    /// name of this run, in each line of the log, 1 to 32 of A-Z a-z 0-9 . _ -; live for
    /// the next run
    0o644 run_id: str<RUN_ID_MAX> = "-", check(is_run_id, "A-Z a-z 0-9 . _ - are allowed");
    /// go ahead without a crash kernel, or for ever
    0o444 force: bool = false;
    /// write a mode: begin another run, with the parameters as they are now
    0o200 trigger: word<Fault> = none, on_change(begin_at_trigger);
    /// write 1: end the countdown, the pause, or a hold that can be stopped
    0o200 cancel: uint = 0, on_change(session::cancel);
    /// countdown, armed, holding, cooldown, released, cancelled or died
    0o444 state: computed = state::show;
    /// longest hold of the run so far, in milliseconds, live
    0o444 held_ms: computed = state::show_held_ms;
    /// the run and what the kernel has counted meanwhile, a key=value a line
    0o444 result: computed = session::show_result;
}

/// The user has given `cpus`.
static CPUS_GIVEN: AtomicBool = AtomicBool::new(false);

/// The user gives `cpus`.
fn cpus_are_given(_list: &CpuList) -> Result<(), Refusal> {
    CPUS_GIVEN.store(true, Relaxed);
    Ok(())
}

/// Takes a new `hold_secs`; those who sleep until the end of the hold are told.
fn change_hold_secs(secs: u32) -> Result<(), Refusal> {
    live::set_hold_secs(secs, force.get())?;
    session::wake();
    Ok(())
}

/// Begins the run that loading the module is for.
///
/// # Errors
///
/// What is refused, with a line in the log; `ENOMEM`.
pub(crate) fn begin_at_load() -> Result {
    let Some((_, fault)) = mode.get() else {
        pr_err!(
            "run {}: refused: mode=: one of {} is required",
            run_id.copy(),
            mode.words()
        );
        return Err(EINVAL);
    };
    session::load(fault, || make_plan(fault, BegunBy::Load))
}

/// Begins another run, for a write to `trigger`.
fn begin_at_trigger(fault: &'static Fault) -> Result<(), Refusal> {
    session::trigger(fault, || make_plan(fault, BegunBy::Trigger))?;
    mode.choose(fault);
    Ok(())
}

/// Makes a plan of the parameters as they are. From then on `cpus` reads back as the plan's list.
fn make_plan(fault: &'static Fault, begun_by: BegunBy) -> Result<Plan> {
    let plan = Plan::new(&fault.mode, settings(begun_by)?)?;
    // Last, so that what was refused leaves the parameter alone.
    cpus.store(&plan.cpus)?;
    Ok(plan)
}

/// The parameters as they are.
fn settings(begun_by: BegunBy) -> Result<Settings> {
    Ok(Settings {
        begun_by,
        run_id: run_id.copy(),
        cpus: wanted_cpus()?,
        force: force.get(),
        iterations: iterations.get(),
        touch_watchdog: touch_watchdog.get(),
        alloc_under_lock: alloc_under_lock.get(),
        limit_mib: limit_mib.get(),
        at: at.copy(),
        count: count.get(),
    })
}

/// The CPUs that the user wants.
fn wanted_cpus() -> Result<Cpus> {
    // A set is allocated, which must not be done while the list is read.
    let is_all = cpus.read().is_all();
    Ok(if is_all {
        Cpus::All
    } else if CPUS_GIVEN.load(Relaxed) {
        Cpus::List(CpuSet::of(|cpu| cpus.read().contains(cpu))?)
    } else {
        Cpus::Default
    })
}

/// Returns whether a run can be called this.
fn is_run_id(text: &str) -> bool {
    !text.is_empty()
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
}

/// Returns whether a function can be called this. The empty name is none.
fn is_function(text: &str) -> bool {
    text.bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || b"._$".contains(&byte))
}
