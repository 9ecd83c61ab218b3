// SPDX-License-Identifier: GPL-2.0

//! What kernel modules that provoke or trace faults need, as safe Rust.
//!
//! The crate is linked into each module as a whole, so that a module is one
//! file which depends on no other. It is the only place with `unsafe` code. One
//! file is one concept of the kernel:
//!
//! - [`mod@module`]: what makes a crate a loadable module; load and unload.
//! - [`mod@params`]: the module's parameters, at load and in sysfs.
//! - [`print`]: lines in the kernel log.
//! - [`kthread`]: kernel threads, bound to CPUs and stopped with their owner.
//! - [`context`]: code that runs with preemption, interrupts or softirqs off.
//! - [`cpu`]: sets of CPUs, CPU hotplug, waiting for the hardware.
//! - [`time`]: the clock, and sleeping.
//! - [`watchdog`]: how the machine's lockup detectors are set.
//! - [`crash`]: whether a crash kernel stands ready.
//! - [`mod@file`]: small files, read from inside the kernel.
//! - [`text`]: text in a buffer of fixed size.
//! - [`error`]: error numbers, as C functions return them.
//! - [`compat`]: everything that is taken from the in-tree `kernel` crate.
//! - [`prelude`]: what nearly every file of a module wants.

// Kbuild says this on the command line, which rustdoc overlooks for examples.
#![cfg_attr(doctest, no_std)]

mod bindings;
pub mod compat;
pub mod context;
pub mod cpu;
pub mod crash;
pub mod error;
pub mod file;
pub mod kthread;
pub mod module;
mod panic;
pub mod params;
pub mod prelude;
pub mod print;
pub mod text;
pub mod time;
pub mod watchdog;
