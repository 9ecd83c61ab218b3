// SPDX-License-Identifier: GPL-2.0

//! The module's parameters.
//!
//! A live parameter takes effect at once, or with the next run if its description says so.

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
    /// fault to inject, required; panic, panic_irq and stack_overflow are never released
    /// and need force=1
    0o444 mode: word<Fault> = none;
    /// CPUs to hold, as 0,2-3, or all; live for the next run
    /// [default: the first online other than 0; the first two for a mode that needs two;
    /// all with at=]
    0o644 cpus: cpus = none, on_change(cpus_are_given);
    /// countdown before the fault, live
    0o644 delay_secs: uint = DELAY_SECS_DEFAULT, range(0..=3600), unit("seconds"),
        on_change(live::set_delay_secs);
    /// duration of the fault, 0 for ever, which needs force=1; live
    0o644 hold_secs: uint = HOLD_SECS_DEFAULT, range(0..=86400), unit("seconds"),
        on_change(change_hold_secs);
    /// number of faults; live for the next run
    0o644 iterations: uint = 1, range(1..=1000);
    /// pause between two iterations, live
    0o644 cooldown_secs: uint = COOLDOWN_SECS_DEFAULT, range(0..=3600), unit("seconds"),
        on_change(live::set_cooldown_secs);
    /// touch the watchdogs in each round of the loop, so that they must not report;
    /// live for the next run
    0o644 touch_watchdog: bool = false;
    /// allocate and free a page in each round of the loop; live for the next run
    0o644 alloc_under_lock: bool = false;
    /// most memory that mode=oom allocates, required for it; live for the next run
    0o644 limit_mib: uint = 0, unit("MiB");
    /// inject the fault in the middle of a call of this kernel function; live for the
    /// next run
    0o644 at: str<FUNCTION_MAX> = "", check(is_function, "the name of a function is allowed");
    /// number of the call in which to inject it; live for the next run
    0o644 count: uint = 1, range(1..=u32::MAX);
    /// name of this run, in each line of the log, 1 to 32 of A-Z a-z 0-9 . _ -; live for
    /// the next run
    0o644 run_id: str<RUN_ID_MAX> = "-", check(is_run_id, "A-Z a-z 0-9 . _ - are allowed");
    /// allow a run without a crash kernel, or for ever
    0o444 force: bool = false;
    /// write a mode: start another run, with the current parameters
    0o200 trigger: word<Fault> = none, on_change(begin_at_trigger);
    /// write 1: end the countdown, the pause, or a hold that can be stopped
    0o200 cancel: uint = 0, on_change(session::cancel);
    /// countdown, armed, holding, cooldown, released, cancelled or died
    0o444 state: computed = state::show;
    /// longest hold of the run so far, in milliseconds, live
    0o444 held_ms: computed = state::show_held_ms;
    /// the run and the kernel's counters, one key=value per line
    0o444 result: computed = session::show_result;
}

/// Whether the user has set `cpus`.
static CPUS_GIVEN: AtomicBool = AtomicBool::new(false);

/// Notes that the user has set `cpus`.
fn cpus_are_given(_list: &CpuList) -> Result<(), Refusal> {
    CPUS_GIVEN.store(true, Relaxed);
    Ok(())
}

/// Sets `hold_secs`, and wakes threads that sleep until the end of the hold.
fn change_hold_secs(secs: u32) -> Result<(), Refusal> {
    live::set_hold_secs(secs, force.get())?;
    session::wake();
    Ok(())
}

/// Starts the first run, when the module is loaded.
///
/// # Errors
///
/// If the parameters are refused, with a line in the log; `ENOMEM`.
pub(crate) fn begin_at_load() -> Result {
    let Some((_, fault)) = mode.get() else {
        pr_err!(
            "run {}: refused: mode=: required: one of {}",
            run_id.copy(),
            mode.words()
        );
        return Err(EINVAL);
    };
    session::load(fault, || make_plan(fault, BegunBy::Load))
}

/// Starts another run, for a write to `trigger`.
fn begin_at_trigger(fault: &'static Fault) -> Result<(), Refusal> {
    session::trigger(fault, || make_plan(fault, BegunBy::Trigger))?;
    mode.choose(fault);
    Ok(())
}

/// Makes a plan from the current parameters. From then on `cpus` reads back as the plan's list.
fn make_plan(fault: &'static Fault, begun_by: BegunBy) -> Result<Plan> {
    let plan = Plan::new(&fault.mode, settings(begun_by)?)?;
    // Last, so that a refused plan does not change the parameter.
    cpus.store(&plan.cpus)?;
    Ok(plan)
}

/// Returns the current parameters.
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

/// Returns the CPUs that the user has set.
fn wanted_cpus() -> Result<Cpus> {
    // The allocation of the set must not be done under the guard of the list.
    let is_all = cpus.read().is_all();
    Ok(if is_all {
        Cpus::All
    } else if CPUS_GIVEN.load(Relaxed) {
        Cpus::List(CpuSet::of(|cpu| cpus.read().contains(cpu))?)
    } else {
        Cpus::Default
    })
}

/// Returns whether `text` is a valid run id.
fn is_run_id(text: &str) -> bool {
    !text.is_empty()
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
}

/// Returns whether `text` can be the name of a function, or is empty for none.
fn is_function(text: &str) -> bool {
    text.bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || b"._$".contains(&byte))
}
