// SPDX-License-Identifier: GPL-2.0

//! What is fetched of a call, and which calls count: what a user writes, and what the module reads.
//!
//! A [`template`] has [`expression`]s, and so has a [`condition`]. What they mean in a function is
//! told by [`compile`], which takes the kernel's types from [`place`] to place; a [`program`] of the module is made of that, and each
//! value has a [`form`].

mod compile;
pub mod condition;
pub mod errno;
pub mod expression;
mod filter;
pub mod form;
mod nearest;
mod place;
pub mod program;
pub mod template;

pub use compile::{Scene, CARRIED};
pub use filter::is_comm;

#[cfg(test)]
mod tests;
