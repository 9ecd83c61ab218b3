// SPDX-License-Identifier: GPL-2.0

//! What the commands that show events of the kernel's tracer stand on: where tracefs is
//! [`mount`]ed, an [`instance`] of it that is ours alone, the [`line`]s that come from it, and the way
//! [`out`] to who reads.

pub mod instance;
pub mod line;
pub mod mount;
pub mod out;
