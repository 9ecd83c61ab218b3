// SPDX-License-Identifier: GPL-2.0

//! What the routing tables and the rules answer.

use faultline::{
    memory::KernelPtr,
    net::{
        Flow,
        Found,
        Rule,
        RulesSearch,
        Table, //
    },
    trace::{
        Hex,
        Named,
        Record, //
    }, //
};

use super::{
    error,
    gateways, //
};
use crate::{
    call::Asked,
    ended::Ended,
    events::{
        self,
        DeviceName,
        TableName, //
    },
    family::Probed,
    filter,
    ledger::Verdict,
    text::table_name, //
};

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
pub(crate) fn rules<F: Probed>(
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
pub(crate) fn suppress<F: Probed>(
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
pub(crate) fn multipath<F: Probed>(ended: &Ended<'_>, found: KernelPtr<Found<F>>)
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
