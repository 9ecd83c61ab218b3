// SPDX-License-Identifier: GPL-2.0

//! Damages dumps at random, and looks whether that is noticed: a dump that is still called
//! complete must be one whose changed bytes nothing rests on. Which those are is computed here from
//! the format, and not by what reads it.
//!
//! `FAULTLINE_TEST_DUMP` names a real dump (kdump-compressed) to damage as well,
//! `FAULTLINE_TEST_DAMAGES` says how often, and `FAULTLINE_TEST_SEED` names another seed.

use super::super::words::Words;
use super::*;
use crate::dump::codec::{Codec, LZO, SNAPPY, ZLIB, ZSTD};
use crate::dump::descriptor::{Descriptor, DESCRIPTOR_BYTES};
use crate::dump::testing::{Machine, Record};
use crate::dump::tests::{bytes, unwatched};
use crate::dump::Dump;
use crate::fault::case::Case;
use crate::fault::mode;
use crate::klog::line::Line;
use crate::klog::story::Story;
use crate::verdict;
use crate::verdict::expected::Expected;
use crate::verdict::stage::Stage;
use std::collections::BTreeMap;
use std::ops::Range;

const DAMAGES: u64 = 300;
const SEED: u64 = 0x1505_2026;

/// Numbers that only look random: xorshift.
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }
    fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit.max(1)
    }
    /// A length up to `limit`: as often short as long.
    fn length(&mut self, limit: u64) -> u64 {
        let bits = 64 - limit.max(1).leading_zeros() as u64;
        let least = 1 << self.below(bits);
        (least + self.below(least)).min(limit)
    }
}

/// Bytes of which some are others.
struct Damaged {
    inner: Arc<dyn Bytes>,
    size: u64,
    /// The pieces by their place; they do not overlap.
    pieces: BTreeMap<u64, Vec<u8>>,
}

impl Bytes for Damaged {
    fn size(&self) -> u64 {
        self.size
    }
    fn read_at(&self, buffer: &mut [u8], at: u64) -> io::Result<()> {
        let end = at + buffer.len() as u64;
        if end > self.size {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.inner.read_at(buffer, at)?;
        let first = self
            .pieces
            .range(..at)
            .next_back()
            .map_or(at, |(place, _)| *place);
        for (place, piece) in self.pieces.range(first..end) {
            let from = at.max(*place);
            let to = end.min(place + piece.len() as u64);
            if from < to {
                let piece = &piece[(from - place) as usize..(to - place) as usize];
                buffer[(from - at) as usize..(to - at) as usize].copy_from_slice(piece);
            }
        }
        Ok(())
    }
}

impl Damaged {
    /// The places of all bytes that are others now.
    fn changed(&self) -> Vec<u64> {
        let mut changed = Vec::new();
        for (place, piece) in &self.pieces {
            let before = source::read_vec(self.inner.as_ref(), *place, piece.len() as u64).unwrap();
            let differ = (*place..).zip(before.iter().zip(piece));
            changed.extend(
                differ
                    .filter(|(_, (old, new))| old != new)
                    .map(|(at, _)| at),
            );
        }
        changed.extend(self.size..self.inner.size());
        changed
    }
}

/// Damages `inner` somewhere in one of its `regions`, and says how.
fn damage(
    inner: &Arc<dyn Bytes>,
    regions: &[(&str, Range<u64>)],
    dice: &mut Dice,
) -> (Damaged, String) {
    let (name, region) = &regions[dice.below(regions.len() as u64) as usize];
    let size = region.end - region.start;
    let at = region.start + dice.below(size);
    let length = dice.length(size / 4).min(region.end - at);
    let mut damaged = Damaged {
        inner: inner.clone(),
        size: inner.size(),
        pieces: BTreeMap::new(),
    };
    let how = match dice.below(4) {
        0 => {
            damaged.pieces.insert(at, vec![0; length as usize]);
            format!("{length} zeroes")
        }
        1 => {
            let noise = (0..length).map(|_| (dice.next() >> 32) as u8).collect();
            damaged.pieces.insert(at, noise);
            format!("{length} bytes of noise")
        }
        2 => {
            damaged.size = at;
            "cut".into()
        }
        _ => {
            let flips = dice.length(1000);
            for _ in 0..flips {
                let at = region.start + dice.below(size);
                let piece = damaged
                    .pieces
                    .entry(at)
                    .or_insert_with(|| source::read_vec(inner.as_ref(), at, 1).unwrap());
                piece[0] ^= 1 << dice.below(8);
            }
            format!("{flips} flips")
        }
    };
    (damaged, format!("{how} in its {name}, at {at:#x}"))
}

/// What is known of an undamaged dump.
struct Whole {
    part: Part,
    found: Option<Vec<String>>,
    /// Where data of pages begin, to which descriptor each belongs.
    pages: BTreeMap<u64, u64>,
}

fn soft() -> Case {
    Case::new(mode::find("soft").unwrap(), None).unwrap()
}

fn examined(bytes: Arc<dyn Bytes>) -> Vmcore {
    let file = File {
        bytes,
        in_place: true,
        damage: None,
    };
    examine(vec![file], 0, &unwatched()).unwrap_or_else(|fault| Vmcore::failed(0, fault))
}

/// What the checks of a complete dump with this log find, if its verdict is a pass.
fn judged(log: &str) -> Option<Vec<String>> {
    let case = soft();
    let mut dump = Dump::only(State::Complete { pages: 1 });
    dump.story = Some(Story::read(case, log));
    let expected = Expected {
        case,
        run_id: None,
        cpus: None,
        threshold: Some(2),
        insists: false,
    };
    let verdict = verdict::dump::judge(&expected, &dump);
    let checks = verdict.checks.into_iter().map(|check| check.found);
    (verdict.stage == Stage::Pass).then(|| checks.collect())
}

impl Whole {
    fn new(bytes: Arc<dyn Bytes>) -> Self {
        let vmcore = examined(bytes.clone());
        assert!(
            matches!(vmcore.state, State::Complete { .. }),
            "{:?}",
            vmcore.state
        );
        let log = vmcore.log.unwrap();
        assert!(
            judged(&log).is_some(),
            "the verdict on the whole dump is no PASS"
        );
        let header = Header::read(bytes.as_ref()).unwrap();
        let part = Part::read(bytes, header).unwrap();
        let length = part.pages * DESCRIPTOR_BYTES;
        let table = source::read_vec(part.bytes.as_ref(), part.descriptors_at, length).unwrap();
        let descriptors = table
            .chunks(DESCRIPTOR_BYTES as usize)
            .map(Descriptor::read);
        let pages = (0..)
            .zip(descriptors)
            .map(|(index, page)| (page.offset, index))
            .collect();
        Whole {
            found: judged(&log),
            part,
            pages,
        }
    }

