// SPDX-License-Identifier: GPL-2.0

//! Probes: handlers that run when a function of the kernel is called.
//!
//! - [`Handler`]: the code that runs at the entry and at the return of a function, independent of
//!   how the function is probed.
//! - [`Backend`]: the mechanism, one of [`Kprobe`], [`Kretprobe`] and, with `CONFIG_FPROBE`,
//!   [`Fprobe`](fprobe::Fprobe).
//! - [`Probes`]: a set of probed functions with one handler. All are registered or none, or those
//!   that this kernel has.
//! - [`Function`]: a function to be probed, with the handler's data for it.
//! - [`Entry`] and [`Return`]: the call that was hit, as a handler sees it.
//! - [`Failure`]: the reason why a function cannot be probed.
//!
//! | backend | sees | instance data | calls at once | where |
//! |---|---|---|---|---|
//! | [`Kprobe`] | the entry | none | no limit | nearly anywhere |
//! | [`Kretprobe`] | entry and return | 4096 bytes | `maxactive` | nearly anywhere |
//! | `Fprobe` | entry and return | 14 words | one page per task | where ftrace traces |
//! | `fprobe::Group` | as `Fprobe` | 14 words | one page per task | the same, thousands of functions |
//!
//! # Handler context
//!
//! A handler runs in the middle of whatever the kernel is doing: with preemption off, possibly in
//! an interrupt, in an NMI, or with any lock held. It must not sleep, allocate, take a lock or
//! print. It may compute, count ([`percpu`](crate::memory::percpu)), read memory of the kernel and
//! of the process ([`memory`](crate::memory)), read the clock
//! ([`time::monotonic_ns`](crate::task::time::monotonic_ns)), identify the task
//! ([`HandlerContext`]), and record an event ([`trace`](crate::trace)). Functions that only a
//! handler may call take a [`HandlerContext`], which the call provides and which cannot outlive it.
//!
//! Rust's types cannot prevent calls that sleep. A test follows all calls from the handlers of a
//! built module, and compares the functions that they reach outside of it with a list of those
//! allowed (`selftests/lib/handlers.sh`).
//!
//! # Handlers and other probes
//!
//! A handler may safely be interrupted by a probed function, or call one. While a handler of a
//! kprobe or a kretprobe runs, the kernel skips other kprobes and kretprobes on that CPU and counts
//! these hits as missed ([`Missed`]). While a handler of an fprobe runs, functions that it calls
//! hit no fprobe; functions called in an interrupt do.
//!
//! The functions by which the kernel enters a handler are in the section `.kprobes.text`, so they
//! cannot be probed. Functions that a handler calls can be probed, with the harmless effect above.
//! (C's `NOKPROBE_SYMBOL` writes an address to a section, for which Rust would need a static; a
//! generic function cannot have one, but it can have a section.) The functions of Rust and of
//! `rust/helpers/` cannot be traced: they are compiled without the calls that ftrace patches.

mod call;
mod context;
mod failure;
#[cfg(CONFIG_FPROBE)]
pub mod fprobe;
mod function;
mod handler;
pub mod kprobe;
pub mod kretprobe;
mod lookup;
mod registers;
mod registration;
mod set;
mod single;
mod slot;

pub use call::{
    Entry,
    FromWord,
    Return, //
};
pub use context::{
    ContextLevel,
    HandlerContext, //
};
pub use failure::{
    Failure,
    RegistrationError, //
};
pub use function::{
    Function,
    Symbol, //
};
pub use handler::{
    Handler,
    Missed, //
};
pub use kprobe::Kprobe;
pub use kretprobe::Kretprobe;
pub use registers::Registers;
pub use registration::{
    Backend,
    Registration,
    Shared, //
};
pub use set::Probes;
pub use single::Probe;
pub use slot::{
    Filled,
    Slot,
    BY_VALUE_MAX, //
};
