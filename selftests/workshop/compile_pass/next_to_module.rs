// SPDX-License-Identifier: GPL-2.0

//! A module that the kernel crate's own `module!` makes, with parameters of
//! ours.

use kernel::prelude::*;

module! {
    type: Minimal,
    name: "next_to_module",
    authors: ["The faultline authors"],
    description: "Parameters next to module!",
    license: "GPL",
}

faultline::params! {
    /// max loop execution count
    0o644 max_loop_count: int = 100_000, range(0..=i32::MAX);
}

struct Minimal;

impl kernel::Module for Minimal {
    fn init(_module: &'static ThisModule) -> Result<Self> {
        if max_loop_count.get() == 0 {
            return Err(EINVAL);
        }
        Ok(Self)
    }
}
