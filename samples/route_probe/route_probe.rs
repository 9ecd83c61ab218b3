// SPDX-License-Identifier: GPL-2.0

//! Tells what the IPv4 and IPv6 routing paths decide: every decision is an event with its
//! arguments and its result.
//!
//! A probe sits at the entry and at the return of each of their
//! [functions](targets). What a [family] has in another way than the other is data. Their [handler] finds out what a call is made for, since calls
//! nest. What is known at the [entry](enter) passes a [filter], and what is known at the
//! [return](leave) becomes an event if somebody listens, and is counted in the [ledger].
//!
//! The [tracker] attaches the probes, and shows in debugfs what they count and which there
//! are; the [parameters](params) can be changed while all of it runs.

#![forbid(unsafe_code)]

mod call;
mod cause;
mod compare;
mod ended;
mod enter;
mod events;
mod family;
mod filter;
mod handler;
mod leave;
mod ledger;
mod params;
mod targets;
mod text;
mod tracker;
mod tree;

use faultline::{
    prelude::*,
    probe::kretprobe::MaxActive, //
};
use params::Require;

/// The module.
struct RouteProbe(#[allow(dead_code, reason = "it is dropped at unload")] tracker::Running);

impl Module for RouteProbe {
    fn init() -> Result<Self> {
        let all = matches!(params::require.get(), Some((_, Require::All)));
        // The parameter's range is smaller.
        let max_active = MaxActive::new(params::maxactive.get() as u16);
        Ok(Self(tracker::Running::start(all, max_active)?))
    }
}

faultline::module! {
    type: RouteProbe,
    license: "GPL",
    author: "The faultline authors",
    description: "Tells what the IPv4 and IPv6 routing paths decide",
}
