// SPDX-License-Identifier: GPL-2.0

//! What a [thread](crate::task::kthread) does only for a fault to be injected: it dies, or hangs.

use super::Mortal;
use crate::{
    bindings,
    task::kthread::Me, //
};

/// Says that the thread may die here.
///
/// Its captures are then dropped by the owner of the [`Kthread`](crate::task::kthread::Kthread),
/// and what is on its stack is not dropped at all.
pub fn mortal<'a>(_me: &'a Me<'_>) -> Mortal<'a> {
    // SAFETY: The kernel refers to nothing of a thread that dies but to its `task_struct`, which
    // belongs to the kernel, and to which the `Kthread` has a reference. What the body
    // has captured is on the heap until `kthread_stop()` has found that the task has ended,
    // also in this way; after that the body is not used.
    unsafe { Mortal::new() }
}

/// Hangs: sleeps so that nothing but an event can wake the thread (state
/// `D`), as for a device that does not answer. The event is that the
/// monotonic clock shows what `until` says, that the thread is asked to
/// stop, or that it is [woken](crate::task::kthread::Kthread::wake) and `until` now says a time
/// that is over. Returns whether it was asked to stop.
///
/// It is one sleep, as long as nobody wakes the thread, so the hung task
/// detector sees a task that does not run at all.
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
