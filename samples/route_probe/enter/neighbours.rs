// SPDX-License-Identifier: GPL-2.0

//! The entry of what finds neighbours, by ARP and by neighbour discovery, and of what chooses a
//! source.
//!
//! This runs in handler context, and is to be quick.

use faultline::{
    memory::KernelPtr,
    net::{
        Ipv6,
        Ndisc,
        Packet,
        V4,
        V6, //
    },
    probe::Entry, //
};

use super::Around;
use crate::{
    call::{
        About,
        Call, //
    },
    cause::Cause,
    filter::Facts,
    handler::Calls, //
};

/// `arp_process(net, sk, skb)`. The packet is gone when it returns.
#[inline(never)]
pub(crate) fn arp(entry: &Entry<'_, Calls>, around: &Around<'_>) -> Option<Call> {
    let packet: KernelPtr<Packet> = entry.arg(2)?;
    let around = Around {
        net: entry.arg(0)?,
        device: packet.device(),
        ..*around
    };
    let arp = packet.arp();
    let facts = || Facts::<V4> {
        src: arp.sender,
        dst: arp.target,
        mark: None,
    };
    around.follow(Cause::Arp, facts, About::Arp(arp))
}

/// `ndisc_rcv(skb)`.
#[inline(never)]
pub(crate) fn ndisc(entry: &Entry<'_, Calls>, around: &Around<'_>) -> Option<Call> {
    let packet: KernelPtr<Packet> = entry.arg(0)?;
    let device = packet.device();
    let around = Around {
        cause: Cause::Ndisc,
        net: device.net(),
        device,
        ..*around
    };
    let ndisc = packet.ndisc();
    let facts = || Facts::<V6> {
        src: ndisc.source,
        dst: ndisc.target,
        mark: None,
    };
    around.follow(Cause::Ndisc, facts, About::Ndisc(ndisc))
}

/// `arp_xmit(skb)`.
#[inline(never)]
pub(crate) fn arp_sent(entry: &Entry<'_, Calls>, around: &Around<'_>) -> Option<Call> {
    let packet: KernelPtr<Packet> = entry.arg(0)?;
    let device = packet.device();
    let around = Around {
        net: device.net(),
        device,
        ..*around
    };
    let arp = packet.arp();
    let facts = || Facts::<V4> {
        src: arp.sender,
        dst: arp.target,
        mark: None,
    };
    around.follow_if(None, facts, || Some(About::ArpSent(arp)))
}

/// `ndisc_send_skb(skb, daddr, saddr)`. The packet has no header of IPv6 yet.
#[inline(never)]
pub(crate) fn ndisc_sent(entry: &Entry<'_, Calls>, around: &Around<'_>) -> Option<Call> {
    let packet: KernelPtr<Packet> = entry.arg(0)?;
    let device = packet.device();
    let around = Around {
        net: device.net(),
        device,
        ..*around
    };
    let dst = address(entry.arg(1)?);
    let message = Ndisc {
        source: address(entry.arg(2)?),
        ..packet.ndisc()
    };
    let facts = || Facts::<V6> {
        src: message.source,
        dst,
        mark: None,
    };
    around.follow_if(None, facts, || Some(About::NdiscSent { message, dst }))
}

/// The address at a place of the kernel's.
fn address(at: KernelPtr<Ipv6>) -> Ipv6 {
    at.looked_up().read().unwrap_or_default()
}

/// `ipv6_dev_get_saddr(net, device, destination, preferences, source)`.
#[inline(never)]
pub(crate) fn source(entry: &Entry<'_, Calls>, around: &Around<'_>) -> Option<Call> {
    let dst = address(entry.arg(2)?);
    let around = Around {
        net: entry.arg(0)?,
        ..*around
    };
    let about = About::Source {
        dst,
        device: entry.arg(1)?,
        prefs: entry.arg(3)?,
        chosen: entry.arg(4)?,
    };
    let facts = || Facts::<V6> {
        src: Ipv6::default(),
        dst,
        mark: None,
    };
    around.follow_if(None, facts, || Some(about))
}
