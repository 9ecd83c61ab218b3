// SPDX-License-Identifier: GPL-2.0

//! A loop that a parameter bounds while it runs.

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

/// After so many rounds others get the CPU.
const ROUNDS_AT_ONCE: u32 = 1 << 24;

/// How many rounds the last loop had.
static LAST_COUNT: AtomicU32 = AtomicU32::new(0);

/// Runs a loop of `wanted` rounds, or of as many as the `limit`, which is asked in each round,
/// allows. It takes a second or two for the most that can be; other parameters wait meanwhile.
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

/// Shows how many rounds the last loop had.
pub(crate) fn show_last_count(out: &mut dyn fmt::Write) -> fmt::Result {
    write!(out, "{}", LAST_COUNT.load(Relaxed))
}
