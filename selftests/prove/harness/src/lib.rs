// SPDX-License-Identifier: GPL-2.0

//! What the programs share: modules, failures, and what the kernel shows of itself.

pub mod fault;
pub mod kmsg;
pub mod module;
pub mod symbols;
