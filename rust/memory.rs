// SPDX-License-Identifier: GPL-2.0

//! Memory that is not simply Rust's: the kernel's, read at addresses that may be bad,
//! and counters that each CPU has for itself.
//!
//! - [`KernelPtr`]: an address in the kernel's memory. To read what cannot be read is
//!   an answer, and no fault.
//! - [`UserPtr`]: an address in the memory of the current process, read in the same way.
//! - [`TextRead`]: what was read of a text at one of these.
//! - [`percpu`]: counters that each CPU has for itself.

mod arch;
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
