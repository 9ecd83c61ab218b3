// SPDX-License-Identifier: GPL-2.0

//! What a machine's configuration says, read from where it comes from, with file and line.

pub mod command_line;
