// SPDX-License-Identifier: GPL-2.0

//! The return of each probed function: its result, and the event that says so.
//!
//! This runs in handler context, and is to be quick.

mod lookups;
mod neighbours;
mod packets;

use faultline::{
    net::{
        reason_bytes,
        Gateway,
        Ipv4,
        Ipv6, //
    },
    probe::Return,
    trace::Record, //
};

use crate::{
    call::Arguments,
    ended::Ended,
    events::{
        self,
        Reason, //
    },
    family::Probed,
    handler::Calls,
    ledger::error_name, //
};

pub(crate) use lookups::lookup;
pub(crate) use neighbours::{
    arp,
    arp_sent,
    ndisc,
    ndisc_sent,
    source, //
};
pub(crate) use packets::validate;

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
            packets::input(F::input_result(ret.ret()), ended, *packet, addresses);
        }
        Arguments::Output(asked) => packets::output(ret.ret(), ret.ret(), ended, asked),
        Arguments::Rules { flow, search } => lookups::rules(ret.ret(), ended, *flow, *search),
        Arguments::Lookup { flow, table, found } => {
            lookups::lookup(ret.ret(), ended, *flow, *table, *found);
        }
        Arguments::Suppress { rule, chosen } => {
            lookups::suppress(ret.ret::<usize>() as u8 != 0, ended, *rule, *chosen);
        }
        Arguments::Multipath(found) => lookups::multipath(ended, *found),
    }
}
