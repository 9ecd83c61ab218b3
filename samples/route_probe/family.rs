// SPDX-License-Identifier: GPL-2.0

//! What differs between the probed functions of the two families: where their arguments are, and
//! what their results mean.

use faultline::{
    memory::KernelPtr,
    net::{
        Family,
        Route,
        V4,
        V6, //
    }, //
};

use crate::{
    call::{
        About,
        Arguments,
        Call, //
    },
    compare,
    events::Events,
    ledger::FORWARDING_OFF,
    targets::Families,
    tree::AnyEvent, //
};

/// Which arguments of the probed functions are read, counted from 0.
pub(crate) struct Positions {
    /// Of a lookup: the table, what is looked for, and where the result is written.
    pub(crate) table: usize,
    pub(crate) flow: usize,
    pub(crate) found: usize,
    /// Of what routes a packet of our own: what is looked for.
    pub(crate) asked: usize,
    /// Of what chooses a path: the result that it changes.
    pub(crate) multipath: usize,
}

/// A family whose functions are probed.
pub(crate) trait Probed: Family {
    const FAMILIES: Families;
    const AT: Positions;

    /// Returns whether the filter lets the address pass.
    fn address_matches(filter: &compare::Addresses, address: Self::Address) -> bool;

    /// The arguments of a call, as those of this family.
    fn about(arguments: Arguments<Self>) -> About;

    /// An event, as one of this family.
    fn any(event: Events<Self>) -> AnyEvent;

    /// What route input returned, or 0 if it returns nothing.
    fn input_result(returned: i32) -> i32;

    /// The errno by which a packet that came in is dropped on this route, [`FORWARDING_OFF`], or 0
    /// if it goes on.
    fn input_error(route: KernelPtr<Route<Self>>, call: &Call) -> i32;
}

impl Probed for V4 {
    const FAMILIES: Families = Families::IPV4;
    const AT: Positions = Positions {
        table: 0,
        flow: 1,
        found: 2,
        asked: 1,
        multipath: 0,
    };

    #[inline(always)]
    fn address_matches(filter: &compare::Addresses, address: Self::Address) -> bool {
        filter.match_v4(address)
    }

    #[inline(always)]
    fn about(arguments: Arguments<Self>) -> About {
        About::V4(arguments)
    }

    #[inline(always)]
    fn any(event: Events<Self>) -> AnyEvent {
        AnyEvent::V4(event)
    }

    #[inline(always)]
    fn input_result(returned: i32) -> i32 {
        returned
    }

    /// A packet that would have to be forwarded is given a route that is an error then.
    #[inline(always)]
    fn input_error(route: KernelPtr<Route<Self>>, call: &Call) -> i32 {
        const EHOSTUNREACH: i32 = 113;

        match route.error() {
            error if error == -EHOSTUNREACH && !call.device.ip().forwards() => FORWARDING_OFF,
            error => error,
        }
    }
}

impl Probed for V6 {
    const FAMILIES: Families = Families::IPV6;
    const AT: Positions = Positions {
        table: 1,
        flow: 3,
        found: 4,
        asked: 2,
        multipath: 1,
    };

    #[inline(always)]
    fn address_matches(filter: &compare::Addresses, address: Self::Address) -> bool {
        filter.match_v6(address)
    }

    #[inline(always)]
    fn about(arguments: Arguments<Self>) -> About {
        About::V6(arguments)
    }

    #[inline(always)]
    fn any(event: Events<Self>) -> AnyEvent {
        AnyEvent::V6(event)
    }

    #[inline(always)]
    fn input_result(_: i32) -> i32 {
        0
    }

    /// A packet that would have to be forwarded is given its route, and dropped on it.
    #[inline(always)]
    fn input_error(route: KernelPtr<Route<Self>>, call: &Call) -> i32 {
        const RTN_UNICAST: u8 = 1;

        match route.error() {
            0 if Self::route_kind(route) == RTN_UNICAST && !call.net.forwards_ipv6(call.device) => {
                FORWARDING_OFF
            }
            error => error,
        }
    }
}
