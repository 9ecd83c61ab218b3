// SPDX-License-Identifier: GPL-2.0

//! Module parameters of every type, in sysfs.
//!
//! The first group of [params] has one of each type that C also has; then come the
//! types that C does not have. Two of them do something: a number of rounds written to
//! `run` runs a [loop](rounds) of at most `max_loop_count` rounds, and `last_count`
//! shows how many there were; `even` refuses odd numbers, and `even_changes` counts its
//! changes.

#![forbid(unsafe_code)]

mod params;
mod rounds;

use faultline::prelude::*;

/// The module, which has nothing but parameters.
struct Knobs;

impl Module for Knobs {
    fn init() -> Result<Self> {
        pr_info!("loops of at most {} rounds", params::limit());
        Ok(Self)
    }
}

faultline::module! {
    type: Knobs,
    license: "GPL",
    author: "The faultline authors",
    description: "Module parameters of every type, in sysfs",
}
