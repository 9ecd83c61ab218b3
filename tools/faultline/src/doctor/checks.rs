// SPDX-License-Identifier: GPL-2.0

//! The families of checks, a file each.

pub mod after;
pub mod analyser;
pub mod collector;
pub mod crash_kernel;
pub mod cut_short;
pub mod detectors;
pub mod hardware;
pub mod host;
pub mod initrd;
pub mod kdump;
pub mod module;
pub mod panics;
pub mod reserved;
pub mod service;
pub mod settings;
pub mod starts;
pub mod target;
#[cfg(test)]
mod testing;
pub mod unlock;
