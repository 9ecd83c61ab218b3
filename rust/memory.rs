// SPDX-License-Identifier: GPL-2.0

//! Reads of memory at addresses that may be bad, and per-CPU counters.
//!
//! - [`KernelPtr`]: an address in the kernel's memory. A read of a bad address returns an error
//!   and does not fault.
//! - [`UserPtr`]: an address in the memory of the current process, read in the same way.
//! - [`TextRead`]: the result of reading a string at one of these.
//! - [`percpu`]: per-CPU counters.
//! - [`lists`]: short lists that can be filled in handler context.

mod arch;
pub mod lists;
pub mod percpu;
mod pointer;
mod text;
mod user;

pub use pointer::{
    KernelPtr,
    Plain,
    Pointee, //
};

pub use text::TextRead;
pub use user::UserPtr;

pub(crate) use pointer::set_up;
