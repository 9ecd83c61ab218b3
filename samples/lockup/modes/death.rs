// SPDX-License-Identifier: GPL-2.0

//! Modes that kill the kernel or a task; and a warning.

use faultline::{
    fault,
    prelude::*,
    task::{
        context,
        irq_work, //
    }, //
};

use crate::hold::Hold;

/// Panics with the run id in the message.
fn panic(hold: &Hold<'_>) -> ! {
    let plan = &hold.shared.plan;
    fault::panic(format_args!(
        "lockup: run {}: mode={}",
        plan.run_id, plan.mode.word
    ))
}

/// A panic in the context of a thread.
#[inline(never)]
pub(super) fn panic_in_thread(hold: &Hold<'_>) -> Result {
    panic(hold)
}

/// A panic in an interrupt handler.
pub(super) fn panic_in_interrupt(hold: &Hold<'_>) -> Result {
    #[inline(never)]
    fn panic_in_interrupt(hold: &Hold<'_>) {
        panic(hold)
    }

    context::preemption_off(|off| irq_work::run(off, |_interrupt| panic_in_interrupt(hold)))
}

/// An oops: a write to address 0.
#[inline(never)]
pub(super) fn write_to_null(hold: &Hold<'_>) -> Result {
    hold.note_death();
    fault::write_to_null(hold.mortal)
}

/// An oops by `BUG()`.
#[inline(never)]
pub(super) fn hit_bug(hold: &Hold<'_>) -> Result {
    hold.note_death();
    fault::bug(hold.mortal)
}

/// A warning with a stack.
#[inline(never)]
pub(super) fn warn_once(hold: &Hold<'_>) -> Result {
    let plan = &hold.shared.plan;
    fault::warn(format_args!(
        "lockup: run {}: mode={}",
        plan.run_id, plan.mode.word
    ));
    Ok(())
}

/// A stack overflow by recursion.
#[inline(never)]
pub(super) fn overflow_stack(_hold: &Hold<'_>) -> Result {
    Err(fault::overflow_stack())
}
