// SPDX-License-Identifier: GPL-2.0

//! The entry of each probed function: what is kept of its arguments, unless they do not
//! pass a filter.
//!
//! This runs in handler context, and is to be quick.

use faultline::{
    memory::KernelPtr,
    net::{
        Device,
        Flow,
        Packet,
        Table, //
    },
    probe::{
        Entry,
        Handler, //
    }, //
};

use crate::{
    call::{
        About,
        Addresses,
        Around,
        Asked,
        Call, //
    },
    cause::Cause,
    filter::{
        self,
        Facts, //
    },
    ledger::Ledger, //
};

/// `fib_table_lookup(table, flow, result, flags)`. Nothing is made in it, so if
/// it does not pass it is not followed.
#[inline(always)]
pub(crate) fn lookup<H: Handler>(
    entry: &Entry<'_, H>,
    around: &Around,
    ledger: &Ledger,
) -> Option<Call> {
    let flow: KernelPtr<Flow> = entry.arg(1)?;
    let table: KernelPtr<Table> = entry.arg(0)?;
    let facts = || Facts {
        src: flow.source(),
        dst: flow.destination(),
        mark: Some(flow.mark()),
        table: Some(table.id()),
        cause: around.cause,
    };
    if !filter::passes(facts, || around.net.inum()) {
        ledger.filtered();
        return None;
    }
    Some(around.call(Some(About::Lookup {
        flow,
        table,
        found: entry.arg(2)?,
    })))
}

/// `ip_route_input_noref(skb, daddr, saddr, dscp, dev)`.
pub(crate) fn input<H: Handler>(
    entry: &Entry<'_, H>,
    around: &Around,
    ledger: &Ledger,
) -> Option<Call> {
    let packet: KernelPtr<Packet> = entry.arg(0)?;
    let device: KernelPtr<Device> = entry.arg(4)?;
    let cause = match around.cause {
        Cause::Arp => Cause::Arp,
        _ => Cause::Input,
    };
    let around = Around {
        cause,
        net: device.net(),
        device,
        ..*around
    };
    let addresses = Addresses {
        src: entry.arg(2)?,
        dst: entry.arg(1)?,
        tos: entry.arg(3)?,
    };
    let passes = filter::passes(|| addresses.facts(packet, cause), || around.net.inum());
    around.call_if(passes, ledger, cause, About::Input { packet, addresses })
}

/// `fib_validate_source(skb, src, dst, dscp, oif, dev, idev, itag)`.
pub(crate) fn validate<H: Handler>(
    entry: &Entry<'_, H>,
    around: &Around,
    ledger: &Ledger,
) -> Option<Call> {
    let packet: KernelPtr<Packet> = entry.arg(0)?;
    let device: KernelPtr<Device> = entry.arg(5)?;
    let around = Around {
        net: device.net(),
        device,
        ..*around
    };
    let addresses = Addresses {
        src: entry.arg(1)?,
        dst: entry.arg(2)?,
        tos: entry.arg(3)?,
    };
    let passes = filter::passes(
        || addresses.facts(packet, around.cause),
        || around.net.inum(),
    );
    let about = About::Validate {
        packet,
        addresses,
        oif: entry.arg(4)?,
    };
    around.call_if(passes, ledger, Cause::Validate, about)
}

/// `ip_route_output_key_hash_rcu(net, flow, result, skb)`.
pub(crate) fn output<H: Handler>(
    entry: &Entry<'_, H>,
    around: &Around,
    ledger: &Ledger,
) -> Option<Call> {
    let flow: KernelPtr<Flow> = entry.arg(1)?;
    let around = Around {
        net: entry.arg(0)?,
        device: KernelPtr::NULL,
        ..*around
    };
    let asked = Asked {
        src: flow.source(),
        dst: flow.destination(),
        mark: flow.mark(),
        oif: flow.oif(),
        tos: flow.tos(),
    };
    let facts = || Facts {
        src: asked.src,
        dst: asked.dst,
        mark: Some(asked.mark),
        table: None,
        cause: around.cause,
    };
    let passes = filter::passes(facts, || around.net.inum());
    around.call_if(passes, ledger, Cause::Output, About::Output(asked))
}

/// `arp_process(net, sk, skb)`. The packet is gone when it returns.
pub(crate) fn arp<H: Handler>(
    entry: &Entry<'_, H>,
    around: &Around,
    ledger: &Ledger,
) -> Option<Call> {
    let packet: KernelPtr<Packet> = entry.arg(2)?;
    let around = Around {
        net: entry.arg(0)?,
        device: packet.device(),
        ..*around
    };
    let arp = packet.arp();
    let facts = || Facts {
        src: arp.sender,
        dst: arp.target,
        mark: None,
        table: None,
        cause: around.cause,
    };
    let passes = filter::passes(facts, || around.net.inum());
    around.call_if(passes, ledger, Cause::Arp, About::Arp(arp))
}

impl Addresses {
    #[inline(always)]
    fn facts(&self, packet: KernelPtr<Packet>, cause: Cause) -> Facts {
        Facts {
            src: self.src,
            dst: self.dst,
            mark: Some(packet.mark()),
            table: None,
            cause,
        }
    }
}
