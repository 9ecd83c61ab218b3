// SPDX-License-Identifier: GPL-2.0

//! The result: whether a detector saw the lockup, and if not, why that may be.

use core::{
    fmt,
    sync::atomic::Ordering::SeqCst, //
};

use faultline::{
    prelude::*,
    time::{
        self,
        NSEC_PER_SEC, //
    }, //
};

use crate::{
    params,
    plan::Plan,
    run::Shared, //
};

/// Reports that all CPUs were released, the last after `held_ms`.
pub(crate) fn report_release(shared: &Shared, held_ms: u64) {
    let run_id = &shared.plan.run_id;
    let secs = held_ms / 1000;
    let before = shared.count_before.load(SeqCst);

    match shared.detector.count() {
        Some(after) if before != Shared::NO_COUNT && after != before => pr_info!(
            "run {run_id}: released after {secs} s: no detector stopped it; \
             softlockup_count went {before} -> {after}"
        ),
        Some(_) if before != Shared::NO_COUNT => pr_info!(
            "run {run_id}: released after {secs} s: nothing detected it: {}",
            WhyNot { shared, held_ms }
        ),
        _ => pr_info!(
            "run {run_id}: released after {secs} s: no detector stopped it; this kernel shows \
             no softlockup_count, so look for its report in this log"
        ),
    }
}

/// Reports that unloading has to wait for CPUs that are held, the last since
/// `begin_ns`.
pub(crate) fn report_waiting(plan: &Plan, begin_ns: u64) {
    let run_id = &plan.run_id;
    let hold_secs = u64::from(params::hold_secs.get());

    if hold_secs == 0 {
        pr_info!(
            "run {run_id}: unloading waits for the release, which never comes: write the \
             seconds after which it shall come to hold_secs"
        );
        return;
    }
    let held = time::monotonic_ns().saturating_sub(begin_ns);
    let left = hold_secs
        .saturating_mul(NSEC_PER_SEC)
        .saturating_sub(held)
        .div_ceil(NSEC_PER_SEC);
    pr_info!("run {run_id}: unloading waits for the release in at most {left} s");
}

/// Shows the best reason why nothing was detected.
struct WhyNot<'a> {
    shared: &'a Shared,
    held_ms: u64,
}

impl fmt::Display for WhyNot<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Shared { plan, detector, .. } = self.shared;

        // Where there is no hard lockup detector, each of the two is 0 because
        // the other is.
        match (detector.soft_is_on(), detector.is_on()) {
            (Some(false), Some(false)) => {
                return f.write_str("kernel.soft_watchdog is 0, and so is kernel.watchdog")
            }
            (Some(false), _) => return f.write_str("kernel.soft_watchdog is 0"),
            (_, Some(false)) => return f.write_str("kernel.watchdog is 0"),
            _ => (),
        }
        let thresh = detector.thresh();
        if thresh == Some(0) {
            return f.write_str("kernel.watchdog_thresh is 0");
        }
        if let Some(watched) = detector.cpus() {
            let mut unwatched = plan.cpus.iter().filter(|&cpu| !watched.contains(cpu));
            if let Some(cpu) = unwatched.next() {
                return write!(f, "CPU {cpu} is not in kernel.watchdog_cpumask");
            }
        }
        if let Some(overlooked) = plan.mode.1.overlooked {
            return f.write_str(overlooked);
        }
        if let Some(thresh) = thresh {
            // It looks five times in twice the threshold T, and reports when more
            // than 2T units of 2^30 ns are over, counted in whole units: at the
            // first look after 2T + 1 of them, or the next if the CPU was idle.
            let soonest = thresh.saturating_mul(2);
            let look_ns = soonest.saturating_mul(NSEC_PER_SEC / 5);
            let over_ns = soonest.saturating_add(1).saturating_mul(1 << 30);
            let looks = over_ns.checked_div(look_ns).unwrap_or(0).saturating_add(2);
            let latest = looks.saturating_mul(look_ns).div_ceil(NSEC_PER_SEC);
            if self.held_ms / 1000 < soonest {
                return write!(
                    f,
                    "held for less than the {soonest} s after which the watchdog \
                     (watchdog_thresh={thresh}) reports"
                );
            }
            if self.held_ms / 1000 < latest {
                return write!(
                    f,
                    "the watchdog (watchdog_thresh={thresh}) reports after {soonest} to {latest} s"
                );
            }
        }
        f.write_str("the watchdog seems to be set up for it, but its counter did not move")
    }
}
