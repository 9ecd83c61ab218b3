// SPDX-License-Identifier: GPL-2.0

//! The parameters that a run looks at while it goes on.
//!
//! They are in statics, which the parameters set and the threads of a run read, in any context.

use core::sync::atomic::{
    AtomicU32,
    AtomicU64,
    Ordering::Relaxed, //
};

use faultline::params::Refusal;

/// `delay_secs` where none is given.
pub(crate) const DELAY_SECS_DEFAULT: u32 = 10;

/// `hold_secs` where none is given.
pub(crate) const HOLD_SECS_DEFAULT: u32 = 60;

/// `cooldown_secs` where none is given.
pub(crate) const COOLDOWN_SECS_DEFAULT: u32 = 0;

/// `delay_secs` as it was last set.
static DELAY: AtomicU32 = AtomicU32::new(DELAY_SECS_DEFAULT);

/// `cooldown_secs` as it was last set.
static COOLDOWN: AtomicU32 = AtomicU32::new(COOLDOWN_SECS_DEFAULT);

/// `hold_secs` as it was last accepted, and [`PLANNED`].
///
/// Both are in one word, so that whoever sets `hold_secs` and the plan that takes it cannot
/// miss each other: one of the two checks the value.
static HOLD: AtomicU64 = AtomicU64::new(HOLD_SECS_DEFAULT as u64);

/// A plan has taken `hold_secs`, so a change has to pass the plan's check.
const PLANNED: u64 = 1 << 32;

/// The countdown before the first hold.
pub(crate) fn delay_secs() -> u32 {
    DELAY.load(Relaxed)
}

/// Sets the countdown. A thread that counts looks at it each second.
pub(crate) fn set_delay_secs(secs: u32) -> Result<(), Refusal> {
    DELAY.store(secs, Relaxed);
    Ok(())
}

/// The pause between two holds.
pub(crate) fn cooldown_secs() -> u32 {
    COOLDOWN.load(Relaxed)
}

/// Sets the pause. A thread that pauses looks at it each second.
pub(crate) fn set_cooldown_secs(secs: u32) -> Result<(), Refusal> {
    COOLDOWN.store(secs, Relaxed);
    Ok(())
}

/// How long to hold the CPUs; 0 is for ever.
#[inline]
pub(crate) fn hold_secs() -> u32 {
    HOLD.load(Relaxed) as u32
}

/// Takes `hold_secs` for the plan, which checks it together with the other parameters. From
/// then on [`set_hold_secs`] checks each change.
pub(crate) fn take_hold_secs() -> u32 {
    HOLD.fetch_or(PLANNED, Relaxed) as u32
}

/// Checks and sets `hold_secs`. Those who sleep until the end of a hold have to be woken.
pub(crate) fn set_hold_secs(secs: u32, force: bool) -> Result<(), Refusal> {
    let mut before = HOLD.load(Relaxed);
    loop {
        let planned = before & PLANNED;
        if planned != 0 && secs == 0 && !force {
            return Err(Refusal::because("to hold for ever needs force=1 at load"));
        }
        let after = planned | u64::from(secs);
        match HOLD.compare_exchange_weak(before, after, Relaxed, Relaxed) {
            Ok(_) => return Ok(()),
            Err(now) => before = now,
        }
    }
}
