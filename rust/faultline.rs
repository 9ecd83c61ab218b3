// SPDX-License-Identifier: GPL-2.0

//! A safe Rust library for kernel modules that provoke or trace faults.
//!
//! The crate is linked into each module as a whole, so that a module is one file which depends on
//! no other. It is the only place with `unsafe` code. Each file is one concept of the kernel. They
//! are grouped in these modules:
//!
//! | module | contents |
//! |---|---|
//! | [`probe`] | handlers for calls of kernel functions: kprobe, kretprobe, fprobe |
//! | [`mod@params`] | the module's parameters, at load and in sysfs |
//! | [`task`] | threads, CPUs, contexts, interrupts, time |
//! | [`sync`] | locks, RCU, published objects |
//! | [`memory`] | reads of memory at addresses that may be bad; per-CPU counters |
//! | [`trace`] | events in tracefs that a module declares |
//! | [`fault`] | fault injection: panics, oopses, crash points, detectors |
//! | [`net`] | for `route_probe` only: network structures, its events |
//!
//! Used by every module:
//!
//! - [`mod@module`]: makes a crate a loadable module; load and unload.
//! - [`print`]: lines in the kernel log.
//! - [`debugfs`]: files in debugfs.
//! - [`mod@file`]: small files, read from inside the kernel.
//! - [`text`]: text in a buffer of fixed size.
//! - [`error`]: error numbers, as C functions return them.
//! - [`compat`]: everything that is taken from the in-tree `kernel` crate.
//! - [`prelude`]: imports that nearly every file of a module needs.

// Kbuild sets this on the command line, but rustdoc does not apply that to examples.
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

/// Declares the module's parameters; see the [module `params`](mod@params).
#[doc(inline)]
pub use faultline_macros::params;
