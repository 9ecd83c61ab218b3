// SPDX-License-Identifier: GPL-2.0

//! What the user of the module can set.

use faultline::params::Words;

use crate::{
    filter,
    tracker, //
};

/// How many of the functions have to be there.
#[derive(Words)]
pub(crate) enum Require {
    Any,
    All,
}

/// A family of addresses.
#[derive(Words)]
pub(crate) enum Family {
    Any,
    Ipv4,
    Ipv6,
}

faultline::params! {
    /// which functions are probed; the others cost nothing; live
    0o644 events: str<255> = "all", on_change(tracker::set_events);
    /// only what is from there; live
    0o644 src: str<43> = "any", on_change(filter::set_src);
    /// only what goes there; live
    0o644 dst: str<43> = "any", on_change(filter::set_dst);
    /// only what comes in or leaves by this device; live
    0o644 dev: str<15> = "any", on_change(filter::set_dev);
    /// only in the namespace with this number (ls -i /proc/self/ns/net), 0 for any; live
    0o644 netns: uint = 0, on_change(filter::set_netns);
    /// only with this mark; live
    0o644 mark: str<23> = "any", on_change(filter::set_mark);
    /// only lookups in this table, which are fib_lookup and fib6_lookup; live
    0o644 table: str<10> = "any", on_change(filter::set_table);
    /// only what is done for this; live
    0o644 cause: str<63> = "any", on_change(filter::set_cause);
    /// only IPv4 or only IPv6, whose functions alone are probed then; live
    0o644 family: word<Family> = "any", on_change(tracker::set_family);
    /// only what failed; live
    0o644 errors_only: bool = false, on_change(filter::set_errors_only);
    /// how many calls of a function can be followed at once, 0 leaves it to the kernel
    0o444 maxactive: uint = 0, range(0..=4096);
    /// all: do not load unless every function can be probed
    0o444 require: word<Require> = "any";
}
