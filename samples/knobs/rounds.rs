// SPDX-License-Identifier: GPL-2.0

//! A loop whose bound is a parameter, which can change while the loop runs.

use core::{
    fmt,
    hint::black_box,
    sync::atomic::{
        AtomicU32,
        Ordering::Relaxed, //
    }, //
};

use faultline::{
    params::Refusal,
    prelude::*,
    task::time, //
};

/// The number of rounds after which the loop sleeps, to leave the CPU to others.
const ROUNDS_AT_ONCE: u32 = 1 << 24;

/// The number of rounds of the last loop.
static LAST_COUNT: AtomicU32 = AtomicU32::new(0);

/// Runs a loop of `wanted` rounds, or fewer if `limit`, which is called in each round, returns
/// less. The longest loop takes a second or two; other parameters wait meanwhile.
pub(crate) fn run(wanted: u32, limit: impl Fn() -> i32) -> Result<(), Refusal> {
    let mut count = 0u32;
    while count < wanted {
        if i64::from(count) >= i64::from(limit()) {
            pr_info!("ended a loop of {wanted} rounds: max_loop_count={count}");
            break;
        }
        count = black_box(count).wrapping_add(1);
        if count % ROUNDS_AT_ONCE == 0 {
            time::sleep_ms(1);
        }
    }
    LAST_COUNT.store(count, Relaxed);
    Ok(())
}

/// Shows the number of rounds of the last loop.
pub(crate) fn show_last_count(out: &mut dyn fmt::Write) -> fmt::Result {
    write!(out, "{}", LAST_COUNT.load(Relaxed))
}
