// SPDX-License-Identifier: GPL-2.0

//! The calls of the probed functions: what is taken from their arguments, and
//! what is made of their results.
//!
//! Everything here runs in the handlers of probes, and so must not sleep, not
//! allocate, and be quick.

use faultline::{
    kretprobe::{
        Entry,
        Handler,
        Return, //
    },
    memory::KernelPtr,
    net::{
        Address,
        Arp,
        Device,
        Flow,
        Found,
        Gateway,
        Name,
        Net,
        Packet,
        Route,
        Table,
        NAME_SIZE, //
    },
    prelude::*,
    probe::{
        Handling,
        Level, //
    },
    time,
    trace::route::{
        self,
        Written, //
    }, //
};

use crate::{
    filter::{
        self,
        Facts, //
    },
    ledger::{
        Ledger,
        Verdict, //
    },
    targets::{
        Target,
        ALL, //
    }, //
};

/// What a call is made for: the innermost probed call in which it is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Cause {
    /// None of the others, as a lookup for a user (`ip route get`).
    Other,
    /// The way of a packet that came in.
    Input,
    /// The validation of a source.
    Validate,
    /// The way to what a request of ARP is about.
    Arp,
    /// The way of a packet of our own.
    Output,
}

impl Cause {
    /// In the order of their numbers, which those of the events are.
    pub(crate) const ALL: [Self; 5] = [
        Self::Other,
        Self::Input,
        Self::Validate,
        Self::Arp,
        Self::Output,
    ];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Other => "other",
            Self::Input => "input",
            Self::Validate => "validate",
            Self::Arp => "arp",
            Self::Output => "output",
        }
    }
}

/// A call that is followed to its return.
#[derive(Clone, Copy)]
pub(crate) struct Call {
    entered_ns: u64,
    net: KernelPtr<Net>,
    /// By which the packet came, if there is one.
    device: KernelPtr<Device>,
    /// What it is made for.
    cause: Cause,
    /// What is made in it is made for this.
    gives: Cause,
    /// What was interrupted when it was made; see [`Handling::level`].
    level: Level,
    /// `None` if it was filtered, and is followed for the sake of what is made
    /// in it.
    about: Option<About>,
}

/// The arguments of a call.
#[derive(Clone, Copy)]
enum About {
    Arp(Arp),
    Input {
        packet: KernelPtr<Packet>,
        addresses: Addresses,
    },
    Validate {
        packet: KernelPtr<Packet>,
        addresses: Addresses,
        oif: i32,
    },
    Output(Asked),
    /// A lookup changes none of its arguments but the result, so they are still
    /// there when it returns.
    Lookup {
        flow: KernelPtr<Flow>,
        table: KernelPtr<Table>,
        found: KernelPtr<Found>,
    },
}

/// What a way out is asked for. The kernel fills in what was left open there, so
/// it is taken before.
#[derive(Clone, Copy)]
struct Asked {
    src: Address,
    dst: Address,
    mark: u32,
    oif: i32,
    tos: u8,
}

#[derive(Clone, Copy)]
struct Addresses {
    src: Address,
    dst: Address,
    tos: u8,
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

/// Handles the calls, and counts them.
pub(crate) struct Calls {
    ledgers: [Ledger; ALL.len()],
}

impl Calls {
    pub(crate) fn new() -> Result<Self> {
        Ok(Self {
            ledgers: [
                Ledger::new()?,
                Ledger::new()?,
                Ledger::new()?,
                Ledger::new()?,
                Ledger::new()?,
            ],
        })
    }

    pub(crate) fn ledger(&self, target: usize) -> Option<&Ledger> {
        self.ledgers.get(target)
    }
}

impl Handler for Calls {
    type Data = Call;

    const COUNTS_MISSED: bool = true;

    fn missed(&self, probe: usize, _here: &Handling<'_>) {
        if let Some(ledger) = self.ledgers.get(probe) {
            ledger.missed();
        }
    }

    #[inline]
    fn entry(&self, entry: &Entry<'_, Self>, here: &Handling<'_>) -> Option<Call> {
        let ledger = self.ledgers.get(entry.probe())?;
        ledger.entered();
        // The probes are registered in the order of the targets.
        let target = Target::at(entry.probe())?;
        let outer = entry.enclosing().map(|(_, outer)| outer);
        // Nothing is made in a lookup, so its level matters only beside that of an outer call.
        let level = match (outer, target) {
            (None, Target::Lookup) => Level::default(),
            _ => here.level(),
        };
        // What an interrupt does is not done for what it interrupted.
        let outer = outer.filter(|outer| outer.level == level);
        let around = Around {
            cause: outer.map_or(Cause::Other, |outer| outer.gives),
            net: outer.map_or(KernelPtr::NULL, |outer| outer.net),
            device: outer.map_or(KernelPtr::NULL, |outer| outer.device),
            level,
        };
        match target {
            Target::Lookup => enter_lookup(entry, &around, ledger),
            Target::Input => enter_input(entry, &around, ledger),
            Target::Validate => enter_validate(entry, &around, ledger),
            Target::Output => enter_output(entry, &around, ledger),
            Target::Arp => enter_arp(entry, &around, ledger),
        }
    }