    fn regions(&self) -> [(&'static str, Range<u64>); 4] {
        let block = u64::from(self.part.header.block_size);
        let bitmaps = block * (1 + self.part.header.sub_header_blocks);
        [
            ("header", 0..bitmaps),
            ("bitmaps", bitmaps..self.part.descriptors_at),
            ("descriptors", self.part.descriptors_at..self.part.data_at),
            ("data", self.part.data_at..self.part.bytes.size()),
        ]
    }

    /// Says what rests on a byte that was changed in a dump which is called complete; none if
    /// nothing does.
    fn rests_on(&self, at: u64, damaged: &Damaged, log_is_same: bool) -> Option<String> {
        let header = &self.part.header;
        let block = u64::from(header.block_size);
        let [_, bitmaps, descriptors, data] = self.regions().map(|(_, region)| region);
        if at < block {
            // Signature, version, the names; status and sizes; the number of page frames.
            let names = [0, 2, 4].map(|field| 12 + field * 65);
            let field = names
                .into_iter()
                .find(|name| (*name..name + 65).contains(&at));
            let text = field
                .map(|name| source::read_vec(self.part.bytes.as_ref(), name, at - name).unwrap());
            let named = text.is_some_and(|text| !text.contains(&0));
            let used = at < 12 || named || (424..444).contains(&at);
            return used.then(|| "the header".into());
        }
        if at < block + 104 {
            let field = at - block;
            let level = Words(&source::read_vec(damaged, block, 104).unwrap()).i32(8);
            let same_level =
                (level & 1, level == 0) == (header.dump_level & 1, header.dump_level == 0);
            let used = match field {
                8..12 => !same_level,
                12..16 | 32..64 | 96..104 => true,
                _ => false,
            };
            return used.then(|| format!("the sub header's byte {field}"));
        }
        if at < bitmaps.start {
            return (!log_is_same).then(|| "notes that the log needs".into());
        }
        if at < descriptors.start {
            // A page frame that is not in the dump may be called memory, or not.
            let second = bitmaps.start + (bitmaps.end - bitmaps.start) / 2;
            let dumped = (0..8).any(|bit| self.part.dumped.has((at - bitmaps.start) * 8 + bit));
            // Two bits of the second one that change in opposite ways move the pages between
            // them to their neighbours' frames, which nothing else in a dump could tell.
            let used = if at >= second {
                !log_is_same
            } else {
                dumped || header.dump_level == 0
            };
            return used.then(|| "the bitmaps".into());
        }
        if at < data.start {
            let field = (at - descriptors.start) % DESCRIPTOR_BYTES;
            return (field < 16).then(|| "a page's descriptor".into());
        }
        let (offset, index) = self.pages.range(..=at).next_back()?;
        let place = self.part.descriptors_at + index * DESCRIPTOR_BYTES;
        let page = Descriptor::read(
            &source::read_vec(self.part.bytes.as_ref(), place, DESCRIPTOR_BYTES).unwrap(),
        );
        if at >= offset + u64::from(page.size) {
            return None;
        }
        if header.shares_zeroes() && *offset == data.start {
            return Some("the page of zeroes".into());
        }
        let content = |bytes: &dyn Bytes| {
            let data = source::read_vec(bytes, page.offset, page.size.into()).ok()?;
            Codec::new(block as usize)
                .page(page.flags, &data)
                .ok()
                .map(<[u8]>::to_vec)
        };
        let (before, after) = (content(self.part.bytes.as_ref()), content(damaged));
        match after {
            None => Some("a page that cannot be decompressed".into()),
            after if after == before => None,
            _ if page.flags == ZLIB => Some("a page with a sum".into()),
            // Nobody can know what it was; the verdict rests on what the log says.
            _ => (!log_is_same).then(|| "a page that the log needs".into()),
        }
    }

    /// Damages it, so many times.
    fn damage(&self, name: &str, seed: u64, damages: u64) {
        let mut dice = Dice(seed);
        let (mut noticed, mut outside) = (0, 0);
        for number in 0..damages {
            let (damaged, how) = damage(&self.part.bytes, &self.regions(), &mut dice);
            let damaged = Arc::new(damaged);
            let vmcore = examined(damaged.clone());
            let State::Complete { .. } = vmcore.state else {
                noticed += 1;
                continue;
            };
            let log = vmcore.log.unwrap();
            let found = judged(&log);
            if found.is_none() {
                noticed += 1;
                continue;
            }
            let same = found == self.found;
            for at in damaged.changed() {
                if let Some(what) = self.rests_on(at, &damaged, same) {
                    panic!("{name}, seed {seed:#x}, number {number}: {how}: taken for complete, and {what} has changed at {at:#x}");
                }
            }
            outside += 1;
        }
        println!("{name}, seed {seed:#x}: {noticed} of {damages} noticed, {outside} that nothing rests on");
        assert!(noticed > damages / 2, "{name}: only {noticed} were noticed");
    }
}

fn seed() -> u64 {
    let given = std::env::var("FAULTLINE_TEST_SEED").ok();
    given.map_or(SEED, |text| text.parse().unwrap())
}

/// A machine with the log of a real one.
fn machine() -> Machine {
    let log = include_str!("../../../tests/data/soft.log");
    let records: Vec<Record<'_>> = log
        .lines()
        .map(Line::parse)
        .map(|line| {
            let caller = line.caller.unwrap_or("T0");
            let number: u32 = caller[1..].parse().unwrap();
            let cpu = if caller.starts_with('C') { 1 << 31 } else { 0 };
            (
                (line.time.unwrap_or(0.0) * 1e9) as u64,
                number | cpu,
                line.text,
            )
        })
        .collect();
    Machine::new(&records, 10, 16)
}

#[test]
fn random_damage_of_every_kind_of_dump() {
    for (name, flags) in [
        ("plain", 0),
        ("zlib", ZLIB),
        ("lzo", LZO),
        ("snappy", SNAPPY),
        ("zstd", ZSTD),
    ] {
        let dump = machine().kdump(flags, 31, None, true);
        Whole::new(bytes(&dump)).damage(name, seed(), DAMAGES);
    }
}

#[test]
fn random_damage_of_a_real_dump() {
    let Some(path) = std::env::var_os("FAULTLINE_TEST_DUMP") else {
        println!("FAULTLINE_TEST_DUMP names no dump");
        return;
    };
    let file = std::fs::File::open(&path).unwrap();
    let bytes = Arc::new(source::Plain::new(file).unwrap());
    let damages = std::env::var("FAULTLINE_TEST_DAMAGES").ok();
    let damages = damages.map_or(DAMAGES, |text| text.parse().unwrap());
    Whole::new(bytes).damage(&path.to_string_lossy(), seed(), damages);
}
