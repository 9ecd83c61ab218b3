// SPDX-License-Identifier: GPL-2.0

//! Packets, and what one of ARP or of neighbour discovery says.
//!
//! C header: [`include/linux/skbuff.h`](srctree/include/linux/skbuff.h)

use super::{
    field::{
        field,
        structures,
        value, //
    },
    v6::traffic_class,
    Device,
    Ipv4,
    Ipv6,
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
    pub fn route<F>(self) -> KernelPtr<Route<F>> {
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

        let link = usize::from(self.device().link_address_len());
        let header = self.network_header();
        // The link's address and the sender's, then the same of the target.
        let sender = header.add::<u8>(HEADER.wrapping_add(link));
        let target = sender.add::<u8>(link.wrapping_add(4));
        Arp {
            operation: u16::from_be(header.add::<u16>(OPERATION).read().unwrap_or(0)),
            sender: sender.add::<Ipv4>(0).read().unwrap_or_default(),
            target: target.add::<Ipv4>(0).read().unwrap_or_default(),
        }
    }

    #[inline]
    fn at(self, offset: u16) -> KernelPtr<u8> {
        field::<_, KernelPtr<u8>, { bindings::faultline_at_sk_buff_head }>(self)
            .follow()
            .add(usize::from(offset))
    }

    #[inline]
    fn network_header(self) -> KernelPtr<u8> {
        self.at(value::<
            _,
            u16,
            { bindings::faultline_at_sk_buff_network_header },
        >(self))
    }

    /// Its header, if it is one of IPv6; see
    /// [`include/uapi/linux/ipv6.h`](srctree/include/uapi/linux/ipv6.h).
    #[inline]
    pub fn ipv6_header(self) -> Ipv6Header {
        const SOURCE: usize = 8;
        const DESTINATION: usize = 24;

        let header = self.network_header();
        Ipv6Header {
            source: header.add::<Ipv6>(SOURCE).read().unwrap_or_default(),
            destination: header.add::<Ipv6>(DESTINATION).read().unwrap_or_default(),
            traffic_class: traffic_class(header.add::<u32>(0).read().unwrap_or(0)),
        }
    }

    /// What it says, if it is one of neighbour discovery; see
    /// [`include/net/ndisc.h`](srctree/include/net/ndisc.h).
    #[inline]
    pub fn ndisc(self) -> Ndisc {
        const TARGET: usize = 8;
        const ROUTER_SOLICITATION: u8 = 133;
        const ROUTER_ADVERTISEMENT: u8 = 134;

        let offset = value::<_, u16, { bindings::faultline_at_sk_buff_transport_header }>(self);
        let message = self.at(offset);
        let kind = message.read().unwrap_or(0);
        Ndisc {
            kind,
            source: self.ipv6_header().source,
            target: match kind {
                ROUTER_SOLICITATION | ROUTER_ADVERTISEMENT => Ipv6::default(),
                _ => message.add::<Ipv6>(TARGET).read().unwrap_or_default(),
            },
        }
    }
}

/// What a packet of ARP says.
#[derive(Clone, Copy)]
pub struct Arp {
    /// 1 request, 2 reply.
    pub operation: u16,
    /// The address of who sends it.
    pub sender: Ipv4,
    /// The address that it is about.
    pub target: Ipv4,
}

/// What the header of a packet of IPv6 says.
#[derive(Clone, Copy)]
pub struct Ipv6Header {
    /// Whom it is from.
    pub source: Ipv6,
    /// Where it goes.
    pub destination: Ipv6,
    /// Its traffic class.
    pub traffic_class: u8,
}

/// What a packet of neighbour discovery says.
#[derive(Clone, Copy)]
pub struct Ndisc {
    /// The type of the message, from 133, a router's solicitation, to 137, a redirect.
    pub kind: u8,
    /// Whom it is from.
    pub source: Ipv6,
    /// The address that it is about; 0 if it is about none.
    pub target: Ipv6,
}
