// SPDX-License-Identifier: GPL-2.0

//! What becomes of packets: of those that come in, and of our own.

use faultline::{
    memory::KernelPtr,
    net::{
        Packet,
        Route,
        V4, //
    },
    trace::{
        Hex,
        Named,
        Pointer,
        Record, //
    }, //
};

use super::{
    error,
    gateways,
    reason, //
};
use crate::{
    call::{
        Addresses,
        Asked, //
    },
    ended::Ended,
    events::{
        self,
        DeviceName,
        Reason,
        DROPPED,
        UNKNOWN, //
    },
    family::Probed,
    ledger::{
        Verdict,
        FORWARDING_OFF, //
    }, //
};

/// `ret` is what route input returned, and 0 if it returns nothing. A packet whose route drops it is
/// not refused there: the route is one that does so later.
#[inline(never)]
pub(crate) fn input<F: Probed>(
    ret: i32,
    ended: &Ended<'_>,
    packet: KernelPtr<Packet>,
    addresses: &Addresses<F>,
) where
    events::Input<F>: Record,
{
    let call = ended.call;
    let route: KernelPtr<Route<F>> = match ret {
        0 => packet.route(),
        _ => KernelPtr::NULL,
    };
    let err = match ret {
        0 => F::input_error(route, call),
        _ => 0,
    };
    let failed = ret != 0 || err != 0;
    let (verdict, fate) = match (ret, err) {
        (0, 0) => (Verdict::Returned(0), u32::from(F::route_kind(route))),
        (0, _) => (Verdict::Error(err), DROPPED),
        _ => (Verdict::Returned(ret), DROPPED),
    };
    let device = move || match failed {
        false => route.device().name(),
        true => Default::default(),
    };
    ended.tell(
        failed,
        move || [call.device.name(), device()],
        verdict,
        move || {
            let (via, via6) = match failed {
                false => gateways(F::gateway(route)),
                true => Default::default(),
            };
            events::Input {
                net: ended.net(),
                cause: ended.cause(),
                src: addresses.src,
                dst: addresses.dst,
                tos: Hex(addresses.tos.into()),
                mark: Hex(packet.mark()),
                dev: DeviceName::new(call.device.name()),
                ret,
                reason: match (ret, err) {
                    // It is only known that route input did not drop it.
                    (0, 0) if fate == UNKNOWN => Reason::of(b"unknown"),
                    (_, 0) => reason(ret),
                    _ => error(err),
                },
                err: if err == FORWARDING_OFF { -113 } else { err },
                fate: Named::new(fate),
                via,
                via6,
                out: DeviceName::new(device()),
                ns: ended.ns,
                skb: Pointer(packet.address()),
                at: call.entered_ns,
                root: call.tree.root,
            }
        },
    );
}

#[inline(never)]
pub(crate) fn validate(
    ret: i32,
    ended: &Ended<'_>,
    packet: KernelPtr<Packet>,
    addresses: &Addresses<V4>,
    oif: i32,
) {
    let call = ended.call;
    let devices = move || [call.device.name(), call.name(call.net, oif)];
    ended.tell(ret < 0, devices, Verdict::Returned(ret), move || {
        events::Validate {
            net: ended.net(),
            cause: ended.cause(),
            src: addresses.src,
            dst: addresses.dst,
            tos: Hex(addresses.tos.into()),
            mark: Hex(packet.mark()),
            oif: ended.device(oif),
            dev: DeviceName::new(call.device.name()),
            rp_filter: Named::new(call.device.ip().rp_filter(call.net).into()),
            ret,
            result: reason(ret),
            ns: ended.ns,
            at: call.entered_ns,
            root: call.tree.root,
        }
    });
}

#[inline(never)]
pub(crate) fn output<F: Probed>(
    route: KernelPtr<Route<F>>,
    returned: isize,
    ended: &Ended<'_>,
    asked: &Asked<F>,
) where
    events::Output<F>: Record,
    events::OutputFailed<F>: Record,
{
    /// The lowest errno that a pointer can carry.
    const ERRNO_MIN: isize = -4095;

    let call = ended.call;
    // An error, or a route that drops everything.
    let err = match returned {
        ERRNO_MIN..=-1 => returned as i32,
        _ => route.error(),
    };
    if err != 0 {
        let devices = move || [call.name(call.net, asked.oif)];
        return ended.tell(true, devices, Verdict::Error(err), move || {
            events::OutputFailed {
                net: ended.net(),
                cause: ended.cause(),
                src: asked.src,
                dst: asked.dst,
                tos: Hex(asked.tos.into()),
                oif: ended.device(asked.oif),
                mark: Hex(asked.mark),
                uid: asked.uid,
                proto: asked.proto.into(),
                sport: asked.sport.into(),
                dport: asked.dport.into(),
                flow_flags: Hex(asked.flags.into()),
                err,
                error: error(err),
                ns: ended.ns,
                at: call.entered_ns,
                root: call.tree.root,
            }
        });
    }
    let device = move || route.device().name();
    let devices = move || [call.name(call.net, asked.oif), device()];
    let verdict = Verdict::RouteType(F::route_kind(route));
    ended.tell(false, devices, verdict, move || {
        let (via, via6) = gateways(F::gateway(route));
        events::Output {
            net: ended.net(),
            cause: ended.cause(),
            src: asked.src,
            dst: asked.dst,
            tos: Hex(asked.tos.into()),
            oif: ended.device(asked.oif),
            mark: Hex(asked.mark),
            uid: asked.uid,
            proto: asked.proto.into(),
            sport: asked.sport.into(),
            dport: asked.dport.into(),
            err: 0,
            type_: Named::new(F::route_kind(route).into()),
            via,
            via6,
            dev: DeviceName::new(device()),
            rt_flags: Hex(F::route_flags(route)),
            ns: ended.ns,
            at: call.entered_ns,
            root: call.tree.root,
        }
    });
}
