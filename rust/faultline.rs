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
//! - [`rcu`]: read-side sections and grace periods.
//! - [`spinlock`], [`mutex`]: locks whose waiters spin, or sleep; [`mod@lock_class`]: what lockdep
//!   knows them by.
//! - [`irq_work`]: code in a hard interrupt on this CPU.
//! - [`smp`]: interrupts to other CPUs.
//! - [`workqueue`]: work for the kernel's own threads.
//! - [`stop_machine`]: code that runs while all other CPUs wait.
//! - [`cpu`]: sets of CPUs, CPU hotplug, waiting for the hardware.
//! - [`time`]: the clock, and sleeping.
//! - [`probe`]: what all kinds of probes share; what a handler may do.
//! - [`kprobe`]: a handler at the entry of functions.
//! - [`kretprobe`]: handlers at the entry and the return of functions.
//! - [`fprobe`]: the same by ftrace, if the kernel has `CONFIG_FPROBE`.
//! - [`crash_point`]: what strikes at the Nth call of any function.
//! - [`memory`]: the kernel's memory, read so that a fault is an answer.
//! - [`net`]: the structures of the network, as probes see them.
//! - [`page`]: pages that are taken to be held.
//! - [`percpu`]: counters that each CPU has for itself.
//! - [`trace`]: events in tracefs.
//! - [`debugfs`]: files in debugfs.
//! - [`published`]: an object that parameters and files find.
//! - [`watchdog`]: how the machine's lockup detectors are set.
//! - [`fault`]: panics, bugs and warnings on purpose.
//! - [`crash`]: whether a crash kernel stands ready.
//! - [`mod@file`]: small files, read from inside the kernel.
//! - [`text`]: text in a buffer of fixed size.
//! - [`error`]: error numbers, as C functions return them.
//! - [`compat`]: everything that is taken from the in-tree `kernel` crate.
//! - [`prelude`]: what nearly every file of a module wants.

// Kbuild says this on the command line, which rustdoc overlooks for examples.
#![cfg_attr(doctest, no_std)]

mod arch;
mod bindings;
pub mod compat;
pub mod context;
pub mod cpu;
pub mod crash;
pub mod crash_point;
pub mod debugfs;
pub mod error;
pub mod fault;
pub mod file;
#[cfg(CONFIG_FPROBE)]
pub mod fprobe;
pub mod irq_work;
pub mod kprobe;
pub mod kretprobe;
pub mod kthread;
pub mod lock_class;
pub mod memory;
pub mod module;
pub mod mutex;
pub mod net;
pub mod page;
mod panic;
pub mod params;
pub mod percpu;
pub mod prelude;
pub mod print;
pub mod probe;
pub mod published;
pub mod rcu;
pub mod smp;
pub mod spinlock;
pub mod stop_machine;
pub mod text;
pub mod time;
pub mod trace;
pub mod watchdog;
pub mod workqueue;

/// Declares the module's parameters; the [module `params`](mod@params) says how.
#[doc(inline)]
pub use faultline_macros::params;
