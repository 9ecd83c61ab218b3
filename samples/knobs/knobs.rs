// SPDX-License-Identifier: GPL-2.0

//! Module parameters of every kind, in sysfs.
//!
//! The first group of [params] is what C has too, one of each kind; then comes
//! what C has not. Two do something: a number of rounds written to `run` makes
//! a [loop](rounds), of at most `max_loop_count` rounds, and `last_count` says
//! how many there were; `even` refuses what is odd, and `even_changes` counts
//! what it took.

#![forbid(unsafe_code)]

mod params;
mod rounds;

use faultline::prelude::*;

/// The module: all of it are its parameters.
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
    description: "Module parameters of every kind, in sysfs",
}
