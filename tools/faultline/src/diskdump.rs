// SPDX-License-Identifier: GPL-2.0

//! The kdump-compressed format, what makedumpfile writes: who wrote the dump, and
//! whether all of it is there. Nothing here needs debug information.
//!
//! A file is, in blocks: the header; the sub header; two bitmaps with a bit for
//! each page frame (1: is memory, 2: is in the dump); one descriptor for each bit
//! of the second; the pages' data. The structures are those of `diskdump_mod.h` in
//! makedumpfile, for 64-bit little-endian machines.

use crate::dump::{self, Completeness, Unreadable};
use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

const SIGNATURE: &[u8] = b"KDUMP   ";
const STATUS_INCOMPLETE: u32 = 0x8;
const UTSNAME: usize = 12;
const UTSNAME_FIELD: usize = 65;
const HEADER_BYTES: usize = 464;
const SUB_HEADER_BYTES: usize = 104;
const DESCRIPTOR_BYTES: usize = 24;

/// What the header says.
#[derive(Debug, Clone, PartialEq)]
pub struct Header {
    pub header_version: i32,
    pub release: String,
    pub version: String,
    pub machine: String,
    /// makedumpfile itself marked the dump as incomplete.
    pub marked_incomplete: bool,
    pub block_size: u32,
    pub dump_level: i32,
    pub cpus: i32,
    pub max_page_frames: u64,
    sub_header_blocks: u64,
    bitmap_blocks: u64,
    vmcoreinfo: (u64, u64),
}

/// Little-endian numbers at their places in a structure.
struct Words<'a>(&'a [u8]);

impl Words<'_> {
    fn bytes<const N: usize>(&self, at: usize) -> [u8; N] {
        self.0
            .get(at..at + N)
            .and_then(|bytes| bytes.try_into().ok())
            .unwrap_or([0; N])
    }
    fn i32(&self, at: usize) -> i32 {
        i32::from_le_bytes(self.bytes(at))
    }
    fn u32(&self, at: usize) -> u32 {
        u32::from_le_bytes(self.bytes(at))
    }
    fn u64(&self, at: usize) -> u64 {
        u64::from_le_bytes(self.bytes(at))
    }
    fn text(&self, at: usize, length: usize) -> String {
        let bytes = self.0.get(at..at + length).unwrap_or_default();
        let end = bytes
            .iter()
            .position(|byte| *byte == 0)
            .unwrap_or(bytes.len());
        String::from_utf8_lossy(&bytes[..end]).into_owned()
    }
}

impl Header {
    /// Reads the header and sub header of a dump.
    pub fn read(file: &File) -> Result<Self, Unreadable> {
        let size = file.metadata()?.len();
        let mut head = [0; HEADER_BYTES];
        let length = head.len().min(size as usize);
        file.read_exact_at(&mut head[..length], 0)?;
        if size == 0 {
            return Err(Unreadable::Not("is empty"));
        }
        if head.starts_with(b"makedumpfile") {
            return Err(Unreadable::Not(
                "is a flattened dump: rearrange it with 'makedumpfile -R'",
            ));
        }
        if !head.starts_with(SIGNATURE) {
            return Err(Unreadable::Not(
                "is no dump: it begins neither with 'KDUMP' nor as ELF",
            ));
        }
        if length < HEADER_BYTES {
            return Err(Unreadable::Not("ends within its header"));
        }
        let words = Words(&head);
        let block_size = words.u32(428);
        if !block_size.is_power_of_two() || !(512..=1 << 20).contains(&block_size) {
            return Err(Unreadable::Not(
                "has a header with an impossible block size",
            ));
        }
        let mut sub = [0; SUB_HEADER_BYTES];
        if file.read_exact_at(&mut sub, u64::from(block_size)).is_err() {
            return Err(Unreadable::Not("ends within its header"));
        }
        let sub = Words(&sub);
        let header_version = words.i32(8);
        let uts = |field: usize| words.text(UTSNAME + field * UTSNAME_FIELD, UTSNAME_FIELD);
        Ok(Header {
            header_version,
            release: uts(2),
            version: uts(3),
            machine: uts(4),
            marked_incomplete: words.u32(424) & STATUS_INCOMPLETE != 0,
            block_size,
            dump_level: sub.i32(8),
            cpus: words.i32(460),
            max_page_frames: if header_version >= 6 {
                sub.u64(96)
            } else {
                u64::from(words.u32(440))
            },
            sub_header_blocks: u64::from(words.u32(432)),
            bitmap_blocks: u64::from(words.u32(436)),
            vmcoreinfo: if header_version >= 3 {
                (sub.u64(32), sub.u64(40))
            } else {
                (0, 0)
            },
        })
    }

