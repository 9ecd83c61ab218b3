// SPDX-License-Identifier: GPL-2.0

//! A call that is followed: what is kept of it from its entry to its return.

use faultline::{
    memory::KernelPtr,
    net::{
        Arp,
        Device,
        Family,
        Flow,
        Found,
        Ipv6,
        Name,
        Ndisc,
        Net,
        Packet,
        Rule,
        RulesSearch,
        Table,
        NAME_SIZE,
        V4,
        V6, //
    },
    probe::ContextLevel, //
};

use crate::{
    cause::Cause,
    tree::Tree, //
};

/// A call that is followed to its return.
#[derive(Clone, Copy)]
pub(crate) struct Call {
    pub(crate) entered_ns: u64,
    pub(crate) net: KernelPtr<Net>,
    /// By which the packet came, if there is one.
    pub(crate) device: KernelPtr<Device>,
    pub(crate) tree: Tree,
    /// Whether it passes the filters, as far as that is known.
    pub(crate) passes: bool,
    /// What it is made for.
    pub(crate) cause: Cause,
    /// What is made in it is made for this.
    pub(crate) gives: Cause,
    /// What was interrupted when it was made; see [`HandlerContext::level`].
    pub(crate) level: ContextLevel,
    /// `None` if nothing has to be known of its result: it is followed for the sake of what is
    /// made in it.
    pub(crate) about: Option<About>,
}

/// The arguments of a call.
#[derive(Clone, Copy)]
pub(crate) enum About {
    V4(Arguments<V4>),
    V6(Arguments<V6>),
    Validate {
        packet: KernelPtr<Packet>,
        addresses: Addresses<V4>,
        oif: i32,
    },
    Arp(Arp),
    ArpSent(Arp),
    Ndisc(Ndisc),
    NdiscSent {
        message: Ndisc,
        dst: Ipv6,
    },
    Source {
        dst: Ipv6,
        device: KernelPtr<Device>,
        prefs: u32,
        chosen: KernelPtr<Ipv6>,
    },
}

/// The arguments of what both families have.
#[derive(Clone, Copy)]
pub(crate) enum Arguments<F: Family> {
    Input {
        packet: KernelPtr<Packet>,
        addresses: Addresses<F>,
    },
    Output(Asked<F>),
    /// A search changes none of its arguments but the result, so they are still there when it
    /// returns.
    Rules {
        flow: KernelPtr<Flow<F>>,
        search: KernelPtr<RulesSearch<F>>,
    },
    /// The same holds for a lookup.
    Lookup {
        flow: KernelPtr<Flow<F>>,
        table: KernelPtr<Table<F>>,
        found: KernelPtr<Found<F>>,
    },
    Suppress {
        rule: KernelPtr<Rule<F>>,
        chosen: F::Chosen,
    },
    Multipath(KernelPtr<Found<F>>),
}

/// What a way out is asked for. The kernel fills in what was left open there, so
/// it is taken before.
#[derive(Clone, Copy)]
pub(crate) struct Asked<F: Family> {
    pub(crate) src: F::Address,
    pub(crate) dst: F::Address,
    pub(crate) mark: u32,
    pub(crate) oif: i32,
    pub(crate) uid: u32,
    pub(crate) sport: u16,
    pub(crate) dport: u16,
    pub(crate) proto: u8,
    pub(crate) flags: u8,
    pub(crate) tos: u8,
}

impl<F: Family> Asked<F> {
    /// What a flow asks for.
    #[inline(always)]
    pub(crate) fn of(flow: KernelPtr<Flow<F>>) -> Self {
        let proto = flow.protocol();
        let (sport, dport) = match proto {
            0 => (0, 0),
            _ => F::ports(flow),
        };
        Self {
            src: F::source(flow),
            dst: F::destination(flow),
            mark: flow.mark(),
            oif: flow.oif(),
            uid: flow.uid(),
            sport,
            dport,
            proto,
            flags: flow.flags(),
            tos: F::tos(flow),
        }
    }
}

#[derive(Clone, Copy)]
pub(crate) struct Addresses<F: Family> {
    pub(crate) src: F::Address,
    pub(crate) dst: F::Address,
    pub(crate) tos: u8,
}

/// The index of the loopback device, in every namespace.
const LOOPBACK: i32 = 1;

/// The name of the loopback device, in every namespace.
const LO: Name = {
    let mut name = [0; NAME_SIZE];
    name[0] = b'l';
    name[1] = b'o';
    name
};

impl Call {
    /// The name of the device with this index; nothing for 0, which is none.
    pub(crate) fn name(&self, net: KernelPtr<Net>, index: i32) -> Name {
        match index {
            0 => [0; NAME_SIZE],
            LOOPBACK => LO,
            _ if !self.device.is_null() && self.device.index() == index => self.device.name(),
            _ => net.device(index).name(),
        }
    }
}
