// SPDX-License-Identifier: GPL-2.0

//! Directories that several programs share, or that outlive a crash: locked, marked as ours, and
//! written whole or not at all.

pub mod claim;
pub mod lock;
pub mod store;
