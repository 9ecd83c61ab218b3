// SPDX-License-Identifier: GPL-2.0

//! What the user of the module can set and read.

use crate::{
    modes::Mode,
    run, //
};

/// The longest name of a run.
pub(crate) const RUN_ID_MAX: usize = 32;

faultline::params! {
    /// what to do to the CPUs, required
    0o444 mode: word<Mode> = none;
    /// CPUs to lock up, as 0,2-3, or all [default: the first online but 0]
    0o444 cpus: cpus = none;
    /// countdown before it, live
    0o644 delay_secs: uint = 10, range(0..=3600), unit("seconds");
    /// how long to hold the CPUs, 0 for ever, which needs force=1; live
    0o644 hold_secs: uint = 60, range(0..=86400), unit("seconds"), on_change(run::hold_secs_allowed);
    /// name of this run, in each line of the log, 1 to 32 of A-Z a-z 0-9 . _ -
    0o444 run_id: str<RUN_ID_MAX> = "-", check(is_run_id, "A-Z a-z 0-9 . _ - are allowed");
    /// go ahead without a crash kernel, or for ever
    0o444 force: bool = false;
    /// countdown, holding, released or cancelled
    0o444 state: computed = run::show_state;
    /// longest hold so far, in milliseconds, live
    0o444 held_ms: computed = run::show_held_ms;
}

/// May a run be called this?
fn is_run_id(text: &str) -> bool {
    !text.is_empty()
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
}
