// SPDX-License-Identifier: GPL-2.0

//! IPv6.
//!
//! C header: [`include/net/ip6_fib.h`](srctree/include/net/ip6_fib.h)\
//! C source: [`net/ipv6/route.c`](srctree/net/ipv6/route.c)\
//! C source: [`net/ipv6/fib6_rules.c`](srctree/net/ipv6/fib6_rules.c)

use super::{
    field::{
        field,
        structures,
        value, //
    },
    Device,
    Family,
    Flow,
    Found,
    Gateway,
    Ipv4,
    Ipv6,
    Ipv6Prefix,
    Net,
    NextHop,
    Object,
    Path,
    Route,
    Rule,
    RulesSearch,
    Table,
    PATHS_MAX, //
};
use crate::{
    bindings,
    memory::KernelPtr, //
};

structures! {
    /// A route in a table, `struct fib6_info`. Where a route has several paths and no nexthop
    /// object, it is one of them, and the others are its siblings.
    Info;
    /// What a table has for a prefix, `struct fib6_node`.
    Node;
    /// What a device has for IPv6, `struct inet6_dev`.
    InDevice;
}

/// IPv6.
#[derive(Clone, Copy)]
pub struct V6;

impl KernelPtr<Info> {
    #[inline]
    fn kind(self) -> u8 {
        value::<_, u8, { bindings::faultline_at_fib6_info_type }>(self)
    }

    #[inline]
    fn object(self) -> KernelPtr<Object> {
        field::<_, KernelPtr<Object>, { bindings::faultline_at_fib6_info_nh }>(self).follow()
    }

    #[inline]
    fn siblings(self) -> u32 {
        value::<_, u32, { bindings::faultline_at_fib6_info_nsiblings }>(self)
    }

    fn metric(self) -> u32 {
        value::<_, u32, { bindings::faultline_at_fib6_info_metric }>(self)
    }

    /// The first of the siblings: of the routes for its prefix the first with siblings and the
    /// same metric.
    fn first(self) -> Self {
        let node: KernelPtr<Node> =
            field::<_, KernelPtr<Node>, { bindings::faultline_at_fib6_info_node }>(self).follow();
        let mut route: Self =
            field::<_, Self, { bindings::faultline_at_fib6_node_leaf }>(node).follow();
        for _ in 0..PATHS_MAX {
            if route.is_null() || route.metric() == self.metric() && route.siblings() != 0 {
                break;
            }
            route = field::<_, Self, { bindings::faultline_at_fib6_info_next }>(route).follow();
        }
        route
    }

    /// The sibling after it, in a circle.
    fn next(self) -> Self {
        const LINK: usize = (bindings::faultline_at_fib6_info_siblings >> 16) as usize;

        let link =
            field::<_, KernelPtr<u8>, { bindings::faultline_at_fib6_info_siblings }>(self).follow();
        link.add(LINK.wrapping_neg())
    }
}

/// The address at `AT`; 0 if it cannot be read.
#[inline]
fn address<T, const AT: u64>(structure: KernelPtr<T>) -> Ipv6 {
    field::<T, Ipv6, AT>(structure).read().unwrap_or_default()
}

/// The route of a `struct fib6_result`.
#[inline]
fn info(found: KernelPtr<Found<V6>>) -> KernelPtr<Info> {
    field::<_, KernelPtr<Info>, { bindings::faultline_at_fib6_result_f6i }>(found).follow()
}

/// Returns whether nothing was found, not even a route that refuses.
#[inline]
fn is_nothing(info: KernelPtr<Info>, net: KernelPtr<Net>) -> bool {
    let null = field::<_, KernelPtr<Info>, { bindings::faultline_at_net_fib6_null_entry }>(net);
    info.is_null() || info == null.follow()
}

impl Family for V6 {
    const NUMBER: i32 = 10;

    type Address = Ipv6;
    type Prefix = Ipv6Prefix;
    /// The route that the packet would take. It is null once it has been suppressed.
    type Chosen = KernelPtr<Route<Self>>;

