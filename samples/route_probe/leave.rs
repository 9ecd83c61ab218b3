// SPDX-License-Identifier: GPL-2.0

//! The return of each probed function: its result, the event that says so, and the
//! ledger.
//!
//! This runs in handler context, and is to be quick.

use faultline::{
    memory::{
        lists::ListId,
        KernelPtr, //
    },
    net::{
        reason_bytes,
        Arp,
        Flow,
        Found,
        Gateway,
        Ipv4,
        Ipv4Prefix,
        Ipv6,
        Name,
        Packet,
        Route,
        Rule,
        RulesSearch,
        Table, //
    },
    probe::{
        HandlerContext,
        Return, //
    },
    task::time,
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
        Asked,
        Call, //
    },
    events::{
        self,
        DeviceName,
        Reason,
        TableName,
        DROPPED, //
    },
    filter,
    handler::Calls,
    ledger::{
        error_name,
        Ledger,
        Verdict,
        FORWARDING_OFF, //
    },
    targets::Target,
    text::table_name,
    tree::{
        AnyEvent,
        Pending, //
    }, //
};

/// A call that has ended.
pub(crate) struct Ended<'a> {
    calls: &'a Calls,
    target: Target,
    ledger: &'a Ledger,
    context: HandlerContext<'a>,
    call: &'a Call,
    ns: u64,
}

impl<'a> Ended<'a> {
    #[inline(always)]
    pub(crate) fn new(calls: &'a Calls, ret: &'a Return<'_, Calls>, call: &'a Call) -> Self {
        Self {
            calls,
            target: ret.target().what.target,
            ledger: &ret.target().ledger,
            context: ret.context(),
            call,
            ns: time::monotonic_ns().saturating_sub(call.entered_ns),
        }
    }

    /// Records it, unless a filter says otherwise or what it is made in has to end first.
    /// `devices` gives the names of those that it has to do with.
    #[inline(always)]
    fn tell<R, const N: usize>(
        &self,
        failed: bool,
        devices: impl FnOnce() -> [Name; N],
        verdict: Verdict,
        record: impl FnOnce() -> R,
    ) where
        R: Record + Into<AnyEvent>,
    {
        // Nearly always nothing asks for how it ended.
        if self.call.tree.held.is_some() || filter::asks_for_end() {
            self.decide(failed, devices, verdict, record);
        } else if self.call.passes {
            self.record(verdict, record);
        } else {
            self.ledger.filtered();
        }
    }

    #[cold]
    #[inline(never)]
    fn decide<R, const N: usize>(
        &self,
        failed: bool,
        devices: impl FnOnce() -> [Name; N],
        verdict: Verdict,
        record: impl FnOnce() -> R,
    ) where
        R: Record + Into<AnyEvent>,
    {
        let Self { calls, call, .. } = *self;
        let is_root = call.tree.root == call.entered_ns;
        let passes = match call.tree.held {
            None => !is_root || filter::end_passes(failed, || filter::device_matches(devices)),
            Some(tree) => {
                let has_device = filter::device_matches(devices);
                if !is_root {
                    return self.hold(tree, has_device, verdict, record);
                }
                let passes = filter::end_passes(failed, move || {
                    has_device || calls.held.some_has_device(tree)
                });
                calls.held.end(tree, passes, &calls.ledgers, self.context);
                passes
            }
        };
        if call.passes && passes {
            self.record(verdict, record);
        } else {
            self.ledger.filtered();
        }
    }

    #[inline(always)]
    fn record<R: Record>(&self, verdict: Verdict, record: impl FnOnce() -> R) {
        /// Out of the way of calls that nobody hears of.
        #[inline(never)]
        fn make<R>(record: impl FnOnce() -> R) -> R {
            record()
        }

        let written = R::record(self.context, || make(record));
        self.ledger.done(self.call.cause, verdict, self.ns, written);
    }

    #[inline(never)]
    fn hold<R>(&self, tree: ListId, has_device: bool, verdict: Verdict, record: impl FnOnce() -> R)
    where
        R: Record + Into<AnyEvent>,
    {
        let held = &self.calls.held;
        if has_device {
            held.has_device(tree);
        }
        if !self.call.passes {
            return self.ledger.filtered();
        }
        let record = record();
        let pending = Pending {
            target: self.target,
            cause: self.call.cause,
            verdict,
            ns: self.ns,
            event: record.into(),
        };
        if !held.hold(tree, pending) {
            self.record(verdict, || record);
        }
    }

    fn net(&self) -> u32 {
        self.call.net.inum()
    }