    /// Looks whether each page that the dump should have lies within the file.
    pub fn completeness(&self, file: &File) -> io::Result<Completeness> {
        let size = file.metadata()?.len();
        let incomplete = |missing: String| Ok(Completeness::Incomplete { missing });
        let block = u64::from(self.block_size);
        let bitmap_bytes = self.bitmap_blocks * block / 2;
        let bitmap_at = (1 + self.sub_header_blocks) * block + bitmap_bytes;
        let descriptors_at = bitmap_at + bitmap_bytes;
        if descriptors_at > size {
            return incomplete("the file ends within its bitmaps".into());
        }
        if bitmap_bytes.saturating_mul(8) < self.max_page_frames {
            return incomplete("its bitmap is smaller than the memory that it describes".into());
        }
        let mut bitmap = vec![0; bitmap_bytes as usize];
        file.read_exact_at(&mut bitmap, bitmap_at)?;
        let pages: u64 = bitmap.iter().map(|byte| u64::from(byte.count_ones())).sum();
        let data_at = descriptors_at + pages * DESCRIPTOR_BYTES as u64;
        if data_at > size {
            return incomplete(format!(
                "the file ends within the descriptors of its {pages} pages"
            ));
        }
        let mut descriptors = vec![0; (data_at - descriptors_at) as usize];
        file.read_exact_at(&mut descriptors, descriptors_at)?;
        let absent = descriptors
            .chunks_exact(DESCRIPTOR_BYTES)
            .filter(|descriptor| {
                let words = Words(descriptor);
                let (offset, length) = (words.u64(0), words.u32(8));
                let end = offset.saturating_add(u64::from(length));
                length == 0 || length > self.block_size || offset < data_at || end > size
            })
            .count();
        if absent > 0 {
            return incomplete(format!("{absent} of its {pages} pages are not in the file"));
        }
        if self.marked_incomplete {
            return incomplete("makedumpfile marked it as incomplete".into());
        }
        if pages == 0 {
            return incomplete("it has no pages at all".into());
        }
        Ok(Completeness::Complete { pages })
    }

