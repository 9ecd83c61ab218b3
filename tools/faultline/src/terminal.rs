// SPDX-License-Identifier: GPL-2.0

//! What people see: text made harmless, laid out in lines, printed, and how far a step is.

pub mod escape;
pub mod layout;
pub mod out;
pub mod progress;