    #[inline]
    fn prefix(address: Ipv6, len: u8) -> Ipv6Prefix {
        Ipv6Prefix::new(address, len)
    }

    #[inline]
    fn source(flow: KernelPtr<Flow<Self>>) -> Ipv6 {
        address::<_, { bindings::faultline_at_flowi6_saddr }>(flow)
    }

    #[inline]
    fn destination(flow: KernelPtr<Flow<Self>>) -> Ipv6 {
        address::<_, { bindings::faultline_at_flowi6_daddr }>(flow)
    }

    #[inline]
    fn tos(flow: KernelPtr<Flow<Self>>) -> u8 {
        let word = value::<_, u32, { bindings::faultline_at_flowi6_flowlabel }>(flow);
        traffic_class(word)
    }

    #[inline]
    fn ports(flow: KernelPtr<Flow<Self>>) -> (u16, u16) {
        (
            u16::from_be(value::<_, u16, { bindings::faultline_at_flowi6_sport }>(
                flow,
            )),
            u16::from_be(value::<_, u16, { bindings::faultline_at_flowi6_dport }>(
                flow,
            )),
        )
    }

    #[inline]
    fn table_id(table: KernelPtr<Table<Self>>) -> u32 {
        value::<_, u32, { bindings::faultline_at_fib6_table_id }>(table)
    }

    /// The lookup itself always returns 0. The errnos are those of `ip6_rt_type_to_error()`.
    #[inline]
    fn lookup_error(_: i32, found: KernelPtr<Found<Self>>, net: KernelPtr<Net>) -> i32 {
        const EAGAIN: i32 = 11;
        const EACCES: i32 = 13;
        const EINVAL: i32 = 22;
        const EHOSTUNREACH: i32 = 113;

        let info = info(found);
        if is_nothing(info, net) {
            return -EAGAIN;
        }
        match info.kind() {
            6 => -EINVAL,
            7 => -EHOSTUNREACH,
            8 => -EACCES,
            9 => -EAGAIN,
            10.. => -EINVAL,
            _ => 0,
        }
    }

    #[inline]
    fn found_net(_: KernelPtr<Found<Self>>) -> KernelPtr<Net> {
        KernelPtr::NULL
    }

    #[inline]
    fn found_prefix(found: KernelPtr<Found<Self>>) -> (Ipv6, u8) {
        let info = info(found);
        (
            address::<_, { bindings::faultline_at_fib6_info_dst }>(info),
            value::<_, i32, { bindings::faultline_at_fib6_info_dst_len }>(info) as u8,
        )
    }

    #[inline]
    fn found_kind(found: KernelPtr<Found<Self>>) -> u8 {
        info(found).kind()
    }

    #[inline]
    fn next_hop(found: KernelPtr<Found<Self>>) -> KernelPtr<NextHop> {
        const COMMON: u64 = bindings::faultline_at_fib6_nh_common;

        field::<_, KernelPtr<u8>, { bindings::faultline_at_fib6_result_nh }>(found)
            .follow()
            .add((COMMON >> 16) as usize)
    }

    #[inline]
    fn paths(found: KernelPtr<Found<Self>>) -> u32 {
        let info = info(found);
        let object = info.object();
        if object.is_null() {
            info.siblings().wrapping_add(1)
        } else {
            object.paths()
        }
    }

    fn path(found: KernelPtr<Found<Self>>) -> Path {
        let (info, of) = (info(found), Self::paths(found));
        let object = info.object();
        if !object.is_null() {
            return object.path(Self::next_hop(found), of);
        }
        let mut route = info.first();
        let mut number: u32 = 0;
        while number < of.min(PATHS_MAX) {
            number = number.wrapping_add(1);
            if route == info {
                return Path { number, of };
            }
            route = route.next();
        }
        Path { number: 0, of }
    }

    #[inline]
    fn chosen(search: KernelPtr<RulesSearch<Self>>) -> Self::Chosen {
        field::<_, KernelPtr<Route<Self>>, { bindings::faultline_at_fib6_result_rt6 }>(
            search.result(),
        )
        .follow()
    }

