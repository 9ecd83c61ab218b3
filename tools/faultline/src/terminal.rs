// SPDX-License-Identifier: GPL-2.0

//! The terminal's output: escaped text, figures, layout, and progress.

pub mod escape;
pub mod figures;
pub mod layout;
pub mod out;
pub mod progress;
