// SPDX-License-Identifier: GPL-2.0

//! Small dumps for tests: a machine of some pages, with page tables and a kernel log in it, and
//! the formats that it can be written in.

use super::codec::{LZO, SNAPPY, ZLIB, ZSTD};
use std::collections::BTreeMap;
use std::io::Write;
use std::ops::Range;

pub const PAGE: usize = 4096;
/// Where the kernel's image is mapped; its first page is page frame 0.
const MAP: u64 = 0xffff_ffff_8000_0000;
const UTS: u64 = 5;
const PRB: u64 = 6;
const DESCRIPTORS: u64 = 8;
const INFOS: u64 = 24;
const DATA: u64 = 80;
/// The page that VMCOREINFO begins with.
pub const VMCOREINFO: u64 = 100;
/// The first page of user space's, which no log is in.
pub const OTHERS: u64 = 112;
const FRAMES: u64 = 150;
const HOST: &str = "host";
const RELEASE: &str = "7.3.4+test";

const INFO: &str = "OSRELEASE=7.3.4+test
BUILD-ID=0011
PAGESIZE=4096
SYMBOL(init_uts_ns)=ffffffff80005000
OFFSET(uts_namespace.name)=4
SYMBOL(init_top_pgt)=ffffffff80001000
SYMBOL(swapper_pg_dir)=ffffffff80001000
NUMBER(phys_base)=0
NUMBER(pgtable_l5_enabled)=0
KERNELOFFSET=0
SYMBOL(prb)=ffffffff80006800
SIZE(printk_ringbuffer)=88
OFFSET(printk_ringbuffer.desc_ring)=0
OFFSET(printk_ringbuffer.text_data_ring)=48
OFFSET(prb_desc_ring.count_bits)=0
OFFSET(prb_desc_ring.descs)=8
OFFSET(prb_desc_ring.infos)=16
OFFSET(prb_desc_ring.head_id)=24
OFFSET(prb_desc_ring.tail_id)=32
SIZE(prb_desc)=24
OFFSET(prb_desc.state_var)=0
OFFSET(prb_desc.text_blk_lpos)=8
OFFSET(prb_data_blk_lpos.begin)=0
OFFSET(prb_data_blk_lpos.next)=8
SIZE(printk_info)=88
OFFSET(printk_info.seq)=0
OFFSET(printk_info.ts_nsec)=8
OFFSET(printk_info.text_len)=16
OFFSET(printk_info.caller_id)=20
OFFSET(prb_data_ring.size_bits)=0
OFFSET(prb_data_ring.data)=8
OFFSET(atomic_long_t.counter)=0
";

/// A machine's memory.
pub struct Machine {
    pub pages: BTreeMap<u64, Vec<u8>>,
}

/// A record of the log: its time, its caller, its text.
pub type Record<'a> = (u64, u32, &'a str);

