// SPDX-License-Identifier: GPL-2.0

//! Faults of a [thread](crate::task::kthread): it dies, or hangs.

use super::Mortal;
use crate::{
    bindings,
    task::kthread::Me, //
};

/// Allows the thread to die.
///
/// If it does, the owner of the [`Kthread`](crate::task::kthread::Kthread) drops the thread's
/// captures; objects on its stack are not dropped at all.
pub fn mortal<'a>(_me: &'a Me<'_>) -> Mortal<'a> {
    // SAFETY: Of a dead thread the kernel refers to its `task_struct` only, which is the kernel's
    // own, and to which the `Kthread` holds a reference. The captures of the body are on the heap
    // until `kthread_stop()` has returned, which waits for the end of the task, also by death;
    // after that the body is not used.
    unsafe { Mortal::new() }
}

/// Sleeps uninterruptibly (state `D`), as if waiting for a device that does not answer, until the
/// time that `until` returns or until the thread is asked to stop. `until` is called again when the
/// thread is [woken](crate::task::kthread::Kthread::wake). Returns whether the thread was asked to
/// stop.
///
/// Unless the thread is woken, this is a single sleep, so the hung task detector sees a task that
/// does not run at all.
///
/// # Context
///
/// Process context; sleeps. `until` must not.
pub fn hang_until(me: &Me<'_>, until: impl Fn() -> u64) -> bool {
    me.sleep_in(
        // SAFETY: `Me` cannot leave its thread, so this is the state of the current task, and
        // `sleep_in` does not return before it is running again.
        || unsafe { bindings::faultline_helper_set_current_state_uninterruptible() },
        until,
    )
}
