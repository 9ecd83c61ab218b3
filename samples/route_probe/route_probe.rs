// SPDX-License-Identifier: GPL-2.0

//! Tells what the IPv4 routing path decides: every decision is an event with its
//! arguments and its result.
//!
//! A probe sits at the entry and at the return of each of the path's
//! [functions](targets). What a hit is about passes a [filter], is counted in
//! the [ledger], and becomes an [event](calls) if somebody listens. Calls nest,
//! so each knows what it was made for.
//!
//! debugfs has the ledger and what could be attached; the
//! [parameters](params) can be changed while all of it runs.

#![forbid(unsafe_code)]

mod calls;
mod filter;
mod ledger;
mod params;
mod targets;
mod tracker;

faultline::module! {
    type: tracker::Loaded,
    license: "GPL",
    author: "The faultline authors",
    description: "Tells what the IPv4 routing path decides",
}