    /// VMCOREINFO, what the dumped kernel notes down for the tools that read it.
    pub fn vmcoreinfo(&self, file: &File) -> BTreeMap<String, String> {
        let (at, length) = self.vmcoreinfo;
        let mut text = vec![0; length.min(1 << 20) as usize];
        if file.read_exact_at(&mut text, at).is_err() {
            return BTreeMap::new();
        }
        dump::vmcoreinfo(&text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The first bytes of a real dump, as `od -A n -t x1` prints them.
    fn real_header() -> Vec<u8> {
        let text = include_str!("../tests/data/header.hex");
        text.split_whitespace()
            .map(|byte| u8::from_str_radix(byte, 16).unwrap())
            .collect()
    }

    const BLOCK: usize = 4096;
    const PAGES: usize = 3;
    const PAGE_BYTES: usize = 100;

    /// A small dump with the header of a real one: three pages of 100 bytes.
    fn dump() -> Vec<u8> {
        let mut bytes = real_header();
        bytes[432..436].copy_from_slice(&1u32.to_le_bytes());
        bytes[436..440].copy_from_slice(&2u32.to_le_bytes());
        bytes.resize(BLOCK, 0);
        let mut sub = vec![0; BLOCK];
        sub[8] = 31;
        sub[32..40].copy_from_slice(&(BLOCK as u64 + 200).to_le_bytes());
        sub[40..48].copy_from_slice(&12u64.to_le_bytes());
        sub[96..104].copy_from_slice(&64u64.to_le_bytes());
        sub[200..212].copy_from_slice(b"OSRELEASE=7\n");
        bytes.extend(sub);
        for _ in 0..2 {
            let mut bitmap = vec![0; BLOCK];
            bitmap[0] = 0b0000_1011;
            bytes.extend(bitmap);
        }
        let data_at = bytes.len() + PAGES * DESCRIPTOR_BYTES;
        for page in 0..PAGES {
            bytes.extend(((data_at + page * PAGE_BYTES) as u64).to_le_bytes());
            bytes.extend((PAGE_BYTES as u32).to_le_bytes());
            bytes.extend([0; 12]);
        }
        bytes.resize(bytes.len() + PAGES * PAGE_BYTES, 0xaa);
        bytes
    }

    fn file(bytes: &[u8]) -> File {
        use std::io::Write;
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(bytes).unwrap();
        file
    }

    fn missing(bytes: &[u8]) -> String {
        let file = file(bytes);
        match Header::read(&file).unwrap().completeness(&file).unwrap() {
            Completeness::Incomplete { missing } => missing,
            Completeness::Complete { .. } => panic!("taken for complete"),
        }
    }

    #[test]
    fn reads_a_real_header() {
        let mut bytes = real_header();
        bytes.resize(2 * BLOCK, 0);
        let header = Header::read(&file(&bytes)).unwrap();
        assert_eq!(header.header_version, 6);
        assert_eq!(header.release, "7.3.4+deb13-cloud-amd64");
        assert_eq!(header.machine, "x86_64");
        assert_eq!(
            (
                header.block_size,
                header.sub_header_blocks,
                header.bitmap_blocks
            ),
            (4096, 2, 16)
        );
        assert_eq!(header.cpus, 2);
        assert!(!header.marked_incomplete);
    }

    #[test]
    fn a_whole_dump_is_complete() {
        let file = file(&dump());
        let header = Header::read(&file).unwrap();
        assert_eq!(header.dump_level, 31);
        assert_eq!(header.vmcoreinfo(&file)["OSRELEASE"], "7");
        assert_eq!(
            header.completeness(&file).unwrap(),
            Completeness::Complete { pages: 3 }
        );
    }

    #[test]
    fn a_truncated_dump_is_incomplete_wherever_it_is_cut() {
        let whole = dump();
        assert_eq!(
            missing(&whole[..whole.len() - 1]),
            "1 of its 3 pages are not in the file"
        );
        assert_eq!(
            missing(&whole[..whole.len() - PAGE_BYTES - 1]),
            "2 of its 3 pages are not in the file"
        );
        assert_eq!(
            missing(&whole[..4 * BLOCK + 30]),
            "the file ends within the descriptors of its 3 pages"
        );
        assert_eq!(
            missing(&whole[..3 * BLOCK]),
            "the file ends within its bitmaps"
        );
    }

    #[test]
    fn the_mark_of_makedumpfile_counts() {
        let mut bytes = dump();
        bytes[424] |= STATUS_INCOMPLETE as u8;
        assert_eq!(missing(&bytes), "makedumpfile marked it as incomplete");
    }

    #[test]
    fn other_files_are_unreadable() {
        for (bytes, what) in [
            (&b""[..], "is empty"),
            (b"makedumpfile\0\0\0\0", "is a flattened dump"),
            (b"hello", "is no dump"),
            (&dump()[..200], "ends within its header"),
        ] {
            assert!(
                Header::read(&file(bytes))
                    .unwrap_err()
                    .to_string()
                    .starts_with(what),
                "{what}"
            );
        }
    }
}
