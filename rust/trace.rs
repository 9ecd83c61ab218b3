// SPDX-License-Identifier: GPL-2.0

//! Events in tracefs that a module declares in Rust.
//!
//! [`event!`](crate::event!) declares a structure, and an event whose fields are those of
//! the structure: `events/<module>/<name>/` in tracefs. perf, trace-cmd and bpftrace
//! (`tracepoint:<module>:<name>`) read it as any other of the kernel's events, and so do
//! filters and triggers.
//!
//! An event costs a load and a branch while nobody listens: the record is made only
//! then.
//!
//! # How it is made
//!
//! C's `TRACE_EVENT` builds structures that the kernel finds in the section
//! `_ftrace_events` when it loads a module, before the module's own code runs, and forgets
//! when it has unloaded the module. An [`Event`] is the same structures, built by the
//! compiler. What differs: C's events hang on a tracepoint, a list of functions to be called
//! by a patched jump. Here there is one function to be called, so there is no tracepoint
//! but for its name, and the event itself keeps for which instances of tracefs
//! (`trace_event_file`), and whether for perf, it is switched on.
//!
//! # Soundness
//!
//! - *The structures* are in a static with interior mutability, which the kernel alone
//!   writes to, and which lives as long as the module.
//! - *Instances.* The kernel switches an event on and off by `class->reg`, one call at a
//!   time (`event_mutex`). Who records finds an instance with preemption off, and before the
//!   call that switches it off returns, it waits for a grace period of RCU. So an instance
//!   is there as long as it is used. The same holds for perf's lists.
//! - *Records* are `Copy`, have no padding (checked by the compiler), and so leave no byte
//!   of the stack in a buffer.
//!
//! C header: [`include/linux/trace_events.h`](srctree/include/linux/trace_events.h)\
//! C source: [`kernel/trace/trace_events.c`](srctree/kernel/trace/trace_events.c)

mod declare;
mod event;
mod field;
mod output;
mod write;

pub use declare::c_name;
pub use event::{
    Described,
    Event,
    Fields,
    Listed,
    Record, //
};
pub use field::{
    Chars,
    Field,
    Quoted, //
};
pub use write::Written;
