// SPDX-License-Identifier: GPL-2.0

//! The filters: what users set, as handlers compare it.
//!
//! Each filter is in atomics of its own, so that a handler reads it without a
//! lock and a change is seen by the next hit. Which of them are set is in one
//! more, [`SET`], and as long as that is none a handler looks at nothing else.

use core::sync::atomic::{
    AtomicU32,
    Ordering, //
};

use faultline::{
    net::{
        Name,
        NAME_SIZE, //
    },
    params::Refusal, //
};

use crate::{
    cause::Cause,
    compare::{
        Addresses,
        Masked,
        Together, //
    },
    family::Probed,
    targets::{
        Families,
        Target,
        EVERY_EVENT, //
    },
    text::{
        decimal,
        number,
        Parts, //
    }, //
};

/// Which filters are set, as bits. A bit is set after the filter itself.
static SET: AtomicU32 = AtomicU32::new(0);
const SET_SRC: u32 = 1 << 0;
const SET_DST: u32 = 1 << 1;
const SET_MARK: u32 = 1 << 2;
const SET_TABLE: u32 = 1 << 3;
const SET_CAUSES: u32 = 1 << 4;
const SET_NETNS: u32 = 1 << 5;
const SET_DEV: u32 = 1 << 6;
const SET_ERRORS_ONLY: u32 = 1 << 7;
const SET_FAMILY: u32 = 1 << 8;
/// Those that need to know how the first call for a packet ended.
const AT_END: u32 = SET_DEV | SET_ERRORS_ONLY;
/// Those that the first call for a packet decides when it begins.
const OF_PACKET: u32 = SET_SRC | SET_DST | SET_MARK | SET_NETNS | SET_FAMILY;
/// Those that each call decides for itself.
const OF_CALL: u32 = SET_TABLE | SET_CAUSES;

/// Notes whether a filter is set.
fn note(filter: u32, is_set: bool) {
    if is_set {
        SET.fetch_or(filter, Ordering::Release);
    } else {
        SET.fetch_and(!filter, Ordering::Relaxed);
    }
}

static SRC: Addresses = Addresses::any();
static DST: Addresses = Addresses::any();
/// The families that are wanted.
static FAMILIES: AtomicU32 = AtomicU32::new(Families::BOTH.bits());
static MARK: Masked = Masked::any();
/// The number of the table, 0 for any.
static TABLE: AtomicU32 = AtomicU32::new(0);
/// The number of the namespace, 0 for any.
static NETNS: AtomicU32 = AtomicU32::new(0);
/// A bit for each cause.
static CAUSES: AtomicU32 = AtomicU32::new(u32::MAX);
/// The name of the device in two words, each with half of it.
static DEV: Together<2> = Together::new();

/// The events that are wanted, as bits.
static EVENTS: AtomicU32 = AtomicU32::new(EVERY_EVENT);

/// What is known of a packet when the first call for it begins.
pub(crate) struct Facts<F: Probed> {
    pub(crate) src: F::Address,
    pub(crate) dst: F::Address,
    /// `None` if there is none, so that only any matches.
    pub(crate) mark: Option<u32>,
}

impl<F: Probed> Facts<F> {
    /// Nothing is known.
    pub(crate) fn none() -> Self {
        Self {
            src: Default::default(),
            dst: Default::default(),
            mark: None,
        }
    }
}

/// Returns whether any filter is set.
#[inline(always)]
pub(crate) fn is_set() -> bool {
    SET.load(Ordering::Acquire) != 0
}

/// Returns whether a packet passes, as far as this is known when the first call for it begins.
/// `facts` and `netns`, the number of its namespace or 0 if that is not known yet, are asked if
/// it matters.
#[inline(always)]
pub(crate) fn packet_passes<F: Probed>(
    facts: impl FnOnce() -> Facts<F>,
    netns: impl FnOnce() -> u32,
) -> bool {
    if SET.load(Ordering::Acquire) & OF_PACKET == 0 {
        return true;
    }
    let facts = facts();
    families().meet(F::FAMILIES)
        && F::address_matches(&DST, facts.dst)
        && F::address_matches(&SRC, facts.src)
        && match facts.mark {
            Some(mark) => MARK.matches(mark),
            None => MARK.is_any(),
        }
        && match NETNS.load(Ordering::Relaxed) {
            0 => true,
            wanted => {
                let netns = netns();
                netns == wanted || netns == 0
            }
        }
}

/// Returns whether a packet passes whose namespace is known only when the call ends.
#[inline(always)]
pub(crate) fn netns_passes(netns: impl FnOnce() -> u32) -> bool {
    match NETNS.load(Ordering::Relaxed) {
        0 => true,
        wanted => wanted == netns(),
    }
}

/// Returns whether a call passes, whatever its packet: its event, its cause and, for a lookup, the
/// table.
#[inline(always)]
pub(crate) fn call_passes(target: Target, cause: Cause, table: Option<u32>) -> bool {
    if EVENTS.load(Ordering::Relaxed) & target.bit() == 0 {
        return false;
    }
    let set = SET.load(Ordering::Acquire);
    if set & OF_CALL == 0 {
        return true;
    }
    let wanted = TABLE.load(Ordering::Relaxed);
    CAUSES.load(Ordering::Relaxed) & 1 << cause as u32 != 0
        && (wanted == 0 || table == Some(wanted))
}

/// Returns whether a filter asks for the table of a lookup.
#[inline(always)]
pub(crate) fn asks_for_table() -> bool {
    SET.load(Ordering::Acquire) & SET_TABLE != 0
}

