// SPDX-License-Identifier: GPL-2.0

//! Probes: handlers that run when a function of the kernel is called.
//!
//! - [`Handler`]: what is done at the entry and at the return of a function. It
//!   does not depend on how the function is probed.
//! - [`Backend`]: how it is probed, one of [`Kprobe`], [`Kretprobe`] and, with
//!   `CONFIG_FPROBE`, [`Fprobe`](fprobe::Fprobe).
//! - [`Probes`]: a set of probed functions with one handler, registered all or
//!   none, or as far as this kernel has them.
//! - [`Function`]: what is probed, with the handler's data for it.
//! - [`Entry`] and [`Return`]: the call that was hit, as a handler sees it.
//! - [`Failure`]: why a function cannot be probed.
//!
//! | backend | sees | instance data | calls at once | where |
//! |---|---|---|---|---|
//! | [`Kprobe`] | the entry | none | no limit | nearly anywhere |
//! | [`Kretprobe`] | entry and return | 4096 bytes | `maxactive` | nearly anywhere |
//! | `Fprobe` | entry and return | 14 words | one page a task | where ftrace traces |
//! | `fprobe::Group` | as `Fprobe` | 14 words | one page a task | the same, thousands of functions |
//!
//! # Handler context
//!
//! A handler runs in the middle of whatever the kernel is doing: with
//! preemption off, possibly in an interrupt, in an NMI, or with any lock held. It
//! must not sleep, allocate, take a lock or print. It may compute, count
//! ([`percpu`](crate::memory::percpu)), read the kernel's memory and that of the process
//! ([`memory`](crate::memory)), read the clock
//! ([`time::monotonic_ns`](crate::task::time::monotonic_ns)), ask for the task
//! ([`HandlerContext`]), and record an event ([`trace`](crate::trace)).
//! What only a handler may do asks for a [`HandlerContext`], which the call
//! provides and which cannot outlive it.
//!
//! Rust cannot refuse a call that would sleep by its type alone. A test follows
//! every call that leads out of the handlers of a built module, and compares where
//! they end with a list of what may be called (`selftests/lib/handlers.sh`).
//!
//! # Handlers and other probes
//!
//! A handler can be interrupted by a probed function, or call one, without harm.
//! While a handler of a kprobe or a kretprobe runs, its CPU hits no other of these
//! two: the kernel counts the hit as missed instead ([`Missed`]). While a handler of
//! an fprobe runs, no other fprobe is hit by what it calls, but by an interrupt.
//!
//! The functions by which the kernel enters a handler are in the section
//! `.kprobes.text`, which puts a module's functions on the blacklist of what
//! can be probed at all. What a handler calls may be probed, with the harmless
//! effect above. (C's `NOKPROBE_SYMBOL` writes an address to a section, for
//! which Rust would need a static; a generic function can have none, but it can
//! have a section.) The functions of Rust and of `rust/helpers/` are not
//! traceable: they are compiled without the calls that ftrace patches.

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
