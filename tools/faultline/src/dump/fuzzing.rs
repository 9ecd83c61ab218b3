// SPDX-License-Identifier: GPL-2.0

//! What the fuzz targets do with dumps: whole ones, damaged ones, and what they are made of. See
//! [`crate::fuzzing`].

use super::codec::{Codec, LZO, SNAPPY, ZLIB, ZSTD};
use super::flattened::{self, View};
use super::memory::{Memory, Physical};
use super::source::{self, Bytes, Opened};
use super::testing::{Machine, PAGE, VMCOREINFO};
use super::vmcoreinfo::{self, Vmcoreinfo};
use super::{printk as ring, vmcore as whole, Dump, Fault, State, Watch};
use crate::verdict::infer;
use std::collections::BTreeMap;
use std::io;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, LazyLock};

/// The sizes that a page may have.
const SIZES: [usize; 3] = [PAGE, 4 * PAGE, 16 * PAGE];

/// Bytes in memory.
struct InMemory(Vec<u8>);

impl Bytes for InMemory {
    fn size(&self) -> u64 {
        self.0.len() as u64
    }

    fn read_at(&self, buffer: &mut [u8], at: u64) -> io::Result<()> {
        let from = usize::try_from(at).ok().and_then(|at| self.0.get(at..));
        let from = from.and_then(|from| from.get(..buffer.len()));
        buffer.copy_from_slice(from.ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }
}

fn unwatched() -> Watch<'static> {
    static GO_ON: AtomicBool = AtomicBool::new(false);
    Watch::new(&GO_ON, &|_, _, _| {})
}

/// Reads a file as a dump, and judges what is in it.
pub fn vmcore(bytes: &[u8]) {
    read([bytes.to_vec()].into_iter());
}

fn read(files: impl Iterator<Item = Vec<u8>>) {
    let opened = files.map(|file| Opened {
        bytes: Arc::new(InMemory(file)),
        in_place: true,
    });
    let Ok(input) = whole::read_opened(opened.collect(), &unwatched()) else {
        return;
    };
    let Ok(dump) = Dump::of(input) else {
        return;
    };
    let log = dump.log.clone();
    if let State::Complete { pages } = dump.state {
        assert!(pages > 0 && log.is_some(), "complete, without a log");
    }
    if let Some(log) = log {
        crate::fuzzing::judge(infer::case(&log, None, None), &log, dump);
    }
}

/// A change of a dump: bytes at a place that is counted from the beginning of one of its parts.
#[derive(Debug)]
pub struct Patch {
    pub part: u8,
    pub at: u16,
    pub bytes: Vec<u8>,
}

/// Reads one of the whole dumps with these changes, and cut at the end.
pub fn damaged(number: u8, patches: &[Patch], cut: u16) {
    static DUMPS: LazyLock<Vec<Vec<Vec<u8>>>> = LazyLock::new(|| {
        let machine = machine();
        let part = |from, to| machine.kdump(LZO, 31, Some(from..to), true);
        let split = vec![part(0, 60), part(60, 150)];
        dumps()
            .into_iter()
            .map(|dump| vec![dump])
            .chain([split])
            .collect()
    });
    let mut files = DUMPS[usize::from(number) % DUMPS.len()].clone();
    for patch in patches {
        let file = usize::from(patch.part) % files.len();
        put(&mut files[file], patch);
    }
    if let Some(last) = files.last_mut() {
        last.truncate(last.len() - usize::from(cut).min(last.len()));
    }
    read(files.into_iter());
}

/// The pages at which something begins: headers, notes, bitmaps, descriptors; page tables, the
/// host's name, and the kernel log's structures.
const PARTS: [usize; 16] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 24, 25, 80, 100, 101];

fn put(file: &mut [u8], patch: &Patch) {
    let from = PARTS[usize::from(patch.part) / 2 % PARTS.len()] * PAGE + usize::from(patch.at);
    for (byte, new) in file.iter_mut().skip(from).zip(&patch.bytes) {
        *byte = *new;
    }
}

