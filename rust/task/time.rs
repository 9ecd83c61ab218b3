// SPDX-License-Identifier: GPL-2.0

//! Clocks and sleeping.
//!
//! Our own: `kernel::time` of 6.12 has no clock that an NMI may read, and no sleep.
//!
//! C header: [`include/linux/timekeeping.h`](srctree/include/linux/timekeeping.h)

use crate::{
    bindings,
    compat::ffi::c_long, //
};

/// Nanoseconds per second.
pub const NSEC_PER_SEC: u64 = 1_000_000_000;

/// Nanoseconds per millisecond.
pub const NSEC_PER_MSEC: u64 = 1_000_000;

/// Returns the nanoseconds of `CLOCK_MONOTONIC`: since boot, without time in suspend.
///
/// # Context
///
/// Any, also an NMI: the clock is read without locks (`ktime_get_mono_fast_ns`). While the kernel
/// adjusts it, a reader may see it go back by a few nanoseconds, so subtract with saturation.
#[inline]
pub fn monotonic_ns() -> u64 {
    // SAFETY: `ktime_get_mono_fast_ns()` may be called from any context.
    unsafe { bindings::ktime_get_mono_fast_ns() }
}

/// Returns the nanoseconds of this CPU's own clock (`sched_clock`), since an arbitrary time. Only
/// differences on the same CPU are meaningful.
///
/// Unlike [`monotonic_ns`], it does not stop while all CPUs have their interrupts off. The latter
/// is counted from its last update, which a timer interrupt does. Without updates a clock source
/// with few bits wraps around (ACPI PM has 24, which is five seconds).
///
/// # Context
///
/// Any, also an NMI.
#[inline]
pub fn cpu_ns() -> u64 {
    // SAFETY: `sched_clock()` may be called from any context.
    unsafe { bindings::sched_clock() }
}

/// Returns the jiffies of a sleep of at least `ns`; at least one.
pub(crate) fn jiffies(ns: u64) -> c_long {
    // SAFETY: `nsecs_to_jiffies()` only computes.
    let jiffies = unsafe { bindings::nsecs_to_jiffies(ns) };
    // The conversion rounds down: without the addition the caller would wake up too early.
    c_long::try_from(jiffies).map_or(c_long::MAX, |jiffies| jiffies.saturating_add(1))
}

/// Sleeps for at least `ms` milliseconds, and about as long. Signals do not wake the task, and the
/// hung task detector ignores it (`TASK_IDLE`).
///
/// # Context
///
/// Process context; sleeps.
pub fn sleep_ms(ms: u32) {
    // SAFETY: `schedule_timeout_idle()` has no requirements but its context. A caller that must not
    // sleep is reported by the scheduler, which harms no memory.
    unsafe { bindings::schedule_timeout_idle(jiffies(u64::from(ms) * NSEC_PER_MSEC)) };
}
