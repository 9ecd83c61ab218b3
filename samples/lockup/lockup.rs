// SPDX-License-Identifier: GPL-2.0

//! Provokes every fault that a watchdog or a panic policy exists for, to prove
//! that on this machine they do what they are there for.
//!
//! The [parameters](params) become [settings], and those a [`Plan`](plan::Plan), or are refused
//! before anything runs. A plan becomes a [`Run`](run::Run): for each of its CPUs a [thread]
//! counts down, does what the [mode](modes) is, and [holds](hold) the CPU in it until the time is
//! over or a detector panics; or the fault strikes at a [crash point](point). What came of it is
//! reported once, after the last thread, as a [result] with the [evidence] and a
//! [diagnosis]. From load to unload there is a [session] of such runs, one after the
//! other. Unloading calls off what can be, and waits for the rest.
//!
//! The files use each other in this order only; beside it are what all may ask: the [state],
//! the parameters that are [live], and what is known of a [mode].

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
        // Dropped if what follows fails.
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
