// SPDX-License-Identifier: GPL-2.0

//! The ways by which the kernel can call into the module, for which unload waits; see "Soundness" in
//! the [`module`](mod@crate::module)'s documentation.

use core::sync::atomic::{
    AtomicUsize,
    Ordering, //
};

use crate::{
    pr_err,
    task::time, //
};

/// The number of [`Entrance`]s.
static ENTRANCES: AtomicUsize = AtomicUsize::new(0);

/// A way by which the kernel can call into this module. Unload waits until there is none.
pub(crate) struct Entrance(());

impl Entrance {
    pub(crate) fn new() -> Self {
        ENTRANCES.fetch_add(1, Ordering::Relaxed);
        Self(())
    }
}

impl Drop for Entrance {
    fn drop(&mut self) {
        // Orders what closed the way before the load in `wait_for_entrances`.
        ENTRANCES.fetch_sub(1, Ordering::Release);
    }
}

/// Waits until there is no [`Entrance`].
pub(super) fn wait_for_entrances() {
    let open = ENTRANCES.load(Ordering::Acquire);
    if open == 0 {
        return;
    }
    pr_err!("{open} registrations or threads were leaked: waiting for them");
    while ENTRANCES.load(Ordering::Acquire) != 0 {
        time::sleep_ms(100);
    }
}
