// SPDX-License-Identifier: GPL-2.0

//! The kernel log from any source: a console, a vmcore, [`kmsg`] or a [`saved`] file. A [`line`] of
//! it is a [`message`] or a part of a [`stack`]; all lines together are the [`story`] of an
//! injected fault.

pub mod kmsg;
pub mod line;
pub mod message;
pub mod saved;
pub mod stack;
pub mod story;
