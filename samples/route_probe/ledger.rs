// SPDX-License-Identifier: GPL-2.0

//! The ledger: what became of each hit of a probe, and the statistics of those
//! that were recorded.
//!
//! # How it balances
//!
//! Each call that a handler sees is `entered` when it begins, and when it ends,
//! or does not pass a filter, one of `recorded`, `filtered` and `lost`. What no
//! handler sees is `missed`. So, in one reading and at any time,
//!
//! ```text
//! hits = recorded + filtered + lost + missed + in_flight
//! hits = entered + missed
//! ```
//!
//! where `in_flight` are the calls that have not ended, or are made for a packet of which it is
//! not known yet whether it passes. A reading takes the ends
//! before the beginnings, so that no call is seen to end that has not begun.
//!
//! Counters only ever grow. A reset keeps what they were, and later readings
//! show the difference; calls that are in flight then count as hits from after
//! the reset, when they will end.

use core::{
    fmt,
    sync::atomic::{
        fence,
        AtomicU64,
        Ordering, //
    }, //
};

use faultline::{
    memory::percpu::Counters,
    net::{
        drop_reason_name,
        reason_name, //
    },
    prelude::*,
    probe::Missed,
    trace::{
        Names,
        Written, //
    }, //
};

use crate::{
    cause::Cause,
    events::Types,
    targets::{
        Description,
        Target,
        COUNT, //
    }, //
};

const ENTERED: usize = 0;
const MISSED: usize = 1;
const FILTERED: usize = 2;
const RECORDED: usize = 3;
const LOST: usize = 4;
/// Where the misses that the kernel counts are, in what a reset keeps.
const BUSY: usize = 5;
const CAUSES: usize = 8;
/// How many there are with a time of less than 1, 2, 4, ... ns.
const TIMES: usize = 16;
const TIMES_LEN: usize = 40;
const VERDICTS: usize = TIMES + TIMES_LEN;
const VERDICTS_LEN: usize = 240;
const LEN: usize = VERDICTS + VERDICTS_LEN;

/// What a call came to.
#[derive(Clone, Copy)]
pub(crate) enum Verdict {
    /// A route of this type.
    RouteType(u8),
    /// An errno, which is less than 0.
    Error(i32),
    /// What the function returned, without its sign.
    Returned(i32),
}

/// How many types of routes there are.
const ROUTE_TYPES: usize = 16;

/// Stands among the errnos for a packet that is not for this machine, which does not forward.
pub(crate) const FORWARDING_OFF: i32 = -1000;

/// The errnos of a lookup, counted after the types of routes, and what they mean.
const ERRORS: [(i32, &str); 10] = [
    (-11, "no_match_or_throw"),
    (-13, "prohibit"),
    (-22, "blackhole"),
    (-113, "unreachable"),
    (-101, "net_unreachable"),
    (-19, "no_device"),
    (-105, "no_buffers"),
    (-3, "no_rule"),
    (-99, "no_address"),
    (FORWARDING_OFF, "forwarding_off"),
];
/// Where what functions return is counted, after the errnos and one place for those without a name.
const RETURNED: usize = ROUTE_TYPES + ERRORS.len() + 1;

/// The word for an errno that is less than 0; empty for 0.
pub(crate) fn error_name(err: i32) -> &'static str {
    let known = ERRORS.iter().find(|(errno, _)| *errno == err);
    match known {
        Some((_, name)) => name,
        None if err == 0 => "",
        None => "another",
    }
}

impl Verdict {
    /// Its place among the counters; the last one has all that have none.
    #[inline(always)]
    fn place(self) -> usize {
        let place = match self {
            Self::RouteType(kind) => usize::from(kind).min(ROUTE_TYPES - 1),
            Self::Error(err) => {
                let mut place = ROUTE_TYPES;
                for (errno, _) in ERRORS {
                    if errno == err {
                        break;
                    }
                    place = place.wrapping_add(1);
                }
                place
            }
            Self::Returned(ret) => RETURNED.wrapping_add(ret.unsigned_abs() as usize),
        };
        place.min(VERDICTS_LEN - 1)
    }
}

/// Shows the name of the verdict at a place.
struct VerdictName(Target, usize);

impl fmt::Display for VerdictName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let &Self(target, place) = self;
        if place < ROUTE_TYPES {
            let name = Types::NAMES.get(place).map(|&(_, name)| name);
            return f.write_str(name.unwrap_or("another"));
        }
        if place < RETURNED {
            let name = ERRORS.get(place.wrapping_sub(ROUTE_TYPES));
            return f.write_str(name.map_or("another", |&(_, name)| name));
        }
        let ret = place.wrapping_sub(RETURNED);
        let name = match (target, ret) {
            (Target::Arp, 0) => Some("success"),
            (Target::Arp, 1) => Some("drop"),
            (Target::Suppress | Target::Suppress6, 0) => Some("kept"),
            (Target::Suppress | Target::Suppress6, 1) => Some("suppressed"),
            (Target::Ndisc, 0 | 1) => Some("ok"),
            (Target::ArpSent | Target::NdiscSent, _) => Some("sent"),
            (Target::Multipath | Target::Multipath6, path) => return write!(f, "path_{path}"),
            (_, 0) => Some("ok"),
            (_, 1) => Some("ok_on_link"),
            _ if place == VERDICTS_LEN - 1 => Some("another"),
            (Target::Ndisc, reason) => drop_reason_name(reason as u32),
            (_, reason) => reason_name(reason as u32),
        };
        match name {
            Some(name) => f.write_str(name),
            None => write!(f, "{ret}"),
        }
    }
}

/// The ledgers of all probes.
pub(crate) struct Ledgers(KVec<Arc<Ledger>>);

