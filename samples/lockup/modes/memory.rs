// SPDX-License-Identifier: GPL-2.0

//! Modes that misuse memory.

use faultline::{
    fault::{
        self,
        page::Pages, //
    },
    prelude::*,
    task::time::{
        self,
        NSEC_PER_MSEC, //
    }, //
};

use crate::hold::Hold;

/// An object that is freed twice, in a cache whose frees the kernel checks.
#[inline(never)]
pub(super) fn free_twice(_hold: &Hold<'_>) -> Result {
    fault::free_twice()
}

/// Allocates memory up to the limit, and holds it until the time is over.
#[inline(never)]
pub(super) fn exhaust_memory(hold: &Hold<'_>) -> Result {
    let plan = &hold.shared.plan;
    let limit = (plan.limit_mib as usize).saturating_mul(1 << 20);
    let mut pages = Pages::new();
    while pages.bytes() < limit && !hold.timer.is_over() {
        if pages.grow().is_err() {
            break;
        }
    }
    pr_info!(
        "run {}: cpu {}: holds {} MiB",
        plan.run_id,
        hold.cpu,
        pages.bytes() >> 20
    );

    let me = hold.me.ok_or(EINVAL)?;
    while !hold.timer.is_over() {
        me.sleep_until(time::monotonic_ns().saturating_add(50 * NSEC_PER_MSEC));
    }
    Ok(())
}