    #[inline]
    fn ret(&self, ret: &Return<'_>, call: &Call, here: &Handling<'_>) {
        let Some(ledger) = self.ledgers.get(ret.probe()) else {
            return;
        };
        let Some(about) = &call.about else {
            return;
        };
        let ns = time::monotonic_ns().saturating_sub(call.entered_ns);
        match about {
            About::Lookup { flow, table, found } => {
                let lookup = (*flow, *table, *found);
                leave_lookup(ret.ret(), call, lookup, ns, ledger, here);
            }
            About::Input { packet, addresses } => {
                leave_input(ret.ret(), call, (*packet, addresses), ns, ledger, here);
            }
            About::Validate {
                packet,
                addresses,
                oif,
            } => {
                let validate = (*packet, addresses, *oif);
                leave_validate(ret.ret(), call, validate, ns, ledger, here);
            }
            About::Output(asked) => {
                leave_output(ret.ret(), ret.ret(), call, asked, ns, ledger, here);
            }
            About::Arp(arp) => leave_arp(ret.ret(), call, arp, ns, ledger, here),
        }
    }
}

/// What is known of a call before its arguments are looked at.
struct Around {
    /// What it is made for.
    cause: Cause,
    /// Those of the call in which it is made, if there is one.
    net: KernelPtr<Net>,
    device: KernelPtr<Device>,
    level: Level,
}

impl Around {
    /// The call, of which these are the arguments.
    #[inline(always)]
    fn call(&self, about: Option<About>) -> Call {
        Call {
            entered_ns: time::monotonic_ns(),
            net: self.net,
            device: self.device,
            cause: self.cause,
            gives: self.cause,
            level: self.level,
            about,
        }
    }

    /// The call, or what has to be kept of it if it does not pass.
    #[inline(always)]
    fn call_if(&self, passes: bool, ledger: &Ledger, gives: Cause, about: About) -> Option<Call> {
        if !passes {
            ledger.filtered();
        }
        Some(Call {
            gives,
            ..self.call(passes.then_some(about))
        })
    }
}

/// `fib_table_lookup(table, flow, result, flags)`. Nothing is made in it, so if
/// it does not pass it is not followed.
#[inline(always)]
fn enter_lookup(entry: &Entry<'_, Calls>, around: &Around, ledger: &Ledger) -> Option<Call> {
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
fn enter_input(entry: &Entry<'_, Calls>, around: &Around, ledger: &Ledger) -> Option<Call> {
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
fn enter_validate(entry: &Entry<'_, Calls>, around: &Around, ledger: &Ledger) -> Option<Call> {
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
fn enter_output(entry: &Entry<'_, Calls>, around: &Around, ledger: &Ledger) -> Option<Call> {
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
fn enter_arp(entry: &Entry<'_, Calls>, around: &Around, ledger: &Ledger) -> Option<Call> {
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

impl Call {
    /// The name of the device with this index; nothing for 0, which is none.
    fn name(&self, net: KernelPtr<Net>, index: i32) -> Name {
        match index {
            0 => [0; NAME_SIZE],
            LOOPBACK => LO,
            _ if !self.device.is_null() && self.device.index() == index => self.device.name(),
            _ => net.device(index).name(),
        }
    }
}

#[inline(always)]
fn leave_lookup(
    err: i32,
    call: &Call,
    (flow, table, found): (KernelPtr<Flow>, KernelPtr<Table>, KernelPtr<Found>),
    ns: u64,
    ledger: &Ledger,
    here: &Handling<'_>,
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
        let mut record = route::Lookup::zeroed();
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
        Some(found) => (Verdict::Kind(found.kind()), route::fib_lookup(here, record)),
        None => (Verdict::Error(err), route::fib_lookup_failed(here, record)),
    };
    ledger.done(call.cause, verdict, ns, written);
}

#[inline(always)]
fn leave_input(
    ret: i32,
    call: &Call,
    (packet, addresses): (KernelPtr<Packet>, &Addresses),
    ns: u64,
    ledger: &Ledger,
    here: &Handling<'_>,
) {
    if !filter::passes_at_end(ret != 0, || [call.device.name()]) {
        return ledger.filtered();
    }
    let written = route::ip_route_input(here, || {
        let mut record = route::Input::zeroed();
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
fn leave_validate(
    ret: i32,
    call: &Call,
    (packet, addresses, oif): (KernelPtr<Packet>, &Addresses, i32),
    ns: u64,
    ledger: &Ledger,
    here: &Handling<'_>,
) {
    let devices = || [call.device.name(), call.name(call.net, oif)];
    if !filter::passes_at_end(ret < 0, devices) {
        return ledger.filtered();
    }
    let written = route::fib_validate_source(here, || {
        let mut record = route::Validate::zeroed();
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
fn leave_output(
    route: KernelPtr<Route>,
    returned: isize,
    call: &Call,
    asked: &Asked,
    ns: u64,
    ledger: &Ledger,
    here: &Handling<'_>,
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
        let mut record = route::Output::zeroed();
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
            Verdict::Kind(route.kind()),
            route::route_output(here, record),
        )
    } else {
        (
            Verdict::Error(err),
            route::route_output_failed(here, record),
        )
    };
    ledger.done(call.cause, verdict, ns, written);
}

#[inline(always)]
fn leave_arp(ret: i32, call: &Call, arp: &Arp, ns: u64, ledger: &Ledger, here: &Handling<'_>) {
    if !filter::passes_at_end(ret != 0, || [call.device.name()]) {
        return ledger.filtered();
    }
    let written: Written = route::arp_process(here, || {
        let device = call.device.ip();
        let mut record = route::ArpProcess::zeroed();
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