impl Ledgers {
    pub(crate) fn new() -> Result<Self> {
        let mut ledgers = KVec::with_capacity(COUNT, GFP_KERNEL)?;
        for _ in 0..COUNT {
            let ledger = Arc::new(Ledger::new()?, GFP_KERNEL)?;
            faultline::compat::push(&mut ledgers, ledger)?;
        }
        Ok(Self(ledgers))
    }

    /// The ledger of a function.
    pub(crate) fn of(&self, target: Target) -> Option<&Arc<Ledger>> {
        self.0.get(target as usize)
    }
}

/// The ledger of a probe.
pub(crate) struct Ledger {
    counters: Counters<LEN>,
    /// What they were at the last reset.
    before: KVec<AtomicU64>,
}

impl Ledger {
    pub(crate) fn new() -> Result<Self> {
        let mut before = KVec::with_capacity(LEN, GFP_KERNEL)?;
        for _ in 0..LEN {
            faultline::compat::push(&mut before, AtomicU64::new(0))?;
        }
        Ok(Self {
            counters: Counters::new()?,
            before,
        })
    }

    #[inline(always)]
    pub(crate) fn entered(&self) {
        self.counters.add::<ENTERED>(1);
    }

    #[inline(always)]
    pub(crate) fn missed(&self) {
        self.counters.add::<MISSED>(1);
    }

    #[inline(always)]
    pub(crate) fn filtered(&self) {
        self.ends();
        self.counters.add::<FILTERED>(1);
    }

    /// Whoever sees that a call has ended sees that it has begun: pairs with the fence in
    /// [`show`](Self::show). The task may have changed its CPU in between.
    #[inline(always)]
    fn ends(&self) {
        fence(Ordering::Release);
    }

    /// A call that passed the filters has ended.
    #[inline(always)]
    pub(crate) fn done(&self, cause: Cause, verdict: Verdict, ns: u64, written: Written) {
        self.ends();
        if written == Written::Lost {
            self.counters.add::<LOST>(1);
            return;
        }
        let time = u64::BITS.wrapping_sub(ns.leading_zeros()) as usize;
        self.counters.count(CAUSES.wrapping_add(cause as usize));
        self.counters
            .count(TIMES.wrapping_add(time.min(TIMES_LEN - 1)));
        self.counters.count(VERDICTS.wrapping_add(verdict.place()));
        self.counters.add::<RECORDED>(1);
    }

    /// What a counter has counted since the last reset.
    fn since(&self, at: usize, now: u64) -> u64 {
        let before = self.before.get(at);
        now.wrapping_sub(before.map_or(0, |before| before.load(Ordering::Relaxed)))
    }

    fn count(&self, at: usize) -> u64 {
        self.since(at, self.counters.sum(at))
    }

    /// Writes the ledger, in lines of `<event>.<key> <value>`. `missed` gives
    /// what the kernel has counted.
    pub(crate) fn show(
        &self,
        what: &Description,
        missed: impl FnOnce() -> Missed,
        out: &mut dyn fmt::Write,
    ) -> fmt::Result {
        let event = what.event;
        // The ends before the beginnings.
        let recorded = self.count(RECORDED);
        let filtered = self.count(FILTERED);
        let lost = self.count(LOST);
        fence(Ordering::Acquire);
        let entered = self.count(ENTERED);
        let no_instance = self.count(MISSED);
        let busy = self.since(BUSY, missed().busy);
        let ended = recorded.wrapping_add(filtered).wrapping_add(lost);
        let missed = no_instance.wrapping_add(busy);

        writeln!(out, "{event}.hits {}", entered.wrapping_add(missed))?;
        writeln!(out, "{event}.recorded {recorded}")?;
        writeln!(out, "{event}.filtered {filtered}")?;
        writeln!(out, "{event}.missed {missed}")?;
        writeln!(out, "{event}.missed_busy {busy}")?;
        writeln!(out, "{event}.missed_no_instance {no_instance}")?;
        writeln!(out, "{event}.lost {lost}")?;
        writeln!(out, "{event}.in_flight {}", entered.wrapping_sub(ended))?;
        for cause in Cause::ALL {
            let count = self.count(CAUSES.wrapping_add(cause as usize));
            writeln!(out, "{event}.cause.{} {count}", cause.name())?;
        }
        for place in 0..VERDICTS_LEN {
            let count = self.count(VERDICTS.wrapping_add(place));
            if count > 0 {
                let name = VerdictName(what.target, place);
                writeln!(out, "{event}.result.{name} {count}")?;
            }
        }
        for time in 0..TIMES_LEN {
            let count = self.count(TIMES.wrapping_add(time));
            if count > 0 {
                writeln!(out, "{event}.ns_below.{} {count}", 1_u64 << time)?;
            }
        }
        Ok(())
    }

    /// Begins anew.
    pub(crate) fn reset(&self, missed: Missed) {
        let mut ended: u64 = 0;
        for at in 0..LEN {
            let now = match at {
                BUSY => missed.busy,
                // Below.
                ENTERED => continue,
                _ => self.counters.sum(at),
            };
            let Some(before) = self.before.get(at) else {
                continue;
            };
            if matches!(at, RECORDED | FILTERED | LOST) {
                ended = ended.wrapping_add(now);
            }
            before.store(now, Ordering::Relaxed);
        }
        // What is in flight will be seen to end, so it has to begin after this.
        if let Some(before) = self.before.get(ENTERED) {
            before.store(ended, Ordering::Relaxed);
        }
    }

    /// How many calls were missed since the last reset because there was no
    /// instance for them.
    pub(crate) fn missed_no_instance(&self) -> u64 {
        self.count(MISSED)
    }
}