/// Returns whether a filter asks for what is known only when the first call for a packet ends.
#[inline(always)]
pub(crate) fn asks_for_end() -> bool {
    SET.load(Ordering::Acquire) & AT_END != 0
}

/// Returns whether what ended as it did passes. `has_device`, whether it has to do with the
/// device that is filtered for, is asked if it matters.
#[inline(always)]
pub(crate) fn end_passes(failed: bool, has_device: impl FnOnce() -> bool) -> bool {
    let set = SET.load(Ordering::Acquire);
    set & AT_END == 0
        || (set & SET_ERRORS_ONLY == 0 || failed) && (set & SET_DEV == 0 || has_device())
}

/// Returns whether a device is filtered for, and is one of these.
#[inline(always)]
pub(crate) fn device_matches<const N: usize>(devices: impl FnOnce() -> [Name; N]) -> bool {
    if SET.load(Ordering::Acquire) & SET_DEV == 0 {
        return false;
    }
    // What comes while the name is being changed does not match.
    DEV.get()
        .is_some_and(|wanted| devices().iter().any(|name| words(name) == wanted))
}

/// Sets which events are wanted; returns which were before.
pub(crate) fn set_events(events: u32) -> u32 {
    EVENTS.swap(events, Ordering::Relaxed)
}

/// The events that are wanted, as bits.
pub(crate) fn events() -> u32 {
    EVENTS.load(Ordering::Relaxed)
}

/// Sets which families are wanted; returns which were before.
pub(crate) fn set_families(families: Families) -> Families {
    let before = FAMILIES.swap(families.bits(), Ordering::Relaxed);
    note(SET_FAMILY, families.bits() != Families::BOTH.bits());
    Families::from_bits(before)
}

/// The families that are wanted.
pub(crate) fn families() -> Families {
    Families::from_bits(FAMILIES.load(Ordering::Relaxed))
}

/// A name in two words, without what follows its NUL.
fn words(name: &[u8]) -> [u64; 2] {
    let mut words = [0; 2];
    let mut bytes = name.iter().take_while(|&&byte| byte != 0);
    for word in &mut words {
        for shift in [0, 8, 16, 24, 32, 40, 48, 56] {
            *word |= bytes.next().map_or(0, |&byte| u64::from(byte)) << shift;
        }
    }
    words
}

pub(crate) fn set_src(text: &str) -> Result<(), Refusal> {
    note(SET_SRC, SRC.set(text)?);
    Ok(())
}

pub(crate) fn set_dst(text: &str) -> Result<(), Refusal> {
    note(SET_DST, DST.set(text)?);
    Ok(())
}

pub(crate) fn set_mark(text: &str) -> Result<(), Refusal> {
    let (value, mask) = parse_mark(text.as_bytes()).ok_or(Refusal::because(
        "any, or a mark as 0x1 or 0x1/0xff is allowed",
    ))?;
    MARK.set(value, mask);
    note(SET_MARK, mask != 0);
    Ok(())
}

/// A mark and which of its bits count.
fn parse_mark(text: &[u8]) -> Option<(u32, u32)> {
    if text == b"any" {
        return Some((0, 0));
    }
    let mut parts = Parts::of(text, b'/');
    let value = number(parts.next()?)?;
    let mask = parts.next().map_or(Some(u32::MAX), number)?;
    parts.next().is_none().then_some((value, mask))
}

pub(crate) fn set_table(text: &str) -> Result<(), Refusal> {
    let table = match text {
        "any" => Some(0),
        "default" => Some(253),
        "main" => Some(254),
        "local" => Some(255),
        _ => decimal(text.as_bytes()).filter(|&table| table > 0),
    };
    let table = table.ok_or(Refusal::because(
        "any, main, local, default or a number from 1 is allowed",
    ))?;
    TABLE.store(table, Ordering::Relaxed);
    note(SET_TABLE, table != 0);
    Ok(())
}

pub(crate) fn set_cause(text: &str) -> Result<(), Refusal> {
    let causes = if text == "any" {
        Some(u32::MAX)
    } else {
        Parts::of(text.as_bytes(), b',').try_fold(0, |causes, name| {
            let mut known = Cause::ALL.iter();
            let cause = known.find(|cause| cause.name().as_bytes() == name)?;
            Some(causes | 1 << *cause as u32)
        })
    };
    let causes = causes.ok_or(Refusal::because(
        "any, or words of input, validate, arp, ndisc, output, other with commas between are \
         allowed",
    ))?;
    CAUSES.store(causes, Ordering::Relaxed);
    note(SET_CAUSES, causes != u32::MAX);
    Ok(())
}

pub(crate) fn set_netns(number: u32) -> Result<(), Refusal> {
    NETNS.store(number, Ordering::Relaxed);
    note(SET_NETNS, number != 0);
    Ok(())
}

pub(crate) fn set_errors_only(is_set: bool) -> Result<(), Refusal> {
    note(SET_ERRORS_ONLY, is_set);
    Ok(())
}

pub(crate) fn set_dev(text: &str) -> Result<(), Refusal> {
    let printable = text
        .bytes()
        .all(|byte| byte.is_ascii_graphic() && byte != b'/');
    if text.is_empty() || text.len() >= NAME_SIZE || !printable {
        return Err(Refusal::because(
            "any, or the name of a device of at most 15 letters is allowed",
        ));
    }
    if text == "any" {
        note(SET_DEV, false);
        return Ok(());
    }
    DEV.set(words(text.as_bytes()));
    note(SET_DEV, true);
    Ok(())
}
