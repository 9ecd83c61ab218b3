// SPDX-License-Identifier: GPL-2.0

//! The return of each probed function: its result, and the event that says so.
//!
//! This runs in handler context, and is to be quick.

use faultline::{
    memory::KernelPtr,
    net::{
        reason_bytes,
        Arp,
        Device,
        Flow,
        Found,
        Gateway,
        Ipv4,
        Ipv6,
        Ndisc,
        Packet,
        Route,
        Rule,
        RulesSearch,
        Table,
        V4, //
    },
    probe::Return,
    trace::{
        Hex,
        Named,
        Pointer,
        Record, //
    }, //
};

use crate::{
    call::{
        Addresses,
        Arguments,
        Asked, //
    },
    ended::Ended,
    events::{
        self,
        DeviceName,
        Reason,
        TableName,
        DROPPED, //
    },
    family::Probed,
    filter,
    handler::Calls,
    ledger::{
        error_name,
        Verdict,
        FORWARDING_OFF, //
    },
    text::table_name, //
};

/// An IPv4 and an IPv6 gateway, of which one is 0, or both.
fn gateways(gateway: Gateway) -> (Ipv4, Ipv6) {
    match gateway {
        Gateway::OnLink => Default::default(),
        Gateway::V4(address) => (address, Ipv6::default()),
        Gateway::V6(address) => (Ipv4::default(), address),
    }
}

/// The word for an errno that is less than 0.
fn error(err: i32) -> Reason {
    Reason::of(error_name(err).as_bytes())
}

/// The word for what route input or source validation returned.
fn reason(ret: i32) -> Reason {
    /// Source validation returns this for a source that is right, and reached without a gateway.
    /// As a drop reason it is `SKB_CONSUMED`, which no lookup is answered by.
    const ON_LINK: i32 = 1;

    match ret {
        0 => Reason::of(b"ok"),
        ON_LINK => Reason::of(b"ok_on_link"),
        _ => Reason::of(reason_bytes(ret.unsigned_abs()).unwrap_or(b"unknown")),
    }
}

/// The return of what both families have. Lookups are the most frequent, and have their own way
/// here.
#[inline(never)]
pub(crate) fn of_family<F: Probed>(
    ret: &Return<'_, Calls>,
    ended: &Ended<'_>,
    arguments: &Arguments<F>,
) where
    events::Lookup<F>: Record,
    events::LookupFailed<F>: Record,
    events::Rules<F>: Record,
    events::Suppress<F>: Record,
    events::Multipath<F>: Record,
    events::Input<F>: Record,
    events::Output<F>: Record,
    events::OutputFailed<F>: Record,
{
    match arguments {
        Arguments::Input { packet, addresses } => {
            input(F::input_result(ret.ret()), ended, *packet, addresses);
        }
        Arguments::Output(asked) => output(ret.ret(), ret.ret(), ended, asked),
        Arguments::Rules { flow, search } => rules(ret.ret(), ended, *flow, *search),
        Arguments::Lookup { flow, table, found } => {
            lookup(ret.ret(), ended, *flow, *table, *found);
        }
        Arguments::Suppress { rule, chosen } => {
            suppress(ret.ret::<usize>() as u8 != 0, ended, *rule, *chosen);
        }
        Arguments::Multipath(found) => multipath(ended, *found),
    }
}

#[inline(always)]
pub(crate) fn lookup<F: Probed>(
    ret: i32,
    ended: &Ended<'_>,
    flow: KernelPtr<Flow<F>>,
    table: KernelPtr<Table<F>>,
    found: KernelPtr<Found<F>>,
) where
    events::Lookup<F>: Record,
    events::LookupFailed<F>: Record,
{
    let call = ended.call;
    let err = F::lookup_error(ret, found, call.net);
    let net = move || match err {
        // Only then has the kernel written a result.
        0 if call.net.is_null() => F::found_net(found),
        _ => call.net,
    };
    if call.net.is_null() && !filter::netns_passes(|| net().inum()) {
        return ended.filtered();
    }
    let devices = move || {
        let net = net();
        let dev = match err {
            0 => F::next_hop(found).device().name(),
            _ => Default::default(),
        };
        [call.name(net, flow.iif()), call.name(net, flow.oif()), dev]
    };
    if err != 0 {
        let record = move || {
            let net = call.net;
            let asked = Asked::of(flow);
            events::LookupFailed {
                net: net.inum(),
                cause: ended.cause(),
                src: asked.src,
                dst: asked.dst,
                tos: Hex(asked.tos.into()),
                mark: Hex(asked.mark),
                iif: DeviceName::new(call.name(net, flow.iif())),
                oif: DeviceName::new(call.name(net, asked.oif)),
                uid: asked.uid,
                proto: asked.proto.into(),
                sport: asked.sport.into(),
                dport: asked.dport.into(),
                table: TableName::new(table_name(F::table_id(table))),
                err,
                error: error(err),
                ns: ended.ns,
                at: call.entered_ns,
                root: call.tree.root,
            }
        };
        return ended.tell(true, devices, Verdict::Error(err), record);
    }
    let verdict = Verdict::RouteType(F::found_kind(found));
    ended.tell(false, devices, verdict, move || {
        let net = net();
        let asked = Asked::of(flow);
        let (prefix, len) = F::found_prefix(found);
        let next_hop = F::next_hop(found);
        let (via, via6) = gateways(next_hop.gateway());
        events::Lookup {
            net: net.inum(),
            cause: ended.cause(),
            src: asked.src,
            dst: asked.dst,
            tos: Hex(asked.tos.into()),
            mark: Hex(asked.mark),
            iif: DeviceName::new(call.name(net, flow.iif())),
            oif: DeviceName::new(call.name(net, asked.oif)),
            uid: asked.uid,
            proto: asked.proto.into(),
            sport: asked.sport.into(),
            dport: asked.dport.into(),
            table: TableName::new(table_name(F::table_id(table))),
            err,
            type_: Named::new(F::found_kind(found).into()),
            prefix: F::prefix(prefix, len),
            via,
            via6,
            dev: DeviceName::new(next_hop.device().name()),
            paths: F::paths(found),
            flags: Hex(next_hop.flags().into()),
            ns: ended.ns,
            at: call.entered_ns,
            root: call.tree.root,
        }
    });
}

