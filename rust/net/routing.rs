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
    Net, //
};
use crate::{
    bindings,
    memory::KernelPtr, //
};

structures! {
    /// What is looked for, `struct flowi4`.
    Flow;
    /// A routing table, `struct fib_table`.
    Table;
    /// What a lookup found, `struct fib_result`.
    Found;
    /// The route that was found, `struct fib_info`.
    Info;
    /// Where it leads next, `struct fib_nh_common`.
    NextHop;
    /// A route that can be used, `struct rtable`.
    Route;
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

    /// The namespace of the route.
    #[inline]
    pub fn net(self) -> KernelPtr<Net> {
        let info =
            field::<_, KernelPtr<Info>, { bindings::faultline_at_fib_result_fi }>(self).follow();
        field::<_, KernelPtr<Net>, { bindings::faultline_at_fib_info_net }>(info).follow()
    }
}

/// A gateway: the family of its address, and that address if it is one of IPv4.
/// Family 0 is no gateway: the destination is on the link.
#[derive(Clone, Copy, Default)]
pub struct Gateway {
    /// `AF_INET` (2), `AF_INET6` (10) or 0.
    pub family: u8,
    /// The address, 0 if the family is another.
    pub address: Address,
}

impl Gateway {
    const AF_INET: u8 = 2;

    fn new(family: u8, address: impl FnOnce() -> Address) -> Self {
        Self {
            family,
            address: if family == Self::AF_INET {
                address()
            } else {
                0
            },
        }
    }
}

impl KernelPtr<NextHop> {
    /// The device that it is reached by.
    #[inline]
    pub fn device(self) -> KernelPtr<Device> {
        field::<_, KernelPtr<Device>, { bindings::faultline_at_fib_nh_dev }>(self).follow()
    }

    /// Its gateway.
    #[inline]
    pub fn gateway(self) -> Gateway {
        Gateway::new(
            value::<_, u8, { bindings::faultline_at_fib_nh_gw_family }>(self),
            || value::<_, u32, { bindings::faultline_at_fib_nh_gw }>(self),
        )
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

    /// Its gateway. A route that is not cached keeps its destination where the
    /// gateway would be.
    #[inline]
    pub fn gateway(self) -> Gateway {
        let family = match value::<_, u8, { bindings::faultline_at_rtable_uses_gateway }>(self) {
            0 => 0,
            _ => value::<_, u8, { bindings::faultline_at_rtable_gw_family }>(self),
        };
        Gateway::new(family, || {
            value::<_, u32, { bindings::faultline_at_rtable_gw }>(self)
        })
    }
}
