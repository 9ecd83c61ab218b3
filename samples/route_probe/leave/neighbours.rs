// SPDX-License-Identifier: GPL-2.0

//! What neighbours ask, and what is sent to them; and the source of packets of our own.

use faultline::{
    memory::KernelPtr,
    net::{
        drop_reason_bytes,
        Arp,
        Device,
        Ipv6,
        Ndisc, //
    },
    trace::{
        Hex,
        Named, //
    }, //
};

use crate::{
    ended::Ended,
    events::{
        self,
        DeviceName,
        Reason, //
    },
    ledger::Verdict, //
};

#[inline(never)]
pub(crate) fn arp(ret: i32, ended: &Ended<'_>, arp: &Arp) {
    let call = ended.call;
    let verdict = Verdict::Returned(ret);
    ended.tell(
        ret != 0,
        move || [call.device.name()],
        verdict,
        move || {
            let device = call.device.ip();
            events::Arp {
                net: ended.net(),
                dev: DeviceName::new(call.device.name()),
                no_addr: (!device.has_address()).into(),
                rp_filter: Named::new(device.rp_filter(call.net).into()),
                op: Named::new(arp.operation.into()),
                sender: arp.sender,
                target: arp.target,
                arp_ignore: device.arp_ignore(call.net),
                ret,
                ns: ended.ns,
                at: call.entered_ns,
                root: call.tree.root,
            }
        },
    );
}

#[inline(never)]
pub(crate) fn ndisc(ret: i32, ended: &Ended<'_>, ndisc: &Ndisc) {
    /// `SKB_CONSUMED`: the message was processed.
    const CONSUMED: i32 = 1;

    let call = ended.call;
    let is_ok = matches!(ret, 0 | CONSUMED);
    ended.tell(
        !is_ok,
        move || [call.device.name()],
        Verdict::Returned(ret),
        move || events::Neighbour {
            net: ended.net(),
            cause: ended.cause(),
            dev: DeviceName::new(call.device.name()),
            src: ndisc.source,
            target: ndisc.target,
            type_: Named::new(ndisc.kind.into()),
            ret,
            reason: match is_ok {
                true => Reason::of(b"ok"),
                // On any kernel: older ones return errnos from IPv4's functions alone.
                false => Reason::of(drop_reason_bytes(ret as u32).unwrap_or(b"unknown")),
            },
            ns: ended.ns,
            at: call.entered_ns,
            root: call.tree.root,
        },
    );
}

#[inline(never)]
pub(crate) fn arp_sent(ended: &Ended<'_>, arp: &Arp) {
    let call = ended.call;
    ended.tell(
        false,
        move || [call.device.name()],
        Verdict::Returned(0),
        move || events::ArpSent {
            net: ended.net(),
            cause: ended.cause(),
            dev: DeviceName::new(call.device.name()),
            ifindex: call.device.index(),
            op: Named::new(arp.operation.into()),
            sender: arp.sender,
            target: arp.target,
            ns: ended.ns,
            at: call.entered_ns,
            root: call.tree.root,
        },
    );
}

#[inline(never)]
pub(crate) fn ndisc_sent(ended: &Ended<'_>, message: &Ndisc, dst: Ipv6) {
    let call = ended.call;
    ended.tell(
        false,
        move || [call.device.name()],
        Verdict::Returned(0),
        move || events::NeighbourSent {
            net: ended.net(),
            cause: ended.cause(),
            dev: DeviceName::new(call.device.name()),
            ifindex: call.device.index(),
            src: message.source,
            dst,
            target: message.target,
            type_: Named::new(message.kind.into()),
            ns: ended.ns,
            at: call.entered_ns,
            root: call.tree.root,
        },
    );
}

#[inline(never)]
pub(crate) fn source(
    ret: i32,
    ended: &Ended<'_>,
    dst: Ipv6,
    device: KernelPtr<Device>,
    prefs: u32,
    chosen: KernelPtr<Ipv6>,
) {
    let verdict = match ret {
        0 => Verdict::Returned(0),
        _ => Verdict::Error(ret),
    };
    ended.tell(
        ret != 0,
        move || [device.name()],
        verdict,
        move || events::Source {
            net: ended.net(),
            cause: ended.cause(),
            dst,
            dev: DeviceName::new(device.name()),
            prefs: Hex(prefs),
            ret,
            src: match ret {
                0 => chosen.looked_up().read().unwrap_or_default(),
                _ => Ipv6::default(),
            },
            ns: ended.ns,
            at: ended.call.entered_ns,
            root: ended.call.tree.root,
        },
    );
}
