// SPDX-License-Identifier: GPL-2.0

//! Access to data by several at once: locks, RCU, and objects that come and go.
//!
//! - [`spinlock`], [`mutex`]: locks whose waiters spin, or sleep.
//! - [`mod@lock_class`]: the classes that lockdep knows locks by.
//! - [`rcu`]: read-side sections and grace periods.
//! - [`published`]: an object that parameters and files find while it exists.

pub mod lock_class;
pub mod mutex;
pub mod published;
pub mod rcu;
pub mod spinlock;

#[doc(inline)]
pub use crate::lock_class;
