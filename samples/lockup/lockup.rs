// SPDX-License-Identifier: GPL-2.0

//! Provokes every fault that a watchdog or a panic policy exists for, to prove
//! that on this machine they do what they are there for.
//!
//! The parameters become a [`Plan`](plan::Plan), or are refused before anything
//! runs. A plan becomes a [`Run`](run::Run): for each of its CPUs a thread counts
//! down, does what the [mode](modes) is, and holds the CPU in it until the time is
//! over or a detector panics; or the fault strikes at a [crash
//! point](point). What came of it is [reported](result) once, after the last
//! thread. From load to unload there is a [session] of such runs, one after the
//! other. Unloading calls off what can be, and waits for the rest.

#![forbid(unsafe_code)]

mod hold;
mod modes;
mod params;
mod plan;
mod point;
mod result;
mod run;
mod session;
mod state;

faultline::module! {
    type: session::Lockup,
    license: "GPL",
    author: "The faultline authors",
    description: "Makes a kernel hang or die on purpose, to prove that this is detected",
}
