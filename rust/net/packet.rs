// SPDX-License-Identifier: GPL-2.0

//! Packets, and what one of ARP says.
//!
//! C header: [`include/linux/skbuff.h`](srctree/include/linux/skbuff.h)

use super::{
    field::{
        field,
        structures,
        value, //
    },
    Address,
    Device,
    Route, //
};
use crate::{
    bindings,
    memory::KernelPtr, //
};

structures! {
    /// A packet, `struct sk_buff`.
    pub Packet;
}

impl KernelPtr<Packet> {
    /// The device by which it came.
    #[inline]
    pub fn device(self) -> KernelPtr<Device> {
        field::<_, KernelPtr<Device>, { bindings::faultline_at_sk_buff_dev }>(self).follow()
    }

    /// Its mark.
    #[inline]
    pub fn mark(self) -> u32 {
        value::<_, u32, { bindings::faultline_at_sk_buff_mark }>(self)
    }

    /// The route that it was given; null if it was given none.
    #[inline]
    pub fn route(self) -> KernelPtr<Route> {
        /// A bit of the pointer, which says whether the packet has a reference.
        const NOT_COUNTED: usize = 1;

        let pointer = value::<_, usize, { bindings::faultline_at_sk_buff_dst }>(self);
        KernelPtr::new(pointer & !NOT_COUNTED)
    }

    /// What it says, if it is one of ARP; see
    /// [`include/uapi/linux/if_arp.h`](srctree/include/uapi/linux/if_arp.h).
    #[inline]
    pub fn arp(self) -> Arp {
        /// What precedes the addresses.
        const HEADER: usize = 8;
        const OPERATION: usize = 6;

        let head: KernelPtr<u8> =
            field::<_, KernelPtr<u8>, { bindings::faultline_at_sk_buff_head }>(self).follow();
        let offset = value::<_, u16, { bindings::faultline_at_sk_buff_network_header }>(self);
        let link = usize::from(self.device().link_address_len());
        let header = head.add::<u8>(usize::from(offset));
        // The link's address and the sender's, then the same of the target.
        let sender = header.add::<u8>(HEADER.wrapping_add(link));
        let target = sender.add::<u8>(link.wrapping_add(4));
        Arp {
            operation: u16::from_be(header.add::<u16>(OPERATION).read().unwrap_or(0)),
            sender: sender.add::<Address>(0).read().unwrap_or(0),
            target: target.add::<Address>(0).read().unwrap_or(0),
        }
    }
}

/// What a packet of ARP says.
#[derive(Clone, Copy)]
pub struct Arp {
    /// 1 request, 2 reply.
    pub operation: u16,
    /// The address of who sends it.
    pub sender: Address,
    /// The address that it is about.
    pub target: Address,
}
