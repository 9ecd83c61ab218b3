// SPDX-License-Identifier: GPL-2.0

//! The terminal's output: escaped text, figures, layout, progress, and what is said on stderr.

pub mod escape;
pub mod figures;
pub mod layout;
pub mod out;
pub mod progress;
pub mod tell;
