// SPDX-License-Identifier: GPL-2.0

//! The next hops of routes: of one route several, which are its paths.
//!
//! C header: [`include/net/ip_fib.h`](srctree/include/net/ip_fib.h)\
//! C header: [`include/net/nexthop.h`](srctree/include/net/nexthop.h)

use super::{
    field::{
        field,
        size,
        structures,
        value, //
    },
    Device,
    Ipv4,
    Ipv6,
    Net, //
};
use crate::{
    bindings,
    memory::KernelPtr, //
};

structures! {
    /// A route of IPv4, `struct fib_info`.
    pub(super) Info;
    /// Where it leads next, `struct fib_nh_common`.
    pub NextHop;
    /// A next hop with an id of its own, or a group of them, `struct nexthop`.
    pub(super) Object;
    /// The members of a group, `struct nh_group`.
    Group;
}

/// A gateway, by its family. Without one the destination is on the link.
#[derive(Clone, Copy, Default)]
pub enum Gateway {
    #[default]
    /// None.
    OnLink,
    /// An IPv4 address.
    V4(Ipv4),
    /// An IPv6 address.
    V6(Ipv6),
}

impl Gateway {
    const AF_INET: u8 = 2;
    const AF_INET6: u8 = 10;

    /// The gateway of this family, whose address is where one of `v4` and `v6` is.
    #[inline]
    pub(super) fn new(
        family: u8,
        v4: impl FnOnce() -> Ipv4,
        v6: impl FnOnce() -> KernelPtr<Ipv6>,
    ) -> Self {
        match family {
            Self::AF_INET => Self::V4(v4()),
            Self::AF_INET6 => Self::V6(v6().read().unwrap_or_default()),
            _ => Self::OnLink,
        }
    }
}

/// Which of several paths was taken.
#[derive(Clone, Copy, Default)]
pub struct Path {
    /// Its number, from 1; 0 if it is none of the route's.
    pub number: u32,
    /// How many there are.
    pub of: u32,
}

/// Gives up after so many paths.
pub(super) const PATHS_MAX: u32 = 256;

impl KernelPtr<Info> {
    /// The namespace of the route.
    #[inline]
    pub(super) fn net(self) -> KernelPtr<Net> {
        field::<_, KernelPtr<Net>, { bindings::faultline_at_fib_info_net }>(self).follow()
    }

    #[inline]
    fn object(self) -> KernelPtr<Object> {
        field::<_, KernelPtr<Object>, { bindings::faultline_at_fib_info_nh }>(self).follow()
    }

    /// Returns how many paths it has.
    #[inline]
    pub(super) fn paths(self) -> u32 {
        let object = self.object();
        if object.is_null() {
            value::<_, i32, { bindings::faultline_at_fib_info_nhs }>(self) as u32
        } else {
            object.paths()
        }
    }

    /// Finds `next_hop` among its paths.
    pub(super) fn path(self, next_hop: KernelPtr<NextHop>) -> Path {
        const FIRST: u64 = bindings::faultline_at_fib_info_first_nh;

        let (object, of) = (self.object(), self.paths());
        if !object.is_null() {
            return object.path(next_hop, of);
        }
        let first = self.add::<u8>((FIRST >> 16) as usize);
        Path::find(next_hop, of, |number| {
            first.add((number as usize).wrapping_mul(size(FIRST)))
        })
    }
}

impl Path {
    /// Finds `next_hop` among `of` paths. `path` gives that with a number, from 0.
    #[inline]
    fn find(
        next_hop: KernelPtr<NextHop>,
        of: u32,
        path: impl Fn(u32) -> KernelPtr<NextHop>,
    ) -> Self {
        let mut number: u32 = 0;
        while number < of.min(PATHS_MAX) {
            let this = path(number);
            number = number.wrapping_add(1);
            if this == next_hop {
                return Self { number, of };
            }
        }
        Self { number: 0, of }
    }
}

impl KernelPtr<Object> {
    #[inline]
    fn group(self) -> Option<KernelPtr<Group>> {
        let is_group = value::<_, u8, { bindings::faultline_at_nexthop_is_group }>(self) != 0;
        is_group.then(|| {
            field::<_, KernelPtr<Group>, { bindings::faultline_at_nexthop_group }>(self).follow()
        })
    }

    /// Finds `next_hop` among its members, of which there are `of`.
    pub(super) fn path(self, next_hop: KernelPtr<NextHop>, of: u32) -> Path {
        Path::find(next_hop, of, |number| self.member(number))
    }

    /// Returns how many members it has; 1 if it is no group.
    pub(super) fn paths(self) -> u32 {
        self.group().map_or(1, |group| {
            u32::from(value::<_, u16, { bindings::faultline_at_nh_group_num_nh }>(
                group,
            ))
        })
    }

    /// Its member `at`, from 0; itself if it is no group.
    fn member(self, at: u32) -> KernelPtr<NextHop> {
        const FIRST: u64 = bindings::faultline_at_nh_group_first_entry;
        const NH: u64 = bindings::faultline_at_nh_grp_entry_nh;
        const NHC: u64 = bindings::faultline_at_nh_info_nhc;

        let object = match self.group() {
            Some(group) => group
                .add::<u8>((FIRST >> 16) as usize)
                .add::<u8>((at as usize).wrapping_mul(size(FIRST)))
                .add::<KernelPtr<Object>>((NH >> 16) as usize)
                .follow(),
            None => self,
        };
        field::<_, KernelPtr<u8>, { bindings::faultline_at_nexthop_info }>(object)
            .follow()
            .add((NHC >> 16) as usize)
    }
}

impl KernelPtr<NextHop> {
    /// The device that it is reached by.
    #[inline]
    pub fn device(self) -> KernelPtr<Device> {
        field::<_, KernelPtr<Device>, { bindings::faultline_at_fib_nh_dev }>(self).follow()
    }

    /// Its flags (`RTNH_F_DEAD`, ...).
    #[inline]
    pub fn flags(self) -> u8 {
        value::<_, u8, { bindings::faultline_at_fib_nh_flags }>(self)
    }

    /// Its gateway.
    #[inline]
    pub fn gateway(self) -> Gateway {
        Gateway::new(
            value::<_, u8, { bindings::faultline_at_fib_nh_gw_family }>(self),
            || value::<_, Ipv4, { bindings::faultline_at_fib_nh_gw }>(self),
            || field::<_, Ipv6, { bindings::faultline_at_fib_nh_gw6 }>(self),
        )
    }
}