/// Puts the pieces of a flattened dump at their places, in both ways that there are.
pub fn flattened(bytes: &[u8]) {
    /// Files of any size are sparse; more than this is not compared.
    const MOST: u64 = 1 << 16;

    let inner: Arc<dyn Bytes> = Arc::new(InMemory(bytes.to_vec()));
    let Ok(Some(view)) = View::new(&inner, &unwatched()) else {
        return;
    };
    let mut seen = vec![0; view.size().min(MOST) as usize];
    for (at, byte) in seen.iter_mut().enumerate() {
        // A hole is zeroes in a file.
        let _ = view.read_at(std::slice::from_mut(byte), at as u64);
    }
    let whole = source::read_vec(&view, 0, view.size());
    assert!(whole.is_err() || view.size() > MOST || whole.ok() == Some(seen.clone()));
    let (from, mut to) = (file(bytes), file(&[]));
    let Ok(stream) = flattened::rearrange(from, &mut to) else {
        return;
    };
    let whole = matches!(stream, flattened::Stream::Whole { .. });
    assert_eq!(whole, view.whole, "the two ways differ on the end");
    let mut found = vec![0; seen.len()];
    let to = source::Plain::new(to).unwrap();
    assert_eq!(to.size(), view.size(), "the two ways differ in size");
    to.read_at(&mut found, 0).unwrap();
    assert!(found == seen, "the two ways differ");
}

fn file(bytes: &[u8]) -> std::fs::File {
    let mut file = tempfile::tempfile().unwrap();
    io::Write::write_all(&mut file, bytes).unwrap();
    io::Seek::rewind(&mut file).unwrap();
    file
}

/// Reads ELF notes, and VMCOREINFO in one of them or by itself.
pub fn notes(bytes: &[u8]) {
    let notes = vmcoreinfo::notes(bytes).unwrap_or_default();
    for text in notes.iter().map(|(_, _, text)| *text).chain([bytes]) {
        let Ok(info) = Vmcoreinfo::read(text) else {
            continue;
        };
        for key in info.0.keys() {
            let name = key.split(['(', ')']).nth(1).unwrap_or(key);
            let _ = (info.number(name), info.symbol(name), info.hexadecimal(key));
            let _ = (info.offset(name), info.bytes_of(name));
        }
        let _ = (info.machine(), info.page_size());
    }
}

/// Decompresses a page, by the algorithm that the first byte names.
pub fn page(bytes: &[u8]) {
    let [first, data @ ..] = bytes else {
        return;
    };
    let flags = [0, ZLIB, LZO, SNAPPY, ZSTD][usize::from(first % 5)];
    let size = SIZES[usize::from(first / 5) % SIZES.len()];
    let mut codec = Codec::new(size);
    let once = codec.page(flags, data).map(<[u8]>::to_vec);
    assert!(once.as_ref().is_ok_and(|page| page.len() == size) || once.is_err());
    // What was there before leaves nothing.
    assert!(codec.page(flags, data).map(<[u8]>::to_vec) == once);
}

/// Memory of which some is other.
struct Changed {
    machine: &'static Machine,
    pages: BTreeMap<u64, Vec<u8>>,
}

impl Physical for Changed {
    fn page_size(&self) -> u64 {
        PAGE as u64
    }

    fn page(&self, frame: u64) -> Result<Option<Vec<u8>>, Fault> {
        let page = self.pages.get(&frame).or(self.machine.pages.get(&frame));
        Ok(page.cloned())
    }

    fn next(&self, frame: u64) -> Option<u64> {
        self.machine
            .pages
            .range(frame..)
            .next()
            .map(|(frame, _)| *frame)
    }

    fn bytes(&self) -> u64 {
        (self.machine.pages.len() * PAGE) as u64
    }
}

