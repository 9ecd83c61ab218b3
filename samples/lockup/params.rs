// SPDX-License-Identifier: GPL-2.0

//! What the user of the module can set and read.
//!
//! What is live takes effect at once, or says that it is for the next run.

use crate::{
    modes::Mode,
    plan,
    result,
    session,
    state, //
};

/// The longest name of a run.
pub(crate) const RUN_ID_MAX: usize = 32;

/// The longest name of a function.
pub(crate) const FUNCTION_MAX: usize = 128;

/// `hold_secs` where none is given.
pub(crate) const HOLD_SECS_DEFAULT: u32 = 60;

faultline::params! {
    /// what to do, required; panic, panic_irq and stack_overflow are never released
    /// and need force=1
    0o444 mode: word<Mode> = none;
    /// CPUs to do it to, as 0,2-3, or all; live for the next run
    /// [default: the first online but 0; the first two for a mode that takes two;
    /// all with at=]
    0o644 cpus: cpus = none, on_change(plan::cpus_are_given);
    /// countdown before it, live
    0o644 delay_secs: uint = 10, range(0..=3600), unit("seconds");
    /// how long to hold the CPUs, 0 for ever, which needs force=1; live
    0o644 hold_secs: uint = HOLD_SECS_DEFAULT, range(0..=86400), unit("seconds"),
        on_change(plan::hold_secs_allowed);
    /// how often; live for the next run
    0o644 iterations: uint = 1, range(1..=1000);
    /// pause between two of them, live
    0o644 cooldown_secs: uint = 0, range(0..=3600), unit("seconds");
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
    0o200 trigger: word<Mode> = none, on_change(session::trigger);
    /// write 1: end the countdown, the pause, or a hold that can be stopped
    0o200 cancel: uint = 0, on_change(session::cancel);
    /// countdown, armed, holding, cooldown, released, cancelled or died
    0o444 state: computed = state::show;
    /// longest hold of the run so far, in milliseconds, live
    0o444 held_ms: computed = state::show_held_ms;
    /// the run and what the kernel has counted meanwhile, a key=value a line
    0o444 result: computed = result::show;
}

/// May a run be called this?
fn is_run_id(text: &str) -> bool {
    !text.is_empty()
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
}

/// Can a function be called this? The empty name is none.
fn is_function(text: &str) -> bool {
    text.bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || b"._$".contains(&byte))
}