    fn cause(&self) -> Named<events::Causes> {
        Named::new(self.call.cause as u32)
    }

    fn device(&self, index: i32) -> DeviceName {
        DeviceName::new(self.call.name(self.call.net, index))
    }
}

/// An IPv4 and an IPv6 gateway, of which one is 0, or both.
fn gateways(gateway: Gateway) -> (Ipv4, Ipv6) {
    match gateway {
        Gateway::OnLink => Default::default(),
        Gateway::V4(address) => (Ipv4(address), Ipv6::default()),
        Gateway::V6(address) => (Ipv4::default(), Ipv6(address)),
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

#[inline(always)]
pub(crate) fn lookup(
    err: i32,
    ended: &Ended<'_>,
    flow: KernelPtr<Flow>,
    table: KernelPtr<Table>,
    found: KernelPtr<Found>,
) {
    let call = ended.call;
    let net = move || match err {
        // Only then has the kernel written a result.
        0 if call.net.is_null() => found.info().net(),
        _ => call.net,
    };
    if call.net.is_null() && !filter::netns_passes(|| net().inum()) {
        return ended.ledger.filtered();
    }
    let devices = move || {
        let net = net();
        let dev = match err {
            0 => found.next_hop().device().name(),
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
                src: Ipv4(asked.src),
                dst: Ipv4(asked.dst),
                tos: Hex(asked.tos.into()),
                mark: Hex(asked.mark),
                iif: DeviceName::new(call.name(net, flow.iif())),
                oif: DeviceName::new(call.name(net, asked.oif)),
                uid: asked.uid,
                proto: asked.proto.into(),
                sport: asked.sport.into(),
                dport: asked.dport.into(),
                table: TableName::new(table_name(table.id())),
                err,
                error: error(err),
                ns: ended.ns,
                at: call.entered_ns,
                root: call.tree.root,
            }
        };
        return ended.tell(true, devices, Verdict::Error(err), record);
    }
    let verdict = Verdict::RouteType(found.kind());
    ended.tell(false, devices, verdict, move || {
        let net = net();
        let asked = Asked::of(flow);
        let (prefix, len) = found.prefix();
        let next_hop = found.next_hop();
        let (via, via6) = gateways(next_hop.gateway());
        events::Lookup {
            net: net.inum(),
            cause: ended.cause(),
            src: Ipv4(asked.src),
            dst: Ipv4(asked.dst),
            tos: Hex(asked.tos.into()),
            mark: Hex(asked.mark),
            iif: DeviceName::new(call.name(net, flow.iif())),
            oif: DeviceName::new(call.name(net, asked.oif)),
            uid: asked.uid,
            proto: asked.proto.into(),
            sport: asked.sport.into(),
            dport: asked.dport.into(),
            table: TableName::new(table_name(table.id())),
            err,
            type_: Named::new(found.kind().into()),
            prefix: Ipv4Prefix::new(prefix, len),
            via,
            via6,
            dev: DeviceName::new(next_hop.device().name()),
            paths: found.info().paths(),
            flags: Hex(next_hop.flags().into()),
            ns: ended.ns,
            at: call.entered_ns,
            root: call.tree.root,
        }
    });
}

#[inline(never)]
pub(crate) fn rules(
    err: i32,
    ended: &Ended<'_>,
    flow: KernelPtr<Flow>,
    search: KernelPtr<RulesSearch>,
) {
    let call = ended.call;
    let devices = move || {
        [
            call.name(call.net, flow.iif()),
            call.name(call.net, flow.oif()),
        ]
    };
    let verdict = match err {
        0 => Verdict::RouteType(search.result().kind()),
        _ => Verdict::Error(err),
    };
    ended.tell(err != 0, devices, verdict, move || {
        let asked = Asked::of(flow);
        let rule = search.rule();
        let (fwmark, fwmask) = rule.mark();
        let (uid_first, uid_last) = rule.uids();
        let (sports, dports) = (rule.sports(), rule.dports());
        let ((from, from_len), (to, to_len)) = (rule.from(), rule.to());
        events::Rules {
            net: ended.net(),
            cause: ended.cause(),
            src: Ipv4(asked.src),
            dst: Ipv4(asked.dst),
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
            from: Ipv4Prefix::new(from, from_len),
            to: Ipv4Prefix::new(to, to_len),
            rule_tos: Hex(rule.tos().into()),
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
pub(crate) fn suppress(
    suppressed: bool,
    ended: &Ended<'_>,
    rule: KernelPtr<Rule>,
    found: KernelPtr<Found>,
) {
    let verdict = Verdict::Returned(suppressed.into());
    let device = move || found.next_hop().device().name();
    ended.tell(
        suppressed,
        move || [device()],
        verdict,
        move || {
            let (prefix, len) = found.prefix();
            events::Suppress {
                net: ended.net(),
                cause: ended.cause(),
                priority: rule.priority(),
                suppress_prefixlen: rule.suppress_prefixlen(),
                suppress_ifgroup: rule.suppress_ifgroup(),
                prefix: Ipv4Prefix::new(prefix, len),
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
pub(crate) fn multipath(ended: &Ended<'_>, found: KernelPtr<Found>) {
    let path = found.path();
    let device = move || found.next_hop().device().name();
    let verdict = Verdict::Returned(path.number as i32);
    ended.tell(
        false,
        move || [device()],
        verdict,
        move || {
            let next_hop = found.next_hop();
            let (via, via6) = gateways(next_hop.gateway());
            events::Multipath {
                net: found.info().net().inum(),
                cause: ended.cause(),
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

/// What becomes of a packet that came in.
struct Fate {
    /// The errno by which it is dropped; 0 if it goes on.
    err: i32,
    /// The route that it was given.
    route: KernelPtr<Route>,
}

impl Fate {
    /// `ret` is what route input returned. A packet whose route drops it is not refused there:
    /// the route is one that does so later.
    #[inline(always)]
    fn of(ret: i32, packet: KernelPtr<Packet>, call: &Call) -> Self {
        const EHOSTUNREACH: i32 = 113;

        if ret != 0 {
            return Self {
                err: 0,
                route: KernelPtr::NULL,
            };
        }
        let route = packet.route();
        let err = match route.error() {
            EHOSTUNREACH if !call.device.ip().forwards() => FORWARDING_OFF,
            error => error.wrapping_neg(),
        };
        Self { err, route }
    }
}

#[inline(never)]
pub(crate) fn input(ret: i32, ended: &Ended<'_>, packet: KernelPtr<Packet>, addresses: &Addresses) {
    let call = ended.call;
    let Fate { err, route } = Fate::of(ret, packet, call);
    let failed = ret != 0 || err != 0;
    let (verdict, fate) = match (ret, err) {
        (0, 0) => (Verdict::Returned(0), u32::from(route.kind())),
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
                false => gateways(route.gateway()),
                true => Default::default(),
            };
            events::Input {
                net: ended.net(),
                cause: ended.cause(),
                src: Ipv4(addresses.src),
                dst: Ipv4(addresses.dst),
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
    addresses: &Addresses,
    oif: i32,
) {
    let call = ended.call;
    let devices = move || [call.device.name(), call.name(call.net, oif)];
    ended.tell(ret < 0, devices, Verdict::Returned(ret), move || {
        events::Validate {
            net: ended.net(),
            cause: ended.cause(),
            src: Ipv4(addresses.src),
            dst: Ipv4(addresses.dst),
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
pub(crate) fn output(route: KernelPtr<Route>, returned: isize, ended: &Ended<'_>, asked: &Asked) {
    /// The highest error number that a pointer can carry.
    const ERRNO_MAX: isize = 4095;

    let call = ended.call;
    if (-ERRNO_MAX..0).contains(&returned) {
        let err = returned as i32;
        let devices = move || [call.name(call.net, asked.oif)];
        return ended.tell(true, devices, Verdict::Error(err), move || {
            events::OutputFailed {
                net: ended.net(),
                cause: ended.cause(),
                src: Ipv4(asked.src),
                dst: Ipv4(asked.dst),
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
    let verdict = Verdict::RouteType(route.kind());
    ended.tell(false, devices, verdict, move || {
        let (via, via6) = gateways(route.gateway());
        events::Output {
            net: ended.net(),
            cause: ended.cause(),
            src: Ipv4(asked.src),
            dst: Ipv4(asked.dst),
            tos: Hex(asked.tos.into()),
            oif: ended.device(asked.oif),
            mark: Hex(asked.mark),
            uid: asked.uid,
            proto: asked.proto.into(),
            sport: asked.sport.into(),
            dport: asked.dport.into(),
            err: 0,
            type_: Named::new(route.kind().into()),
            via,
            via6,
            dev: DeviceName::new(device()),
            rt_flags: Hex(route.flags()),
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
                sender: Ipv4(arp.sender),
                target: Ipv4(arp.target),
                arp_ignore: device.arp_ignore(call.net),
                ret,
                ns: ended.ns,
                at: call.entered_ns,
                root: call.tree.root,
            }
        },
    );
}
