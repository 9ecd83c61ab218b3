// SPDX-License-Identifier: GPL-2.0

//! Provokes every fault that a watchdog or a panic policy exists for, to prove that these work
//! on this machine.
//!
//! The [parameters](params) become [settings], and these a [`Plan`](plan::Plan), or are refused
//! before anything runs. A plan becomes a [`Run`](run::Run): for each of its CPUs a [thread]
//! counts down, injects the fault of the [mode](modes), and [holds](hold) the CPU until the time
//! is over or a detector panics; or the fault strikes at a [crash point](point). After the last
//! thread the run is reported once, as a [result] with the [evidence] and a [diagnosis]. From load
//! to unload there is a [session] of such runs, one after the other. Unloading cancels a run that
//! can be cancelled, and waits for one that cannot.
//!
//! The files depend on each other only in this order. All of them may use the [state], the
//! parameters that are [live], and the properties of a [mode].

#![forbid(unsafe_code)]

mod barrier;
mod countdown;
mod diagnosis;
mod evidence;
mod hold;
mod live;
mod mode;
mod modes;
mod params;
mod plan;
mod point;
mod result;
mod run;
mod session;
mod settings;
mod shared;
mod state;
mod thread;
mod timer;

use faultline::{
    prelude::*,
    sync::published::Publication, //
};
use session::Session;

/// The module.
struct Lockup(#[allow(dead_code, reason = "it is dropped at unload")] Publication<Session>);

impl Module for Lockup {
    fn init() -> Result<Self> {
        // Dropped if the next call fails.
        let session = session::open()?;
        params::begin_at_load()?;
        Ok(Self(session))
    }
}

faultline::module! {
    type: Lockup,
    license: "GPL",
    author: "The faultline authors",
    description: "Makes a kernel hang or die on purpose, to prove that this is detected",
}
