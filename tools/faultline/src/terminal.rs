// SPDX-License-Identifier: GPL-2.0

//! What people see: text made harmless, figures, lines of them, and how far a step is.

pub mod escape;
pub mod figures;
pub mod layout;
pub mod out;
pub mod progress;