    #[inline]
    fn chosen_prefix(chosen: Self::Chosen) -> (Ipv6, u8) {
        (
            address::<_, { bindings::faultline_at_rt6_info_dst }>(chosen),
            value::<_, i32, { bindings::faultline_at_rt6_info_dst_len }>(chosen) as u8,
        )
    }

    #[inline]
    fn chosen_device(chosen: Self::Chosen) -> KernelPtr<Device> {
        let device =
            field::<_, KernelPtr<InDevice>, { bindings::faultline_at_rt6_info_idev }>(chosen)
                .follow();
        field::<_, KernelPtr<Device>, { bindings::faultline_at_inet6_dev_dev }>(device).follow()
    }

    /// The kernel looks up either a route that can be used, or what a table has.
    fn search_kind(search: KernelPtr<RulesSearch<Self>>) -> u8 {
        let chosen = Self::chosen(search);
        if chosen.is_null() {
            Self::found_kind(search.result())
        } else {
            Self::route_kind(chosen)
        }
    }

    /// That of the route in the table; 0 for the kernel's own, which refuse.
    #[inline]
    fn route_kind(route: KernelPtr<Route<Self>>) -> u8 {
        field::<_, KernelPtr<Info>, { bindings::faultline_at_rt6_info_from }>(route)
            .follow()
            .kind()
    }

    #[inline]
    fn route_flags(route: KernelPtr<Route<Self>>) -> u32 {
        value::<_, u32, { bindings::faultline_at_rt6_info_flags }>(route)
    }

    #[inline]
    fn gateway(route: KernelPtr<Route<Self>>) -> Gateway {
        const RTF_GATEWAY: u32 = 2;

        let family = match Self::route_flags(route) & RTF_GATEWAY {
            0 => 0,
            _ => Self::NUMBER as u8,
        };
        Gateway::new(family, Ipv4::default, || {
            field::<_, _, { bindings::faultline_at_rt6_info_gateway }>(route)
        })
    }

    #[inline]
    fn rule_from(rule: KernelPtr<Rule<Self>>) -> (Ipv6, u8) {
        (
            address::<_, { bindings::faultline_at_fib6_rule_src }>(rule),
            value::<_, i32, { bindings::faultline_at_fib6_rule_src_len }>(rule) as u8,
        )
    }

    #[inline]
    fn rule_to(rule: KernelPtr<Rule<Self>>) -> (Ipv6, u8) {
        (
            address::<_, { bindings::faultline_at_fib6_rule_dst }>(rule),
            value::<_, i32, { bindings::faultline_at_fib6_rule_dst_len }>(rule) as u8,
        )
    }

    #[inline]
    fn rule_tos(rule: KernelPtr<Rule<Self>>) -> u8 {
        value::<_, u8, { bindings::faultline_at_fib6_rule_dscp }>(rule)
    }
}

/// The traffic class in the first word of a header, which is in the order of the network.
#[inline]
pub(super) fn traffic_class(word: u32) -> u8 {
    (u32::from_be(word) >> 20) as u8
}

impl KernelPtr<Net> {
    /// Returns whether packets of IPv6 that come by `device` are forwarded: all are, or, since 6.17,
    /// those of the device.
    pub fn forwards_ipv6(self, device: KernelPtr<Device>) -> bool {
        const FORCE: u64 = bindings::faultline_at_inet6_dev_force_forwarding;
        /// What that is on a kernel without it.
        const NONE: u64 = u64::MAX;

        let all = field::<_, KernelPtr<u8>, { bindings::faultline_at_net_ipv6_devconf_all }>(self)
            .follow();
        if value::<_, i32, { bindings::faultline_at_ipv6_devconf_forwarding }>(all) != 0 {
            return true;
        }
        let device =
            field::<_, KernelPtr<u8>, { bindings::faultline_at_net_device_ip6_ptr }>(device)
                .follow();
        FORCE != NONE && device.add::<i32>((FORCE >> 16) as usize).read_or_zero() != 0
    }
}
