// SPDX-License-Identifier: GPL-2.0

//! What is asked of the routing tables, and what they answer.
//!
//! C header: [`include/net/ip_fib.h`](srctree/include/net/ip_fib.h)\
//! C header: [`include/net/flow.h`](srctree/include/net/flow.h)\
//! C header: [`include/net/route.h`](srctree/include/net/route.h)

use super::{
    field::{
        field,
        structures,
        value, //
    },
    Address,
    Device,
    Gateway,
    Info,
    NextHop,
    Path, //
};
use crate::{
    bindings,
    memory::KernelPtr, //
};

structures! {
    /// What is looked for, `struct flowi4`.
    pub Flow;
    /// A routing table, `struct fib_table`.
    pub Table;
    /// What a lookup found, `struct fib_result`.
    pub Found;
    /// A route that can be used, `struct rtable`.
    pub Route;
}

impl KernelPtr<Flow> {
    /// The index of the device that it leaves by; 0 for any.
    #[inline]
    pub fn oif(self) -> i32 {
        value::<_, i32, { bindings::faultline_at_flowi4_oif }>(self)
    }

    /// The index of the device that it came by; 1, the loopback device, if it
    /// is our own.
    #[inline]
    pub fn iif(self) -> i32 {
        value::<_, i32, { bindings::faultline_at_flowi4_iif }>(self)
    }

    /// The mark.
    #[inline]
    pub fn mark(self) -> u32 {
        value::<_, u32, { bindings::faultline_at_flowi4_mark }>(self)
    }

    /// Type of service, without the lower two bits on newer kernels.
    #[inline]
    pub fn tos(self) -> u8 {
        value::<_, u8, { bindings::faultline_at_flowi4_tos }>(self)
    }

    /// The source; 0 for any.
    #[inline]
    pub fn source(self) -> Address {
        value::<_, u32, { bindings::faultline_at_flowi4_saddr }>(self)
    }

    /// The user in whose name it is asked.
    #[inline]
    pub fn uid(self) -> u32 {
        value::<_, u32, { bindings::faultline_at_flowi4_uid }>(self)
    }

    /// The protocol of IP; 0 if it does not matter.
    #[inline]
    pub fn protocol(self) -> u8 {
        value::<_, u8, { bindings::faultline_at_flowi4_proto }>(self)
    }

    /// Its flags (`FLOWI_FLAG_ANYSRC`, ...).
    #[inline]
    pub fn flags(self) -> u8 {
        value::<_, u8, { bindings::faultline_at_flowi4_flags }>(self)
    }

    /// The ports of source and destination, which mean something where the protocol has ports.
    #[inline]
    pub fn ports(self) -> (u16, u16) {
        (
            u16::from_be(value::<_, u16, { bindings::faultline_at_flowi4_sport }>(
                self,
            )),
            u16::from_be(value::<_, u16, { bindings::faultline_at_flowi4_dport }>(
                self,
            )),
        )
    }

    /// The destination.
    #[inline]
    pub fn destination(self) -> Address {
        value::<_, u32, { bindings::faultline_at_flowi4_daddr }>(self)
    }
}

impl KernelPtr<Table> {
    /// Its number.
    #[inline]
    pub fn id(self) -> u32 {
        value::<_, u32, { bindings::faultline_at_fib_table_id }>(self)
    }
}

/// It means something only if the lookup returned 0: otherwise the kernel wrote nothing there.
impl KernelPtr<Found> {
    /// The prefix that matched, and its length.
    #[inline]
    pub fn prefix(self) -> (Address, u8) {
        (
            value::<_, u32, { bindings::faultline_at_fib_result_prefix }>(self),
            value::<_, u8, { bindings::faultline_at_fib_result_prefixlen }>(self),
        )
    }

    /// The type of the route (`RTN_UNICAST`, ...).
    #[inline]
    pub fn kind(self) -> u8 {
        value::<_, u8, { bindings::faultline_at_fib_result_type }>(self)
    }

    /// The scope of the route.
    #[inline]
    pub fn scope(self) -> u8 {
        value::<_, u8, { bindings::faultline_at_fib_result_scope }>(self)
    }

    /// The next hop that was chosen.
    #[inline]
    pub fn next_hop(self) -> KernelPtr<NextHop> {
        field::<_, KernelPtr<NextHop>, { bindings::faultline_at_fib_result_nhc }>(self).follow()
    }

    /// The route.
    #[inline]
    pub fn info(self) -> KernelPtr<Info> {
        field::<_, KernelPtr<Info>, { bindings::faultline_at_fib_result_fi }>(self).follow()
    }

    /// Which of the route's paths was chosen.
    #[inline]
    pub fn path(self) -> Path {
        self.info().path(self.next_hop())
    }
}

impl KernelPtr<Route> {
    /// The device that it leads to.
    #[inline]
    pub fn device(self) -> KernelPtr<Device> {
        field::<_, KernelPtr<Device>, { bindings::faultline_at_rtable_dev }>(self).follow()
    }

    /// Its type (`RTN_UNICAST`, ...).
    #[inline]
    pub fn kind(self) -> u8 {
        value::<_, u16, { bindings::faultline_at_rtable_type }>(self) as u8
    }

    /// Its flags (`RTCF_REDIRECTED`, ...).
    #[inline]
    pub fn flags(self) -> u32 {
        value::<_, u32, { bindings::faultline_at_rtable_flags }>(self)
    }

    /// The errno by which packets on it are dropped; 0 if they go on.
    #[inline]
    pub fn error(self) -> i32 {
        i32::from(value::<_, i16, { bindings::faultline_at_rtable_error }>(
            self,
        ))
    }

    /// Its gateway. A route that is not cached keeps its destination where the gateway would be.
    #[inline]
    pub fn gateway(self) -> Gateway {
        let family = match value::<_, u8, { bindings::faultline_at_rtable_uses_gateway }>(self) {
            0 => 0,
            _ => value::<_, u8, { bindings::faultline_at_rtable_gw_family }>(self),
        };
        Gateway::new(
            family,
            || value::<_, u32, { bindings::faultline_at_rtable_gw }>(self),
            || field::<_, [u8; 16], { bindings::faultline_at_rtable_gw6 }>(self),
        )
    }
}
