// SPDX-License-Identifier: GPL-2.0

//! The clock, and sleeping.
//!
//! C header: [`include/linux/timekeeping.h`](srctree/include/linux/timekeeping.h)

use crate::{
    bindings,
    compat::ffi::c_long, //
};

/// Nanoseconds in a second.
pub const NSEC_PER_SEC: u64 = 1_000_000_000;

/// Nanoseconds in a millisecond.
pub const NSEC_PER_MSEC: u64 = 1_000_000;

/// Nanoseconds of `CLOCK_MONOTONIC`: since boot, without time in suspend.
///
/// # Context
///
/// Any, also an NMI: the clock is read without locks (`ktime_get_mono_fast_ns`).
/// While it is being adjusted, a reader may see it go back by a few
/// nanoseconds, so subtract with saturation.
#[inline]
pub fn monotonic_ns() -> u64 {
    // SAFETY: The function may be called from any context.
    unsafe { bindings::ktime_get_mono_fast_ns() }
}

/// Nanoseconds of the clock that this CPU has for itself, counted from some
/// time. Only a difference on one CPU says something.
///
/// It goes on where [`monotonic_ns`] stands still: the latter counts from when a
/// CPU last brought it up to date, and where all CPUs have their interrupts off
/// nobody does. Then a clock source with few bits (ACPI PM has 24, which is
/// five seconds) counts the same few seconds over and over.
///
/// # Context
///
/// Any, also an NMI.
#[inline]
pub fn cpu_ns() -> u64 {
    // SAFETY: The function may be called from any context.
    unsafe { bindings::sched_clock() }
}

/// Jiffies to sleep for `ns`, at least one.
pub(crate) fn jiffies(ns: u64) -> c_long {
    // SAFETY: The function only computes.
    let jiffies = unsafe { bindings::nsecs_to_jiffies(ns) };
    // The conversion rounds down; to sleep too short would mean to sleep twice.
    c_long::try_from(jiffies).map_or(c_long::MAX, |jiffies| jiffies.saturating_add(1))
}

/// Sleeps for about `ms` milliseconds. Nothing wakes the sleeper before, and
/// the hung task detector leaves it alone.
///
/// # Context
///
/// Process context; sleeps.
pub fn sleep_ms(ms: u32) {
    // SAFETY: The caller may sleep; the current task is woken by a timer.
    unsafe { bindings::schedule_timeout_idle(jiffies(u64::from(ms) * NSEC_PER_MSEC)) };
}
