// SPDX-License-Identifier: GPL-2.0

//! The modes: what a CPU is kept from, and how.
//!
//! A mode is one of the [`Mode`]'s [`WORDS`](Words::WORDS) and the function it names, which enters a
//! context and calls [`Hold::spin`] there. These functions are what a stack
//! trace of a CPU that is held shows, so they are not inlined and have telling
//! names.

use faultline::{
    context,
    params::Words, //
};

use crate::run::Hold;

/// A way to lock up a CPU.
pub(crate) struct Mode {
    /// Holds the CPU, until the time is over.
    pub(crate) hold: fn(&Hold<'_>),
    /// Does a request to stop end it, before the time is over?
    pub(crate) stoppable: bool,
    /// Why a detector that is set up well may overlook it.
    pub(crate) overlooked: Option<&'static str>,
}

impl Words for Mode {
    const WORDS: &'static [(&'static str, Self)] = &[
        (
            "soft",
            Self {
                hold: spin_preemption_off,
                stoppable: false,
                overlooked: None,
            },
        ),
        (
            "spin",
            Self {
                hold: spin_preemptible,
                stoppable: true,
                overlooked: Some(
                    "mode=spin leaves preemption on, so the watchdog's own thread gets the CPU",
                ),
            },
        ),
    ];
}

/// A soft lockup: no other thread gets the CPU, while interrupts still come.
#[inline(never)]
fn spin_preemption_off(hold: &Hold<'_>) {
    context::preemption_off(|_off| hold.spin());
}

/// A thread that only spins. Where the kernel preempts such a thread by itself
/// (`PREEMPT_LAZY`, `PREEMPT`), this is no lockup. Elsewhere (voluntary
/// preemption, the default up to 6.12 on Debian) it is a soft one.
#[inline(never)]
fn spin_preemptible(hold: &Hold<'_>) {
    hold.spin();
}
