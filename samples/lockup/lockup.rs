// SPDX-License-Identifier: GPL-2.0

//! Locks up CPUs on purpose, to prove that the machine's watchdogs, panic policy
//! and crash kernel do what they are there for.
//!
//! The parameters become a [`Plan`](plan::Plan), or are refused before anything
//! runs. For each chosen CPU of the plan a thread is bound to it, which counts
//! down, enters the context that makes the [mode](modes), and holds the CPU in
//! it until the time is over or a detector panics. What came of it is
//! [reported](result) once, after the last CPU is released. Unloading cancels
//! the countdown, and waits for the release of a CPU that is held.

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
    description: "Locks up CPUs on purpose, to prove that this is detected",
}