impl Machine {
    /// A machine whose log has `records`, in a ring of two to the power of `bits` of them, and
    /// with 8 bytes of text for each eight of that.
    pub fn new(records: &[Record<'_>], bits: u32, data_bits: u32) -> Self {
        let mut machine = Machine {
            pages: (0..FRAMES).map(|frame| (frame, vec![0; PAGE])).collect(),
        };
        for (table, index, target) in [(1, 511, 2u64), (2, 510, 3), (3, 0, 4)] {
            machine.put(
                table * PAGE as u64 + index * 8,
                &((target << 12) | 0x63).to_le_bytes(),
            );
        }
        for frame in 0..VMCOREINFO {
            machine.put(
                4 * PAGE as u64 + frame * 8,
                &((frame << 12) | 0x63).to_le_bytes(),
            );
        }
        machine.put(UTS * PAGE as u64 + 4 + 65, HOST.as_bytes());
        machine.put(UTS * PAGE as u64 + 4 + 130, RELEASE.as_bytes());
        machine.put(VMCOREINFO * PAGE as u64, INFO.as_bytes());
        // Pages of all sorts: some cannot be compressed.
        let mut word = 1u64;
        for frame in OTHERS..FRAMES {
            let page: Vec<u8> = (0..PAGE)
                .map(|at| {
                    word = word
                        .wrapping_mul(6_364_136_223_846_793_005)
                        .wrapping_add(1442695);
                    match frame % 4 {
                        0 => (word >> 33) as u8,
                        1 => (at / 64) as u8,
                        2 => 0,
                        _ => (word >> 62) as u8,
                    }
                })
                .collect();
            machine.put(frame * PAGE as u64, &page);
        }
        machine.log(records, bits, data_bits);
        machine
    }

    /// Writes physical memory.
    pub fn put(&mut self, at: u64, bytes: &[u8]) {
        for (at, byte) in (at..).zip(bytes) {
            let page = self.pages.get_mut(&(at / PAGE as u64)).unwrap();
            page[(at % PAGE as u64) as usize] = *byte;
        }
    }

    /// What printk does, as `printk_ringbuffer.c` of 7.3 has it.
    fn log(&mut self, records: &[Record<'_>], bits: u32, data_bits: u32) {
        let (count, size) = (1u64 << bits, 1u64 << data_bits);
        let mask = u64::MAX >> 2;
        let mut lpos = size.wrapping_neg();
        let mut id = 0;
        let mut kept: Vec<(u64, u64)> = Vec::new();
        let page = PAGE as u64;
        for (seq, (time, caller, text)) in records.iter().enumerate() {
            id = count.wrapping_neg().wrapping_add(seq as u64) & mask;
            let index = id % count;
            let block = (8 + text.len() as u64).next_multiple_of(8);
            let (mut begin, mut next) = (lpos, lpos.wrapping_add(block));
            if begin / size != next.wrapping_sub(1) / size {
                next = next / size * size + block;
            }
            if text.is_empty() {
                (begin, next) = (3, 3);
            } else {
                lpos = next;
                let wraps = begin / size != next.wrapping_sub(1) / size;
                let at = if wraps { 0 } else { begin % size };
                self.put(
                    DATA * page + at,
                    &[&id.to_le_bytes()[..], text.as_bytes()].concat(),
                );
                self.put(DATA * page + begin % size, &id.to_le_bytes());
            }
            let state = id | (2 << 62);
            for (at, word) in (0..).step_by(8).zip([state, begin, next]) {
                self.put(DESCRIPTORS * page + index * 24 + at, &word.to_le_bytes());
            }
            let info = INFOS * page + index * 88;
            self.put(info, &(seq as u64).to_le_bytes());
            self.put(info + 8, &time.to_le_bytes());
            self.put(info + 16, &(text.len() as u16).to_le_bytes());
            self.put(info + 20, &caller.to_le_bytes());
            kept.push((id, begin));
            let lost = |&(old, begin): &(u64, u64)| {
                id.wrapping_sub(old) & mask >= count
                    || (begin & 1 == 0 && lpos.wrapping_sub(begin) > size)
            };
            let lost: Vec<_> = kept.iter().copied().take_while(lost).collect();
            kept.drain(..lost.len());
            for (old, _) in lost
                .iter()
                .filter(|(old, _)| id.wrapping_sub(*old) & mask < count)
            {
                self.put(
                    DESCRIPTORS * page + old % count * 24,
                    &(old | (3 << 62)).to_le_bytes(),
                );
            }
        }
        let tail = kept.first().map_or(id, |(tail, _)| *tail);
        self.put(PRB * page + 0x800, &(MAP + PRB * page).to_le_bytes());
        let words = [
            (0, bits.into()),
            (8, MAP + DESCRIPTORS * page),
            (16, MAP + INFOS * page),
            (24, id),
            (32, tail),
            (48, data_bits.into()),
            (56, MAP + DATA * page),
        ];
        for (at, word) in words {
            self.put(PRB * page + at, &u64::to_le_bytes(word));
        }
    }

    /// The notes of its dump, and where in them VMCOREINFO's text is.
    pub fn notes(&self) -> (Vec<u8>, usize) {
        let mut notes = Vec::new();
        let mut at = 0;
        for (name, contents) in [
            (&b"CORE\0"[..], &[7; 336][..]),
            (b"VMCOREINFO\0", INFO.as_bytes()),
        ] {
            for word in [name.len(), contents.len(), 0] {
                notes.extend((word as u32).to_le_bytes());
            }
            notes.extend(name);
            notes.resize(notes.len().next_multiple_of(4), 0);
            at = notes.len();
            notes.extend(contents);
            notes.resize(notes.len().next_multiple_of(4), 0);
        }
        (notes, at)
    }

    /// The machine as makedumpfile writes it: compressed by `flags`, at `level`, and of `split`
    /// only those page frames; with `noted`, VMCOREINFO is in its notes.
    pub fn kdump(&self, flags: u32, level: i32, split: Option<Range<u64>>, noted: bool) -> Vec<u8> {
        let word = |bytes: &mut Vec<u8>, at: usize, word: u32| {
            bytes[at..at + 4].copy_from_slice(&word.to_le_bytes());
        };
        let long = |bytes: &mut Vec<u8>, at: usize, word: u64| {
            bytes[at..at + 8].copy_from_slice(&word.to_le_bytes());
        };
        let (notes, info_at) = self.notes();
        let sub_blocks = (104 + notes.len()).div_ceil(PAGE);
        let mut bytes = vec![0; PAGE * (1 + sub_blocks)];
        bytes[..8].copy_from_slice(b"KDUMP   ");
        word(&mut bytes, 8, 6);
        for (field, text) in ["Linux", HOST, RELEASE, "#1", "x86_64"].iter().enumerate() {
            // QEMU knows nothing of it.
            let text = match (noted, field) {
                (true, _) => text,
                (false, 4) => "Unknown",
                (false, _) => "",
            };
            bytes[12 + field * 65..][..text.len()].copy_from_slice(text.as_bytes());
        }
        word(&mut bytes, 424, flags);
        word(&mut bytes, 428, PAGE as u32);
        word(&mut bytes, 432, sub_blocks as u32);
        word(&mut bytes, 436, 2);
        word(&mut bytes, 440, FRAMES as u32);
        word(&mut bytes, 460, 1);
        word(&mut bytes, PAGE + 8, level as u32);
        if let Some(frames) = &split {
            word(&mut bytes, PAGE + 12, 1);
            for at in [16, 80] {
                long(&mut bytes, PAGE + at, frames.start);
                long(&mut bytes, PAGE + at + 8, frames.end);
            }
        }
        if noted {
            long(&mut bytes, PAGE + 32, (PAGE + 104 + info_at) as u64);
            long(&mut bytes, PAGE + 40, INFO.len() as u64);
            long(&mut bytes, PAGE + 48, (PAGE + 104) as u64);
            long(&mut bytes, PAGE + 56, notes.len() as u64);
            bytes[PAGE + 104..][..notes.len()].copy_from_slice(&notes);
        }
        long(&mut bytes, PAGE + 96, FRAMES);
        for _ in 0..2 {
            let mut bitmap = vec![0; PAGE];
            for frame in 0..FRAMES {
                bitmap[frame as usize / 8] |= 1 << (frame % 8);
            }
            bytes.extend(bitmap);
        }
        let frames = split.unwrap_or(0..FRAMES);
        let data_at = bytes.len() + (frames.end - frames.start) as usize * 24;
        let shared = level & 1 != 0;
        let mut data = if shared { vec![0; PAGE] } else { Vec::new() };
        for frame in frames {
            let page = &self.pages[&frame];
            let packed = compress(flags, page);
            let (offset, stored, flags) = if shared && page.iter().all(|byte| *byte == 0) {
                (data_at, None, 0)
            } else if packed.len() < PAGE {
                (data_at + data.len(), Some(&packed), flags)
            } else {
                (data_at + data.len(), Some(page), 0)
            };
            bytes.extend((offset as u64).to_le_bytes());
            bytes.extend((stored.map_or(PAGE, Vec::len) as u32).to_le_bytes());
            bytes.extend(flags.to_le_bytes());
            bytes.extend([0; 8]);
            data.extend(stored.into_iter().flatten());
        }
        bytes.extend(data);
        bytes
    }

    /// The machine as /proc/vmcore has it.
    pub fn elf(&self, noted: bool) -> Vec<u8> {
        let notes = if noted { self.notes().0 } else { Vec::new() };
        let memory: Vec<u8> = self.pages.values().flatten().copied().collect();
        elf_of(
            62,
            &notes,
            &[
                (0, &memory[..40 * PAGE]),
                (40 * PAGE as u64, &memory[40 * PAGE..]),
            ],
        )
    }
}

/// Compresses a page.
pub fn compress(flags: u32, page: &[u8]) -> Vec<u8> {
    match flags {
        ZLIB => {
            let level = flate2::Compression::fast();
            let mut to = flate2::write::ZlibEncoder::new(Vec::new(), level);
            to.write_all(page).unwrap();
            to.finish().unwrap()
        }
        LZO => lzo1x::compress(page, lzo1x::CompressLevel::new(3)),
        SNAPPY => snap::raw::Encoder::new().compress_vec(page).unwrap(),
        ZSTD => {
            let level = ruzstd::encoding::CompressionLevel::Fastest;
            ruzstd::encoding::compress_to_vec(page, level)
        }
        _ => page.to_vec(),
    }
}

/// An ELF core file of a machine, with notes and pieces of memory.
pub fn elf_of(machine: u16, notes: &[u8], memory: &[(u64, &[u8])]) -> Vec<u8> {
    let mut bytes = vec![0; 64 + 56 * (1 + memory.len())];
    bytes[..7].copy_from_slice(b"\x7fELF\x02\x01\x01");
    bytes[16..18].copy_from_slice(&4u16.to_le_bytes());
    bytes[18..20].copy_from_slice(&machine.to_le_bytes());
    for (at, value) in [
        (20, 1),
        (32, 64),
        (52, 64),
        (54, 56),
        (56, 1 + memory.len() as u8),
    ] {
        bytes[at] = value;
    }
    let pieces = [(4, 0, notes)]
        .into_iter()
        .chain(memory.iter().map(|(at, piece)| (1u32, *at, *piece)));
    for (index, (kind, physical, piece)) in pieces.enumerate() {
        let (header, at, size) = (64 + index * 56, bytes.len() as u64, piece.len() as u64);
        bytes[header..header + 4].copy_from_slice(&kind.to_le_bytes());
        for (field, word) in [(8, at), (24, physical), (32, size), (40, size)] {
            bytes[header + field..][..8].copy_from_slice(&word.to_le_bytes());
        }
        bytes.extend(piece);
    }
    bytes
}

/// A dump as `makedumpfile -F` writes it to a pipe: in pieces, the header last.
pub fn flattened(dump: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0; PAGE];
    bytes[..12].copy_from_slice(b"makedumpfile");
    let mut pieces: Vec<_> = (0..dump.len()).step_by(5000).collect();
    pieces.rotate_left(1);
    for at in pieces {
        let piece = &dump[at..dump.len().min(at + 5000)];
        bytes.extend((at as i64).to_be_bytes());
        bytes.extend((piece.len() as i64).to_be_bytes());
        bytes.extend(piece);
    }
    bytes.extend([0xff; 16]);
    bytes
}