#[inline(never)]
fn rules<F: Probed>(
    err: i32,
    ended: &Ended<'_>,
    flow: KernelPtr<Flow<F>>,
    search: KernelPtr<RulesSearch<F>>,
) where
    events::Rules<F>: Record,
{
    let call = ended.call;
    let devices = move || {
        [
            call.name(call.net, flow.iif()),
            call.name(call.net, flow.oif()),
        ]
    };
    let verdict = match err {
        0 => Verdict::RouteType(F::search_kind(search)),
        _ => Verdict::Error(err),
    };
    ended.tell(err != 0, devices, verdict, move || {
        let asked = Asked::of(flow);
        let rule = search.rule();
        let (fwmark, fwmask) = rule.mark();
        let (uid_first, uid_last) = rule.uids();
        let (sports, dports) = (rule.sports(), rule.dports());
        let ((from, from_len), (to, to_len)) = (F::rule_from(rule), F::rule_to(rule));
        events::Rules {
            net: ended.net(),
            cause: ended.cause(),
            src: asked.src,
            dst: asked.dst,
            tos: Hex(asked.tos.into()),
            mark: Hex(asked.mark),
            iif: ended.device(flow.iif()),
            oif: ended.device(asked.oif),
            uid: asked.uid,
            proto: asked.proto.into(),
            sport: asked.sport.into(),
            dport: asked.dport.into(),
            err,
            error: error(err),
            priority: rule.priority(),
            action: Named::new(rule.action().into()),
            table: TableName::new(table_name(rule.table())),
            not: rule.is_inverted().into(),
            from: F::prefix(from, from_len),
            to: F::prefix(to, to_len),
            rule_tos: Hex(F::rule_tos(rule).into()),
            fwmark: Hex(fwmark),
            fwmask: Hex(fwmask),
            rule_iif: DeviceName::new(rule.iif()),
            rule_oif: DeviceName::new(rule.oif()),
            l3mdev: rule.is_l3mdev().into(),
            rule_proto: rule.protocol().into(),
            uid_first,
            uid_last,
            sport_first: sports.0.into(),
            sport_last: sports.1.into(),
            dport_first: dports.0.into(),
            dport_last: dports.1.into(),
            suppress_prefixlen: rule.suppress_prefixlen(),
            suppress_ifgroup: rule.suppress_ifgroup(),
            ns: ended.ns,
            at: call.entered_ns,
            root: call.tree.root,
        }
    });
}

#[inline(never)]
fn suppress<F: Probed>(
    suppressed: bool,
    ended: &Ended<'_>,
    rule: KernelPtr<Rule<F>>,
    chosen: F::Chosen,
) where
    events::Suppress<F>: Record,
{
    let verdict = Verdict::Returned(suppressed.into());
    let device = move || F::chosen_device(chosen).name();
    ended.tell(
        suppressed,
        move || [device()],
        verdict,
        move || {
            let (prefix, len) = F::chosen_prefix(chosen);
            events::Suppress {
                net: ended.net(),
                cause: ended.cause(),
                priority: rule.priority(),
                suppress_prefixlen: rule.suppress_prefixlen(),
                suppress_ifgroup: rule.suppress_ifgroup(),
                prefix: F::prefix(prefix, len),
                dev: DeviceName::new(device()),
                result: Named::new(suppressed.into()),
                ns: ended.ns,
                at: ended.call.entered_ns,
                root: ended.call.tree.root,
            }
        },
    );
}

#[inline(never)]
fn multipath<F: Probed>(ended: &Ended<'_>, found: KernelPtr<Found<F>>)
where
    events::Multipath<F>: Record,
{
    let path = F::path(found);
    let device = move || F::next_hop(found).device().name();
    let verdict = Verdict::Returned(path.number as i32);
    ended.tell(
        false,
        move || [device()],
        verdict,
        move || {
            let next_hop = F::next_hop(found);
            let (prefix, len) = F::found_prefix(found);
            let net = match ended.call.net {
                net if net.is_null() => F::found_net(found),
                net => net,
            };
            let (via, via6) = gateways(next_hop.gateway());
            events::Multipath {
                net: net.inum(),
                cause: ended.cause(),
                prefix: F::prefix(prefix, len),
                path: path.number,
                paths: path.of,
                via,
                via6,
                dev: DeviceName::new(device()),
                flags: Hex(next_hop.flags().into()),
                ns: ended.ns,
                at: ended.call.entered_ns,
                root: ended.call.tree.root,
            }
        },
    );
}

/// `ret` is what route input returned, and 0 if it returns nothing. A packet whose route drops it is
/// not refused there: the route is one that does so later.
#[inline(never)]
fn input<F: Probed>(
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
                    (0, 0) if route.is_null() => Reason::of(b"unknown"),
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
fn output<F: Probed>(
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
            reason: reason(if is_ok { 0 } else { ret }),
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
