// SPDX-License-Identifier: GPL-2.0

//! The window in which a detector must report, computed from its threshold as documented.

use serde::{Deserialize, Serialize};

/// The time after the injection in which a detector must report.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Window {
    /// The earliest moment, in seconds after the injection.
    pub earliest_secs: f64,
    /// The latest moment, in seconds after the injection.
    pub latest_secs: f64,
    /// How far outside the window a report may come because of scheduling, as of a virtual CPU.
    pub tolerance_secs: f64,
}

impl Window {
    /// Returns whether a report `latency` seconds after the injection is in the window.
    pub fn contains(&self, latency: f64) -> bool {
        let tolerance = self.tolerance_secs;
        (self.earliest_secs - tolerance..=self.latest_secs + tolerance).contains(&latency)
    }
}

impl std::fmt::Display for Window {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:.1} to {:.1} s", self.earliest_secs, self.latest_secs)
    }
}

/// The unit of the soft-lockup watchdog's time stamps, 2^30 ns in seconds
/// (`get_timestamp()` in `kernel/watchdog.c`).
const STAMP_SECS: f64 = (1u64 << 30) as f64 / 1e9;

/// The soft-lockup watchdog's window (`kernel/watchdog.c`).
///
/// A timer on each CPU ticks every 2/5 of the threshold (`set_sample_period()`). Each tick queues a
/// work that stamps the time, and reports when the stamp is more than 2 x threshold time units old
/// (`is_softlockup()`):
/// - both times are truncated to whole units, so the age is more than 2 x threshold units at the
///   least, and 2 x threshold + 1 at the most;
/// - the age counts from the last tick before the lockup, up to one tick before it; or, if the CPU
///   was idle, from the first tick after it (`touch_softlockup_watchdog_sched()`), up to one tick
///   after it.
pub fn soft_lockup(thresh: u32) -> Window {
    let soft = 2.0 * f64::from(thresh);
    let sample = soft / 5.0;
    let first_above = (soft * STAMP_SECS / sample).floor() + 1.0;
    let first_at = ((soft + 1.0) * STAMP_SECS / sample).ceil();
    Window {
        earliest_secs: (first_above - 1.0) * sample,
        latest_secs: (first_at + 1.0) * sample,
        tolerance_secs: 1.0,
    }
}

/// The hard-lockup watchdog's window.
///
/// The buddy of a CPU (`kernel/watchdog_buddy.c`) checks it at each of its own ticks, every 2/5 of
/// the threshold, and reports at the third check in a row without a timer interrupt on that CPU:
/// - the first such check comes up to one tick after the lockup, so the third comes after two ticks
///   at the least;
/// - if the CPU's last interrupt came after the last check, one more check is needed.
///
/// The perf event (`kernel/watchdog_perf.c`) comes once per threshold, and reports if no such
/// interrupt came since the previous event: after one threshold, and two at the most.
pub fn hard_lockup(thresh: u32) -> Window {
    let thresh = f64::from(thresh);
    Window {
        earliest_secs: 0.8 * thresh,
        latest_secs: 2.0 * thresh,
        tolerance_secs: 1.0,
    }
}

/// The stall detector's window (`kernel/rcu/tree_stall.h`): the timeout counts from the start of
/// the grace period, which starts with the fault or soon after, and each tick checks it.
pub fn rcu_stall(timeout: u32) -> Window {
    let timeout = f64::from(timeout);
    Window {
        earliest_secs: timeout,
        latest_secs: timeout + 1.0,
        tolerance_secs: 1.0,
    }
}

/// The hung-task detector's window (`kernel/hung_task.c`). It checks once per timeout: it records
/// when it first saw the task asleep, up to one timeout after it fell asleep, and reports at the
/// first check that is a timeout later, which by one tick may be the next but one.
pub fn hung_task(timeout: u32) -> Window {
    let timeout = f64::from(timeout);
    Window {
        earliest_secs: timeout,
        latest_secs: 3.0 * timeout,
        tolerance_secs: 1.0,
    }
}

/// The window of the NMI that the drill itself sends, `wait` seconds after the fault began.
pub fn nmi(wait: u32) -> Window {
    let wait = f64::from(wait);
    Window {
        earliest_secs: wait,
        latest_secs: wait + 1.0,
        tolerance_secs: 1.0,
    }
}

/// The window of a watchdog device that was fed within the last second before the fault.
pub fn hardware_watchdog(timeout: u32) -> Window {
    let timeout = f64::from(timeout);
    Window {
        earliest_secs: timeout - 1.0,
        latest_secs: timeout + 1.0,
        tolerance_secs: 1.0,
    }
}

/// The window of a fault that reports itself.
pub fn at_once(_threshold: u32) -> Window {
    Window {
        earliest_secs: 0.0,
        latest_secs: 1.0,
        tolerance_secs: 1.0,
    }
}

/// The window of the OOM killer: the time to fill the memory.
pub fn out_of_memory(_threshold: u32) -> Window {
    Window {
        earliest_secs: 0.0,
        latest_secs: 60.0,
        tolerance_secs: 0.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn assert_window(thresh: u32, earliest: f64, latest: f64) {
        let window = soft_lockup(thresh);
        assert!(
            (window.earliest_secs - earliest).abs() < 1e-9,
            "{thresh}: {window:?}"
        );
        assert!(
            (window.latest_secs - latest).abs() < 1e-9,
            "{thresh}: {window:?}"
        );
    }

    #[test]
    fn soft_lockup_windows() {
        assert_window(1, 2.0, 4.0);
        assert_window(2, 4.0, 6.4);
        assert_window(10, 20.0, 28.0);
    }

    #[test]
    fn other_windows() {
        let ends = |window: Window| (window.earliest_secs, window.latest_secs);
        assert_eq!(ends(hard_lockup(10)), (8.0, 20.0));
        assert_eq!(ends(rcu_stall(21)), (21.0, 22.0));
        assert_eq!(ends(hung_task(120)), (120.0, 360.0));
        assert_eq!(ends(hardware_watchdog(4)), (3.0, 5.0));
    }

    #[test]
    fn tolerance_is_on_both_sides() {
        let window = soft_lockup(2);
        assert!(!window.contains(2.9) && window.contains(3.1));
        assert!(window.contains(7.3) && !window.contains(7.5));
    }
}
