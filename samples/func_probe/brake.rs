// SPDX-License-Identifier: GPL-2.0

//! The brake: disables functions that are hit more often than a machine should bear.
//!
//! A hit costs nothing more: a thread looks at the ledgers a few times in a second.

use core::sync::atomic::Ordering;

use faultline::{
    prelude::*,
    probe::Symbol,
    task::{
        kthread::Kthread,
        time, //
    }, //
};

use crate::{
    handler::Tracked,
    work::Place, //
};

/// The time between two looks.
const LOOK_NS: u64 = time::NSEC_PER_SEC / 4;

/// Makes the thread, which runs until it is dropped.
pub(crate) fn start(place: Arc<Place>) -> Result<Kthread> {
    let thread = Kthread::create(format_args!("func_probe"), move |me| {
        let mut before = time::monotonic_ns();
        while !me.sleep_until(before.saturating_add(LOOK_NS)) {
            let now = time::monotonic_ns();
            look(&place, now.saturating_sub(before));
            before = now;
        }
    })?;
    thread.start();
    Ok(thread)
}

/// Disables what was hit more often than it may be, in the time since the last look.
fn look(place: &Place, ns: u64) {
    place.with(|work| {
        let max_rate = work.max_rate;
        let is_too_much = |tracked: &Tracked, symbol: &Symbol| {
            let hits = tracked.ledger.hits();
            let before = tracked.hits_before.swap(hits, Ordering::Relaxed);
            let rate = hits
                .wrapping_sub(before)
                .saturating_mul(time::NSEC_PER_SEC)
                .checked_div(ns);
            let rate = rate.unwrap_or(0);
            let is_too_much = max_rate != 0 && rate > max_rate;
            if is_too_much {
                pr_warn!(
                    "{symbol}: {rate} hits a second are more than max_rate {max_rate}: its probe \
                     is disabled"
                );
            }
            is_too_much
        };
        for batch in work.batches.iter() {
            batch.brake(&is_too_much);
        }
    });
}
