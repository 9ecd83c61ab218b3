// SPDX-License-Identifier: GPL-2.0

//! Families of addresses: what the kernel does for IPv4 and for IPv6 in the same way, with other
//! structures.

use super::{
    Device,
    Flow,
    Found,
    Gateway,
    Net,
    NextHop,
    Path,
    Route,
    Rule,
    RulesSearch,
    Table, //
};
use crate::{
    memory::{
        KernelPtr,
        Plain, //
    },
    trace::Field, //
};

/// A family of addresses. Its functions read what the two have in structures of their own.
pub trait Family: Copy + Send + Sync + 'static {
    /// `AF_INET` or `AF_INET6`.
    const NUMBER: i32;

    /// An address.
    type Address: Field + Plain + Default + PartialEq;
    /// A prefix.
    type Prefix: Field;
    /// The result of a search through the rules: what a rule may suppress.
    type Chosen: Copy;

    /// The prefix of this length.
    fn prefix(address: Self::Address, len: u8) -> Self::Prefix;

    /// The source; 0 for any.
    fn source(flow: KernelPtr<Flow<Self>>) -> Self::Address;
    /// The destination.
    fn destination(flow: KernelPtr<Flow<Self>>) -> Self::Address;
    /// Type of service, without the lower two bits on newer kernels; or traffic class.
    fn tos(flow: KernelPtr<Flow<Self>>) -> u8;
    /// The ports of source and destination, in the order of the CPU. They mean something where the
    /// protocol has ports.
    fn ports(flow: KernelPtr<Flow<Self>>) -> (u16, u16);

    /// The number of a table.
    fn table_id(table: KernelPtr<Table<Self>>) -> u32;

    /// The errno of a lookup that returned `ret`: less than 0, or 0 if a route was found that does
    /// not refuse. Only then the other functions mean something that take a [`Found`].
    fn lookup_error(ret: i32, found: KernelPtr<Found<Self>>, net: KernelPtr<Net>) -> i32;
    /// The namespace of the route, if it can be told.
    fn found_net(found: KernelPtr<Found<Self>>) -> KernelPtr<Net>;
    /// The prefix that matched, and its length.
    fn found_prefix(found: KernelPtr<Found<Self>>) -> (Self::Address, u8);
    /// The type of the route (`RTN_UNICAST`, ...).
    fn found_kind(found: KernelPtr<Found<Self>>) -> u8;
    /// The next hop that was chosen.
    fn next_hop(found: KernelPtr<Found<Self>>) -> KernelPtr<NextHop>;
    /// How many paths the route has.
    fn paths(found: KernelPtr<Found<Self>>) -> u32;
    /// Which of the route's paths was chosen.
    fn path(found: KernelPtr<Found<Self>>) -> Path;

    /// The result of a search through the rules.
    fn chosen(search: KernelPtr<RulesSearch<Self>>) -> Self::Chosen;
    /// Its prefix, and the length of that.
    fn chosen_prefix(chosen: Self::Chosen) -> (Self::Address, u8);
    /// Its device.
    fn chosen_device(chosen: Self::Chosen) -> KernelPtr<Device>;
    /// The type of the route that a search through the rules has found (`RTN_UNICAST`, ...).
    fn search_kind(search: KernelPtr<RulesSearch<Self>>) -> u8;

    /// The type of a route (`RTN_UNICAST`, ...).
    fn route_kind(route: KernelPtr<Route<Self>>) -> u8;
    /// Its flags (`RTCF_REDIRECTED`, ... or `RTF_GATEWAY`, ...).
    fn route_flags(route: KernelPtr<Route<Self>>) -> u32;
    /// Its gateway.
    fn gateway(route: KernelPtr<Route<Self>>) -> Gateway;

    /// The sources whose packets a rule takes.
    fn rule_from(rule: KernelPtr<Rule<Self>>) -> (Self::Address, u8);
    /// The destinations.
    fn rule_to(rule: KernelPtr<Rule<Self>>) -> (Self::Address, u8);
    /// The type of service, or traffic class; 0 for any.
    fn rule_tos(rule: KernelPtr<Rule<Self>>) -> u8;
}
