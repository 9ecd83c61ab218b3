// SPDX-License-Identifier: GPL-2.0

//! Synchronisation: locks, RCU, and objects that are published.
//!
//! - [`Mutex`]: the `kernel` crate's own; [`new_mutex!`] makes one, in a box or an [`Arc`].
//! - [`spinlock`]: raw spinlocks.
//! - [`mod@lock_class`]: the classes by which lockdep knows them.
//! - [`rcu`]: read-side critical sections and grace periods.
//! - [`published`]: an object that parameters and files find while it exists.
//!
//! [`Arc`]: crate::compat::Arc
//!
//! ```no_run
//! use faultline::{prelude::*, sync::new_mutex};
//!
//! let total = KBox::pin_init(new_mutex!(0u32), GFP_KERNEL)?;
//! *total.lock() = 1;
//! # Ok::<(), Error>(())
//! ```
//!
//! # Atomics and memory order
//!
//! This library and its modules use `core::sync::atomic`. `kernel::sync::atomic`, which follows
//! the kernel's memory model (LKMM), is not in 6.12, and its operations are calls of C functions.
//! The two models do not mix, so what an access is depends on the other accesses to the same field:
//!
//! - If all of them are Rust code of the same module, Rust's memory model applies.
//! - If C accesses the field as well, all accesses are C: in a helper (`rust/helpers/wait_bit.c`),
//!   or in the kernel's function that owns the field.
//! - If an access of Rust is ordered against one of C, it is so by a function of C that is a full
//!   barrier in the kernel's model, a lock, or a grace period. To the compiler this is a call that
//!   may access any memory. The comment at the access names it.

pub mod lock_class;
pub mod published;
pub mod rcu;
pub mod spinlock;

#[doc(inline)]
pub use crate::{
    compat::{
        new_mutex,
        Mutex, //
    },
    lock_class, //
};
