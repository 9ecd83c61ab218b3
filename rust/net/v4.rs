// SPDX-License-Identifier: GPL-2.0

//! IPv4.
//!
//! C header: [`include/net/ip_fib.h`](srctree/include/net/ip_fib.h)\
//! C header: [`include/net/route.h`](srctree/include/net/route.h)\
//! C source: [`net/ipv4/fib_rules.c`](srctree/net/ipv4/fib_rules.c)

use super::{
    field::{
        field,
        value, //
    },
    Device,
    Family,
    Flow,
    Found,
    Gateway,
    Info,
    Ipv4,
    Ipv4Prefix,
    Net,
    NextHop,
    Path,
    Route,
    Rule,
    RulesSearch,
    Table, //
};
use crate::{
    bindings,
    memory::KernelPtr, //
};

/// IPv4.
#[derive(Clone, Copy)]
pub struct V4;

/// The route of a `struct fib_result`.
#[inline]
fn info(found: KernelPtr<Found<V4>>) -> KernelPtr<Info> {
    field::<_, KernelPtr<Info>, { bindings::faultline_at_fib_result_fi }>(found).follow()
}

impl Family for V4 {
    const NUMBER: i32 = 2;

    type Address = Ipv4;
    type Prefix = Ipv4Prefix;
    /// What the last lookup found.
    type Chosen = KernelPtr<Found<Self>>;

    #[inline]
    fn prefix(address: Ipv4, len: u8) -> Ipv4Prefix {
        Ipv4Prefix::new(address, len)
    }

    #[inline]
    fn source(flow: KernelPtr<Flow<Self>>) -> Ipv4 {
        value::<_, Ipv4, { bindings::faultline_at_flowi4_saddr }>(flow)
    }

    #[inline]
    fn destination(flow: KernelPtr<Flow<Self>>) -> Ipv4 {
        value::<_, Ipv4, { bindings::faultline_at_flowi4_daddr }>(flow)
    }

    #[inline]
    fn tos(flow: KernelPtr<Flow<Self>>) -> u8 {
        value::<_, u8, { bindings::faultline_at_flowi4_tos }>(flow)
    }

    #[inline]
    fn ports(flow: KernelPtr<Flow<Self>>) -> (u16, u16) {
        (
            u16::from_be(value::<_, u16, { bindings::faultline_at_flowi4_sport }>(
                flow,
            )),
            u16::from_be(value::<_, u16, { bindings::faultline_at_flowi4_dport }>(
                flow,
            )),
        )
    }

    #[inline]
    fn table_id(table: KernelPtr<Table<Self>>) -> u32 {
        value::<_, u32, { bindings::faultline_at_fib_table_id }>(table)
    }

    #[inline(always)]
    fn lookup_error(ret: i32, _: KernelPtr<Found<Self>>, _: KernelPtr<Net>) -> i32 {
        ret
    }

    #[inline]
    fn found_net(found: KernelPtr<Found<Self>>) -> KernelPtr<Net> {
        info(found).net()
    }

    #[inline]
    fn found_prefix(found: KernelPtr<Found<Self>>) -> (Ipv4, u8) {
        (
            value::<_, Ipv4, { bindings::faultline_at_fib_result_prefix }>(found),
            value::<_, u8, { bindings::faultline_at_fib_result_prefixlen }>(found),
        )
    }

    #[inline]
    fn found_kind(found: KernelPtr<Found<Self>>) -> u8 {
        value::<_, u8, { bindings::faultline_at_fib_result_type }>(found)
    }

    #[inline]
    fn next_hop(found: KernelPtr<Found<Self>>) -> KernelPtr<NextHop> {
        field::<_, KernelPtr<NextHop>, { bindings::faultline_at_fib_result_nhc }>(found).follow()
    }

    #[inline]
    fn paths(found: KernelPtr<Found<Self>>) -> u32 {
        info(found).paths()
    }

    #[inline]
    fn path(found: KernelPtr<Found<Self>>) -> Path {
        info(found).path(Self::next_hop(found))
    }

    #[inline]
    fn chosen(search: KernelPtr<RulesSearch<Self>>) -> Self::Chosen {
        search.result()
    }

    #[inline]
    fn chosen_prefix(chosen: Self::Chosen) -> (Ipv4, u8) {
        Self::found_prefix(chosen)
    }

    #[inline]
    fn chosen_device(chosen: Self::Chosen) -> KernelPtr<Device> {
        Self::next_hop(chosen).device()
    }

    #[inline]
    fn search_kind(search: KernelPtr<RulesSearch<Self>>) -> u8 {
        Self::found_kind(search.result())
    }

    #[inline]
    fn route_kind(route: KernelPtr<Route<Self>>) -> u8 {
        value::<_, u16, { bindings::faultline_at_rtable_type }>(route) as u8
    }

    #[inline]
    fn route_flags(route: KernelPtr<Route<Self>>) -> u32 {
        value::<_, u32, { bindings::faultline_at_rtable_flags }>(route)
    }

    /// A route that is not cached keeps its destination where the gateway would be.
    #[inline]
    fn gateway(route: KernelPtr<Route<Self>>) -> Gateway {
        let family = match value::<_, u8, { bindings::faultline_at_rtable_uses_gateway }>(route) {
            0 => 0,
            _ => value::<_, u8, { bindings::faultline_at_rtable_gw_family }>(route),
        };
        Gateway::new(
            family,
            || value::<_, Ipv4, { bindings::faultline_at_rtable_gw }>(route),
            || field::<_, _, { bindings::faultline_at_rtable_gw6 }>(route),
        )
    }

    #[inline]
    fn rule_from(rule: KernelPtr<Rule<Self>>) -> (Ipv4, u8) {
        (
            value::<_, Ipv4, { bindings::faultline_at_fib4_rule_src }>(rule),
            value::<_, u8, { bindings::faultline_at_fib4_rule_src_len }>(rule),
        )
    }

    #[inline]
    fn rule_to(rule: KernelPtr<Rule<Self>>) -> (Ipv4, u8) {
        (
            value::<_, Ipv4, { bindings::faultline_at_fib4_rule_dst }>(rule),
            value::<_, u8, { bindings::faultline_at_fib4_rule_dst_len }>(rule),
        )
    }

    #[inline]
    fn rule_tos(rule: KernelPtr<Rule<Self>>) -> u8 {
        value::<_, u8, { bindings::faultline_at_fib4_rule_dscp }>(rule)
    }
}
