// SPDX-License-Identifier: GPL-2.0

//! The countdown before the first hold, and the pause between two holds.

use faultline::{
    prelude::*,
    task::{
        kthread::Me,
        time::{
            self,
            NSEC_PER_SEC, //
        }, //
    }, //
};

use crate::{
    live,
    plan::Plan, //
};

/// Counts down the seconds of the delay. Returns false if it was cancelled.
pub(crate) fn count_down(plan: &Plan, cpu: Option<u32>, me: &Me<'_>) -> bool {
    let begin = time::monotonic_ns();
    let mut second = 0u32;

    while second < live::delay_secs() {
        second = second.wrapping_add(1);
        if me.sleep_until(begin.saturating_add(u64::from(second).saturating_mul(NSEC_PER_SEC))) {
            return false;
        }
        if let (Some(cpu), true) = (cpu, second < live::delay_secs()) {
            pr_info!("run {}: cpu {cpu}: {second} seconds", plan.run_id);
        }
    }
    !me.should_stop()
}

/// Pauses between two iterations. Returns false if the pause was cancelled.
pub(crate) fn cool_down(me: &Me<'_>) -> bool {
    let begin = time::monotonic_ns();
    let mut second = 0u32;

    while second < live::cooldown_secs() {
        second = second.wrapping_add(1);
        if me.sleep_until(begin.saturating_add(u64::from(second).saturating_mul(NSEC_PER_SEC))) {
            return false;
        }
    }
    !me.should_stop()
}
