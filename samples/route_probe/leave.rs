// SPDX-License-Identifier: GPL-2.0

//! The return of each probed function: its result, the event that says so, and the
//! ledger.
//!
//! This runs in handler context, and is to be quick.

use faultline::{
    memory::KernelPtr,
    net::{
        events,
        Arp,
        Flow,
        Found,
        Gateway,
        Packet,
        Route,
        Table,
        NAME_SIZE, //
    },
    probe::HandlerContext,
    trace::Written, //
};

use crate::{
    call::{
        Addresses,
        Asked,
        Call, //
    },
    filter,
    ledger::{
        Ledger,
        Verdict, //
    }, //
};

#[inline(always)]
pub(crate) fn lookup(
    err: i32,
    call: &Call,
    (flow, table, found): (KernelPtr<Flow>, KernelPtr<Table>, KernelPtr<Found>),
    ns: u64,
    ledger: &Ledger,
    context: HandlerContext<'_>,
) {
    // Only then has the kernel written a result.
    let found = (err == 0).then_some(found);
    let net = || match found {
        Some(found) if call.net.is_null() => found.net(),
        _ => call.net,
    };
    let passes = filter::passes_at_end(err != 0, || {
        let net = net();
        [
            call.name(net, flow.iif()),
            call.name(net, flow.oif()),
            found.map_or([0; NAME_SIZE], |found| found.next_hop().device().name()),
        ]
    });
    if !passes {
        return ledger.filtered();
    }
    let record = || {
        let (net, table) = (net(), table.id());
        let mut record = events::Lookup::zeroed();
        record.ns = ns;
        record.net = net.inum();
        record.src = flow.source();
        record.dst = flow.destination();
        record.mark = flow.mark();
        record.table = table;
        record.table_name = table_name(table);
        record.oif = flow.oif();
        record.err = err;
        record.cause = call.cause as u8;
        record.tos = flow.tos();
        record.iif = call.name(net, flow.iif());
        if let Some(found) = found {
            let next_hop = found.next_hop();
            let gateway = next_hop.gateway();
            (record.prefix, record.prefixlen) = found.prefix();
            record.type_ = found.kind();
            record.scope = found.scope();
            (record.via_family, record.via) = (gateway.family, gateway.address);
            record.dev = next_hop.device().name();
        }
        record
    };
    let (verdict, written) = match found {
        Some(found) => (
            Verdict::RouteType(found.kind()),
            events::fib_lookup(context, record),
        ),
        None => (
            Verdict::Error(err),
            events::fib_lookup_failed(context, record),
        ),
    };
    ledger.done(call.cause, verdict, ns, written);
}

#[inline(always)]
pub(crate) fn input(
    ret: i32,
    call: &Call,
    (packet, addresses): (KernelPtr<Packet>, &Addresses),
    ns: u64,
    ledger: &Ledger,
    context: HandlerContext<'_>,
) {
    if !filter::passes_at_end(ret != 0, || [call.device.name()]) {
        return ledger.filtered();
    }
    let written = events::ip_route_input(context, || {
        let mut record = events::Input::zeroed();
        record.ns = ns;
        record.skb = packet.address() as *const _;
        record.net = call.net.inum();
        record.src = addresses.src;
        record.dst = addresses.dst;
        record.mark = packet.mark();
        record.ret = ret;
        record.cause = call.cause as u8;
        record.tos = addresses.tos;
        record.dev = call.device.name();
        record
    });
    ledger.done(call.cause, Verdict::Returned(ret), ns, written);
}

