// SPDX-License-Identifier: GPL-2.0

//! Directories that several programs share, or that outlive a crash: locked, marked as ours, and
//! written whole or not at all; and the text of files.

pub mod claim;
pub mod lock;
pub mod store;
pub mod text;
