// SPDX-License-Identifier: GPL-2.0

//! Memory that is not simply Rust's: the kernel's, read at addresses that may be bad,
//! and counters that each CPU has for itself.
//!
//! - [`KernelPtr`]: an address in the kernel's memory. To read what cannot be read is
//!   an answer, and no fault.
//! - [`percpu`]: counters that each CPU has for itself.

mod arch;
pub mod percpu;
mod pointer;

pub use pointer::{
    KernelPtr,
    Plain,
    Pointee, //
};

pub(crate) use pointer::set_up;
