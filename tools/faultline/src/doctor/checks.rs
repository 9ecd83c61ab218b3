// SPDX-License-Identifier: GPL-2.0

//! The families of checks, a file each.

pub mod detectors;
pub mod kdump;
pub mod panics;
pub mod reserved;
pub mod settings;
