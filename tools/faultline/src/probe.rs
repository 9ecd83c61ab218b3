// SPDX-License-Identifier: GPL-2.0

//! Functions of the kernel, by pattern. [`choose`] finds which are meant and which can be probed;
//! [`list`] shows that.
//!
//! [`see`] probes them with the module func_probe, and shows what they do. What is fetched of a call, and
//! which calls count, is in [`fields`]; a [`plan`] is made of that for the [`targets`], which [`probing`]
//! tells the module in a [`session`]. Each [`event`] that comes, with its [`stacks`], is [`show`]n by a
//! [`watch`], and in the end what the module's [`ledger`] says, with [`remarks`] on what is missing.

pub mod ask;
pub mod choose;
pub mod event;
pub mod fields;
mod ledger;
pub mod list;
mod plan;
mod probing;
mod remarks;
pub mod see;
mod session;
mod show;
mod stacks;
pub mod targets;
mod watch;
