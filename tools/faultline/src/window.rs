// SPDX-License-Identifier: GPL-2.0

//! When a detector must report: its documented window, computed from its threshold.

use serde::Serialize;

/// How long after the injection a detector may report.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Window {
    /// The earliest moment, in seconds after the injection.
    pub earliest_secs: f64,
    /// The latest moment, in seconds after the injection.
    pub latest_secs: f64,
    /// How far outside it is still put down to scheduling (of a virtual CPU, say).
    pub tolerance_secs: f64,
}

impl Window {
    /// Whether a report `latency` seconds after the injection is as documented.
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
/// A timer on each CPU ticks every 2/5 of the threshold (`set_sample_period()`). A
/// tick lets a job run on its CPU, which stamps the time, and reports when the
/// stamp is more than 2 x threshold time units old (`is_softlockup()`):
/// - both times are cut to whole units, so it takes more than 2 x threshold of
///   them at the least, and 2 x threshold + 1 at the most;
/// - the age counts from the last tick before the lockup, up to one tick earlier
///   than it; or, where the CPU had been idle, from the first tick after it
///   (`touch_softlockup_watchdog_sched()`), up to one tick later.
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
    fn tolerance_is_on_both_sides() {
        let window = soft_lockup(2);
        assert!(!window.contains(2.9) && window.contains(3.1));
        assert!(window.contains(7.3) && !window.contains(7.5));
    }
}
