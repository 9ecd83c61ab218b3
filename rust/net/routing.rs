// SPDX-License-Identifier: GPL-2.0

//! What is asked of the routing tables, and what they answer: what both families have alike.
//! [`Family`](super::Family) has the rest.
//!
//! C header: [`include/net/flow.h`](srctree/include/net/flow.h)\
//! C header: [`include/net/dst.h`](srctree/include/net/dst.h)

use super::{
    field::{
        field,
        structures,
        value, //
    },
    Device, //
};
use crate::{
    bindings,
    memory::KernelPtr, //
};

structures! {
    /// What is looked for, `struct flowi4` or `struct flowi6`.
    pub Flow<F>;
    /// A routing table, `struct fib_table` or `struct fib6_table`.
    pub Table<F>;
    /// What a lookup found, `struct fib_result` or `struct fib6_result`.
    pub Found<F>;
    /// A route that can be used, `struct rtable` or `struct rt6_info`.
    pub Route<F>;
}

impl<F> KernelPtr<Flow<F>> {
    /// The index of the device that it leaves by; 0 for any.
    #[inline]
    pub fn oif(self) -> i32 {
        value::<_, i32, { bindings::faultline_at_flow_oif }>(self)
    }

    /// The index of the device that it came by; 1, the loopback device, if it
    /// is our own.
    #[inline]
    pub fn iif(self) -> i32 {
        value::<_, i32, { bindings::faultline_at_flow_iif }>(self)
    }

    /// The mark.
    #[inline]
    pub fn mark(self) -> u32 {
        value::<_, u32, { bindings::faultline_at_flow_mark }>(self)
    }

    /// The user in whose name it is asked.
    #[inline]
    pub fn uid(self) -> u32 {
        value::<_, u32, { bindings::faultline_at_flow_uid }>(self)
    }

    /// The protocol of IP; 0 if it does not matter.
    #[inline]
    pub fn protocol(self) -> u8 {
        value::<_, u8, { bindings::faultline_at_flow_proto }>(self)
    }

    /// Its flags (`FLOWI_FLAG_ANYSRC`, ...).
    #[inline]
    pub fn flags(self) -> u8 {
        value::<_, u8, { bindings::faultline_at_flow_flags }>(self)
    }
}

impl<F> KernelPtr<Route<F>> {
    /// The device that it leads to.
    #[inline]
    pub fn device(self) -> KernelPtr<Device> {
        field::<_, KernelPtr<Device>, { bindings::faultline_at_dst_dev }>(self).follow()
    }

    /// The errno by which packets on it are dropped, less than 0; 0 if they go on.
    #[inline]
    pub fn error(self) -> i32 {
        // Positive for IPv4, negative for IPv6.
        let error = i32::from(value::<_, i16, { bindings::faultline_at_dst_error }>(self));
        error.wrapping_abs().wrapping_neg()
    }
}
