// SPDX-License-Identifier: GPL-2.0

//! What kernel modules that provoke or trace faults need, as safe Rust.
//!
//! The crate is linked into each module as a whole, so that a module is one
//! file which depends on no other. It is the only place with `unsafe` code. One
//! file is one concept of the kernel, in a room of what belongs together:
//!
//! | room | |
//! |---|---|
//! | [`probe`] | handlers of calls of the kernel's functions: kprobe, kretprobe, fprobe |
//! | [`mod@params`] | the module's parameters, at load and in sysfs |
//! | [`task`] | threads, CPUs, contexts, interrupts, time |
//! | [`sync`] | locks, RCU, published objects |
//! | [`memory`] | the kernel's memory, and per-CPU counters |
//! | [`trace`] | events in tracefs that a module declares |
//! | [`fault`] | fault injection alone: panics, oopses, crash points, detectors |
//! | [`net`] | what `route_probe` alone needs: the structures of the network, its events |
//!
//! and beside them the base that every module has:
//!
//! - [`mod@module`]: what makes a crate a loadable module; load and unload.
//! - [`print`]: lines in the kernel log.
//! - [`debugfs`]: files in debugfs.
//! - [`mod@file`]: small files, read from inside the kernel.
//! - [`text`]: text in a buffer of fixed size.
//! - [`error`]: error numbers, as C functions return them.
//! - [`compat`]: everything that is taken from the in-tree `kernel` crate.
//! - [`prelude`]: what nearly every file of a module wants.

// Kbuild says this on the command line, which rustdoc overlooks for examples.
#![cfg_attr(doctest, no_std)]

mod bindings;
pub mod compat;
pub mod debugfs;
pub mod error;
pub mod fault;
pub mod file;
pub mod memory;
pub mod module;
pub mod net;
mod panic;
pub mod params;
pub mod prelude;
pub mod print;
pub mod probe;
pub mod sync;
pub mod task;
pub mod text;
pub mod trace;

/// Declares the module's parameters; the [module `params`](mod@params) says how.
#[doc(inline)]
pub use faultline_macros::params;