#[inline(always)]
pub(crate) fn validate(
    ret: i32,
    call: &Call,
    (packet, addresses, oif): (KernelPtr<Packet>, &Addresses, i32),
    ns: u64,
    ledger: &Ledger,
    context: HandlerContext<'_>,
) {
    let devices = || [call.device.name(), call.name(call.net, oif)];
    if !filter::passes_at_end(ret < 0, devices) {
        return ledger.filtered();
    }
    let written = events::fib_validate_source(context, || {
        let mut record = events::Validate::zeroed();
        record.ns = ns;
        record.net = call.net.inum();
        record.src = addresses.src;
        record.dst = addresses.dst;
        record.mark = packet.mark();
        record.ret = ret;
        record.cause = call.cause as u8;
        record.tos = addresses.tos;
        record.rp_filter = call.device.ip().rp_filter(call.net);
        record.oif = call.name(call.net, oif);
        record.dev = call.device.name();
        record
    });
    ledger.done(call.cause, Verdict::Returned(ret), ns, written);
}

#[inline(always)]
pub(crate) fn output(
    route: KernelPtr<Route>,
    returned: isize,
    call: &Call,
    asked: &Asked,
    ns: u64,
    ledger: &Ledger,
    context: HandlerContext<'_>,
) {
    /// The highest error number that a pointer can carry.
    const ERRNO_MAX: isize = 4095;

    let err = if (-ERRNO_MAX..0).contains(&returned) {
        returned as i32
    } else {
        0
    };
    let device = if err == 0 {
        route.device()
    } else {
        KernelPtr::NULL
    };
    let devices = || [call.name(call.net, asked.oif), device.name()];
    if !filter::passes_at_end(err != 0, devices) {
        return ledger.filtered();
    }
    let record = || {
        let mut record = events::Output::zeroed();
        record.ns = ns;
        record.net = call.net.inum();
        record.src = asked.src;
        record.dst = asked.dst;
        record.mark = asked.mark;
        record.err = err;
        record.cause = call.cause as u8;
        record.tos = asked.tos;
        record.oif = call.name(call.net, asked.oif);
        if err == 0 {
            let Gateway { family, address } = route.gateway();
            (record.via_family, record.via) = (family, address);
            record.type_ = route.kind();
            record.dev = device.name();
        }
        record
    };
    let (verdict, written) = if err == 0 {
        (
            Verdict::RouteType(route.kind()),
            events::route_output(context, record),
        )
    } else {
        (
            Verdict::Error(err),
            events::route_output_failed(context, record),
        )
    };
    ledger.done(call.cause, verdict, ns, written);
}

#[inline(always)]
pub(crate) fn arp(
    ret: i32,
    call: &Call,
    arp: &Arp,
    ns: u64,
    ledger: &Ledger,
    context: HandlerContext<'_>,
) {
    if !filter::passes_at_end(ret != 0, || [call.device.name()]) {
        return ledger.filtered();
    }
    let written: Written = events::arp_process(context, || {
        let device = call.device.ip();
        let mut record = events::ArpProcess::zeroed();
        record.ns = ns;
        record.net = call.net.inum();
        record.sender = arp.sender;
        record.target = arp.target;
        record.ret = ret;
        record.op = arp.operation;
        record.rp_filter = device.rp_filter(call.net);
        record.no_addr = !device.has_address();
        record.dev = call.device.name();
        record
    });
    ledger.done(call.cause, Verdict::Returned(ret), ns, written);
}

/// The room for the name of a table.
const TABLE_NAME: usize = 12;

/// The name of a table, or its number in decimal, with NUL.
fn table_name(table: u32) -> [u8; TABLE_NAME] {
    match table {
        253 => *b"default\0\0\0\0\0",
        254 => *b"main\0\0\0\0\0\0\0\0",
        255 => *b"local\0\0\0\0\0\0\0",
        _ => decimal(table),
    }
}

/// A number in decimal, with NUL.
#[cold]
fn decimal(mut rest: u32) -> [u8; TABLE_NAME] {
    let mut text = [0; TABLE_NAME];
    let digits = rest.checked_ilog10().unwrap_or(0) as usize;
    for slot in text.iter_mut().take(digits.wrapping_add(1)).rev() {
        *slot = b'0' + (rest % 10) as u8;
        rest /= 10;
    }
    text
}