/// Reads the kernel log of a machine in whose memory these are changed, and in whose VMCOREINFO
/// the values of lines are.
pub fn printk(values: &[(u8, String)], patches: &[Patch]) {
    static MACHINE: LazyLock<Machine> = LazyLock::new(machine);
    static INFO: LazyLock<Vmcoreinfo> = LazyLock::new(|| {
        let text = &MACHINE.pages[&VMCOREINFO];
        Vmcoreinfo::read(text).unwrap_or_default()
    });

    let mut info = INFO.clone();
    let keys: Vec<_> = info.0.keys().cloned().collect();
    for (number, value) in values {
        info.0.insert(
            keys[usize::from(*number) % keys.len()].clone(),
            value.clone(),
        );
    }
    let mut memory = Changed {
        machine: &MACHINE,
        pages: BTreeMap::new(),
    };
    for patch in patches {
        let frame = PARTS[usize::from(patch.part) % PARTS.len()] as u64;
        let page = memory.pages.entry(frame);
        let page = page.or_insert_with(|| MACHINE.pages[&frame].clone());
        for (byte, new) in page.iter_mut().skip(patch.at.into()).zip(&patch.bytes) {
            *byte = *new;
        }
    }
    for machine in ["x86_64", "aarch64"] {
        let Ok(reader) = Memory::new(&memory, machine, &info) else {
            continue;
        };
        if let Ok(log) = ring::log(&reader, &info, &unwatched()) {
            assert!(!log.is_empty());
        }
    }
}

fn machine() -> Machine {
    let records = [
        (1_000_002_000, 0, "Linux version 7.3.4+test"),
        (12_345_678_999, 42, "two\nlines"),
        (13_000_000_000, 1 << 31, "\u{1b}[2J\tend"),
    ];
    Machine::new(&records, 7, 12)
}

/// Whole dumps, in each format and compression.
pub fn dumps() -> Vec<Vec<u8>> {
    let machine = machine();
    let packed = [
        (ZLIB, 31, true),
        (LZO, 1, true),
        (SNAPPY, 0, false),
        (ZSTD, 31, true),
    ];
    let mut dumps: Vec<_> = packed
        .into_iter()
        .map(|(flags, level, noted)| machine.kdump(flags, level, None, noted))
        .collect();
    dumps.push(super::testing::flattened(&dumps[1]));
    dumps.extend([true, false].map(|noted| machine.elf(noted)));
    dumps
}

/// Flattened dumps of a few bytes, whole and cut, with pieces that overlap.
pub fn flattened_seeds() -> Vec<Vec<u8>> {
    let whole = super::testing::flattened(&[7; 12_000]);
    let mut twice = whole[..whole.len() - 16].to_vec();
    for (at, text) in [
        (3i64, "overlaps"),
        (11_998, "at the end"),
        (20_000, "beyond"),
    ] {
        twice.extend(at.to_be_bytes());
        twice.extend((text.len() as i64).to_be_bytes());
        twice.extend(text.bytes());
    }
    twice.extend([0xff; 16]);
    let cut = whole[..whole.len() - 16].to_vec();
    vec![whole, twice, cut]
}

/// The notes of a dump, and VMCOREINFO by itself.
pub fn notes_seeds() -> Vec<Vec<u8>> {
    let (notes, at) = machine().notes();
    vec![notes[at..].to_vec(), notes]
}

/// Pages of all kinds, each behind the number of its algorithm.
pub fn pages() -> Vec<Vec<u8>> {
    let kinds = [0, ZLIB, LZO, SNAPPY, ZSTD];
    let page: Vec<u8> = (0..PAGE as u32).map(|n| (n / 16 * n % 251) as u8).collect();
    let packed = (0..).zip(kinds).flat_map(|(number, flags)| {
        [vec![0; PAGE], page.clone()]
            .map(|page| [&[number], &super::testing::compress(flags, &page)[..]].concat())
    });
    packed.collect()
}
