// SPDX-License-Identifier: GPL-2.0

//! Directories that several programs share, or that survive a crash: locked, marked as faultline's,
//! and written atomically; and the text of files.

pub mod claim;
pub mod lock;
pub mod store;
pub mod text;
pub mod whole;
