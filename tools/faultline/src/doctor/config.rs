// SPDX-License-Identifier: GPL-2.0

//! A machine's configuration, read from its sources, with file and line.

pub mod assignment;
pub mod boot;
pub mod command_line;
pub mod crashkernel;
pub mod images;
pub mod kdump_conf;
pub mod kdump_tools;
pub mod makedumpfile;
pub mod place;
pub mod saver;
pub mod shell;
pub mod suse;
pub mod sysctl;
mod tuned;
