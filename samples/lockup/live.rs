// SPDX-License-Identifier: GPL-2.0

//! The parameters that can change during a run.
//!
//! They are stored in statics, which the parameters set and the threads of a run read, in any
//! context.

use core::sync::atomic::{
    AtomicU32,
    AtomicU64,
    Ordering::Relaxed, //
};

use faultline::params::Refusal;

/// The default of `delay_secs`.
pub(crate) const DELAY_SECS_DEFAULT: u32 = 10;

/// The default of `hold_secs`.
pub(crate) const HOLD_SECS_DEFAULT: u32 = 60;

/// The default of `cooldown_secs`.
pub(crate) const COOLDOWN_SECS_DEFAULT: u32 = 0;

/// `delay_secs` as last set.
static DELAY: AtomicU32 = AtomicU32::new(DELAY_SECS_DEFAULT);

/// `cooldown_secs` as last set.
static COOLDOWN: AtomicU32 = AtomicU32::new(COOLDOWN_SECS_DEFAULT);

/// `hold_secs` as last accepted, and [`PLANNED`].
///
/// Both are in one word, so that a write to `hold_secs` and the plan that takes it cannot miss each
/// other: one of the two checks the value.
static HOLD: AtomicU64 = AtomicU64::new(HOLD_SECS_DEFAULT as u64);

/// Set when a plan has taken `hold_secs`, so that a change has to pass the plan's check.
const PLANNED: u64 = 1 << 32;

/// Returns the countdown before the first hold.
pub(crate) fn delay_secs() -> u32 {
    DELAY.load(Relaxed)
}

/// Sets the countdown. A thread that counts down reads it each second.
pub(crate) fn set_delay_secs(secs: u32) -> Result<(), Refusal> {
    DELAY.store(secs, Relaxed);
    Ok(())
}

/// Returns the pause between two holds.
pub(crate) fn cooldown_secs() -> u32 {
    COOLDOWN.load(Relaxed)
}

/// Sets the pause. A thread that pauses reads it each second.
pub(crate) fn set_cooldown_secs(secs: u32) -> Result<(), Refusal> {
    COOLDOWN.store(secs, Relaxed);
    Ok(())
}

/// Returns the duration of a hold; 0 is for ever.
#[inline]
pub(crate) fn hold_secs() -> u32 {
    HOLD.load(Relaxed) as u32
}

/// Takes `hold_secs` for the plan, which checks it together with the other parameters. From
/// then on [`set_hold_secs`] checks each change.
pub(crate) fn take_hold_secs() -> u32 {
    HOLD.fetch_or(PLANNED, Relaxed) as u32
}

/// Checks and sets `hold_secs`. Threads that sleep until the end of a hold have to be woken.
pub(crate) fn set_hold_secs(secs: u32, force: bool) -> Result<(), Refusal> {
    let mut before = HOLD.load(Relaxed);
    loop {
        let planned = before & PLANNED;
        if planned != 0 && secs == 0 && !force {
            return Err(Refusal::because("holding for ever needs force=1 at load"));
        }
        let after = planned | u64::from(secs);
        match HOLD.compare_exchange_weak(before, after, Relaxed, Relaxed) {
            Ok(_) => return Ok(()),
            Err(now) => before = now,
        }
    }
}
