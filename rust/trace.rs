// SPDX-License-Identifier: GPL-2.0

//! Events in tracefs that a module declares in Rust.
//!
//! [`event!`](crate::event!) declares a structure, and an event whose fields are those of the
//! structure: `events/<module>/<name>/` in tracefs. It is used like any other event of the kernel,
//! by perf, trace-cmd and bpftrace (`tracepoint:<module>:<name>`), and with filters and triggers.
//!
//! While an event is disabled it costs a load and a branch: the record is not made.
//!
//! # Implementation
//!
//! C's `TRACE_EVENT` builds structures that the kernel finds in the section `_ftrace_events` when
//! it loads a module, before the module's own code runs, and forgets when it has unloaded the
//! module. An [`Event`] consists of the same structures, built by the compiler. The difference: C's
//! events are attached to a tracepoint, a list of functions called through a patched jump. Here
//! only one function is to be called, so the tracepoint is only a name. The event itself stores the
//! instances of tracefs (`trace_event_file`) in which it is enabled, and whether it is enabled for
//! perf.
//!
//! # Soundness
//!
//! - *The structures* are in a static with interior mutability. Only the kernel writes to them, and
//!   they live as long as the module.
//! - *Instances.* The kernel enables and disables an event through `class->reg`, one call at a time
//!   (`event_mutex`). A recorder uses an instance with preemption off, and the call that disables
//!   it waits for an RCU grace period before it returns. So an instance exists as long as it is
//!   used. The same holds for perf's lists.
//! - *Records* are `Copy` and have no padding (checked by the compiler), so no uninitialised byte
//!   of the stack is copied to a buffer.
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
    with_arguments,
    Argument,
    Chars,
    Field,
    Hex,
    Named,
    Names,
    Pointer,
    Quoted, //
};
pub use write::Written;
