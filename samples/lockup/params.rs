// SPDX-License-Identifier: GPL-2.0

//! What the user of the module can set and read.

use faultline::params::{
    Bool,
    Computed,
    Str,
    Word,
    U32, //
};

use crate::{
    modes::{
        Mode,
        MODES, //
    },
    run, //
};

/// The longest list of CPUs.
pub(crate) const CPUS_MAX: usize = 255;

/// The longest name of a run.
pub(crate) const RUN_ID_MAX: usize = 32;

faultline::params! {
    0o444 mode: Word<Mode> = Word::required(MODES), "what to do to the CPUs";
    0o444 cpus: Str<CPUS_MAX> = Str::new("", "a list of CPUs is allowed, as 0,2-3, or all", |text| !text.is_empty()),
        "CPUs to lock up, as 0,2-3, or all [default: the first online but 0]";
    0o644 delay_secs: U32 = U32::new(10).range(0, 3600).unit("seconds"),
        "countdown before it, live";
    0o644 hold_secs: U32 = U32::new(60).range(0, 86400).unit("seconds").check(run::hold_secs_allowed),
        "how long to hold the CPUs, 0 for ever, which needs force=1; live";
    0o444 run_id: Str<RUN_ID_MAX> = Str::new("-", "1 to 32 of A-Z a-z 0-9 . _ - are allowed", is_run_id),
        "name of this run, in each line of the log, 1 to 32 of A-Z a-z 0-9 . _ -";
    0o444 force: Bool = Bool::new(false),
        "go ahead without a crash kernel, or for ever";
    0o444 state: Computed = Computed::new(run::show_state),
        "countdown, holding, released or cancelled";
    0o444 held_ms: Computed = Computed::new(run::show_held_ms),
        "longest hold so far, in milliseconds, live";
}

/// May a run be called this?
fn is_run_id(text: &str) -> bool {
    !text.is_empty()
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
}
