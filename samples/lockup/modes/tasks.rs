// SPDX-License-Identifier: GPL-2.0

//! Modes in which a task sleeps and is not woken, while its CPU is free.

use faultline::{
    fault,
    prelude::*,
    task::{
        time,
        workqueue, //
    }, //
};

use crate::{
    hold::Hold,
    timer::Timer, //
};

/// A task that waits in state `D` for an event that does not come.
#[inline(never)]
pub(super) fn hang_uninterruptible(hold: &Hold<'_>) -> Result {
    let me = hold.me.ok_or(EINVAL)?;
    fault::hang_until(me, || hold.timer.ends_ns());
    Ok(())
}

/// A task that waits for a worker which does not return from its work.
#[inline(never)]
pub(super) fn flush_stuck_work(hold: &Hold<'_>) -> Result {
    /// The work. The task that waits for it should be reported, so the worker itself sleeps as if
    /// it were idle.
    #[inline(never)]
    fn work_that_never_returns(timer: &Timer<'_>) {
        while !timer.is_over() {
            time::sleep_ms(20);
        }
    }

    let timer = &hold.timer;
    workqueue::run_on(hold.cpu, || work_that_never_returns(timer))
}
