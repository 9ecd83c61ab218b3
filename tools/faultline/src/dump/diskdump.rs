// SPDX-License-Identifier: GPL-2.0

//! The headers of the kdump-compressed format, which makedumpfile and QEMU write. They need no
//! debug information.
//!
//! A file has, in blocks: the header; the sub header; two bitmaps with a bit for each page frame
//! (1: is memory, 2: is in the dump); one descriptor for each bit of the second bitmap; the data of
//! the pages. The structures are those of `diskdump_mod.h` in makedumpfile, for 64-bit
//! little-endian machines.

use super::codec::COMPRESSED;
use super::fault::Fault;
use super::source::{self, Bytes};
use super::vmcoreinfo::{self, Vmcoreinfo};
use super::words::Words;
use std::ops::Range;

const SIGNATURE: &[u8] = b"KDUMP   ";
const STATUS_INCOMPLETE: u32 = 0x8;
const STATUS_EXCLUDED_VMEMMAP: u32 = 0x10;
const UTSNAME: usize = 12;
const UTSNAME_FIELD: usize = 65;
const HEADER_BYTES: usize = 464;
const SUB_HEADER_BYTES: usize = 104;
/// The bit of the dump level with which all pages of zeroes share one.
const LEVEL_ZERO: i32 = 1;
/// Limit on the size of the notes, which have some hundred bytes per CPU.
const MOST_NOTES: u64 = 64 << 20;

/// The contents of the headers.
#[derive(Debug, Clone, PartialEq)]
pub struct Header {
    pub header_version: i32,
    pub release: String,
    pub machine: String,
    /// Whether makedumpfile marked the dump as incomplete.
    pub marked_incomplete: bool,
    pub block_size: u32,
    pub dump_level: i32,
    pub max_page_frames: u64,
    /// The algorithm of its pages, as in a page's flags.
    pub compression: u32,
    /// The page frames of this part of a split dump.
    pub split: Option<Range<u64>>,
    pub sub_header_blocks: u64,
    pub bitmap_blocks: u64,
    vmcoreinfo: (u64, u64),
    notes: (u64, u64),
}

impl Header {
    /// Returns whether a file that begins with these bytes claims to be such a dump.
    pub fn claims(head: &[u8]) -> bool {
        head.starts_with(SIGNATURE)
    }

    /// Reads the header and sub header of a dump.
    pub fn read(bytes: &dyn Bytes) -> Result<Self, Fault> {
        let unreadable = |what: String| Err(Fault::Unreadable(what));
        let mut head = [0; HEADER_BYTES];
        bytes
            .read_at(&mut head, 0)
            .map_err(Fault::reading("its header"))?;
        let words = Words(&head);
        let header_version = words.i32(8);
        if !(1..=6).contains(&header_version) {
            return unreadable(format!(
                "has a header of version {header_version}: 1 to 6 are known"
            ));
        }
        let block_size = words.u32(428);
        if !block_size.is_power_of_two() || !(4096..=1 << 16).contains(&block_size) {
            return unreadable(format!(
                "has a header with an impossible block size, {block_size}"
            ));
        }
        let mut sub = [0; SUB_HEADER_BYTES];
        bytes
            .read_at(&mut sub, u64::from(block_size))
            .map_err(Fault::reading("its header"))?;
        let sub = Words(&sub);
        let status = words.u32(424);
        let known = STATUS_INCOMPLETE | STATUS_EXCLUDED_VMEMMAP | COMPRESSED;
        if status & !known != 0 || (status & COMPRESSED).count_ones() > 1 {
            return unreadable(format!("has a header with an unknown status, {status:#x}"));
        }
        let uts = |field: usize| words.text(UTSNAME + field * UTSNAME_FIELD, UTSNAME_FIELD);
        // makedumpfile writes all of these, QEMU only the machine.
        let known = uts(0) == "Linux" && !uts(2).is_empty();
        if !known && (0..4).any(|field| !uts(field).is_empty()) {
            return unreadable("has a header that names no Linux kernel".into());
        }
        let max_page_frames = match header_version {
            6.. => sub.u64(96),
            _ => u64::from(words.u32(440)),
        };
        if u64::from(words.u32(440)) != max_page_frames.min(u32::MAX.into()) {
            return unreadable("has headers that disagree on the number of page frames".into());
        }
        let split = match (sub.i32(12), header_version) {
            (0, _) => None,
            (1, 6..) => Some(sub.u64(80)..sub.u64(88)),
            (1, _) => Some(sub.u64(16)..sub.u64(24)),
            (word, _) => {
                return unreadable(format!("has a header with an unknown split mark, {word}"))
            }
        };
        let header = Header {
            header_version,
            release: uts(2),
            machine: uts(4),
            marked_incomplete: status & STATUS_INCOMPLETE != 0,
            block_size,
            dump_level: sub.i32(8),
            max_page_frames,
            compression: status & COMPRESSED,
            split,
            sub_header_blocks: u64::from(words.u32(432)),
            bitmap_blocks: u64::from(words.u32(436)),
            vmcoreinfo: match header_version {
                3.. => (sub.u64(32), sub.u64(40)),
                _ => (0, 0),
            },
            notes: match header_version {
                4.. => (sub.u64(48), sub.u64(56)),
                _ => (0, 0),
            },
        };
        header.check()?;
        Ok(header)
    }

    /// Checks that the numbers of the headers are consistent.
    fn check(&self) -> Result<(), Fault> {
        let block = u64::from(self.block_size);
        let unreadable = |what: &str| Err(Fault::Unreadable(format!("has a header with {what}")));
        let bitmap = self.max_page_frames.div_ceil(8).div_ceil(block);
        if self.max_page_frames == 0 || self.bitmap_blocks != 2 * bitmap {
            return unreadable("bitmaps of another size than its page frames need");
        }
        if let Some(frames) = &self.split {
            if frames.start > frames.end || frames.end > self.max_page_frames {
                return unreadable("an impossible range of page frames");
            }
        }
        let (start, end) = (
            block + SUB_HEADER_BYTES as u64,
            block * (1 + self.sub_header_blocks),
        );
        for (at, length) in [self.notes, self.vmcoreinfo] {
            let inside = at
                .checked_add(length)
                .is_some_and(|last| at >= start && last <= end);
            if length != 0 && !(inside && length <= MOST_NOTES) {
                return unreadable("notes that are not within its sub header");
            }
        }
        if !(0..=31).contains(&self.dump_level) {
            return unreadable("an unknown dump level");
        }
        Ok(())
    }

    /// Returns VMCOREINFO, the dumped kernel's information for tools; none if the writer did not
    /// have it.
    pub fn vmcoreinfo(&self, bytes: &dyn Bytes) -> Result<Option<Vmcoreinfo>, Fault> {
        let reading = || Fault::reading("its notes");
        let section = source::read_vec(bytes, self.notes.0, self.notes.1).map_err(reading())?;
        let notes = vmcoreinfo::notes(&section)?;
        let noted = notes.iter().find(|(name, _, _)| *name == vmcoreinfo::NAME);
        let (at, length) = self.vmcoreinfo;
        if length == 0 && noted.is_none() {
            return Ok(None);
        }
        if length > vmcoreinfo::MOST_BYTES {
            return Err(Fault::Unreadable(
                "has a VMCOREINFO note that is too long".into(),
            ));
        }
        let text = source::read_vec(bytes, at, length).map_err(reading())?;
        if noted.is_some_and(|(_, _, inside)| inside.get(..text.len()) != Some(&text[..])) {
            let why = "its header and its ELF notes disagree on VMCOREINFO";
            return Err(Fault::Incomplete(why.into()));
        }
        let info = Vmcoreinfo::read(&text)?;
        self.fits(&info)?;
        Ok(Some(info))
    }

    /// Checks that the header and VMCOREINFO agree.
    fn fits(&self, info: &Vmcoreinfo) -> Result<(), Fault> {
        let differ = |what: &str| {
            let why = format!("its header and VMCOREINFO disagree on the {what}");
            Err(Fault::Incomplete(why))
        };
        if !self.release.is_empty() && info.0.get("OSRELEASE") != Some(&self.release) {
            return differ("kernel's release");
        }
        let machine = info.machine().filter(|_| !self.release.is_empty());
        if machine.is_some_and(|machine| machine != self.machine) {
            return differ("machine");
        }
        if info.page_size() != Some(u64::from(self.block_size)) {
            return differ("page size");
        }
        Ok(())
    }

    /// Returns whether all pages of zeroes share the first page.
    pub fn shares_zeroes(&self) -> bool {
        self.dump_level & LEVEL_ZERO != 0
    }

    /// Returns whether `other` can be the header of another part of the same dump.
    pub fn same_dump(&self, other: &Self) -> bool {
        let like = |header: &Self| Header {
            split: None,
            ..header.clone()
        };
        like(self) == like(other)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dump::tests::bytes;

    /// The first bytes of a real dump, as `od -A n -t x1` prints them.
    fn real() -> Vec<u8> {
        let text = include_str!("../../tests/data/header.hex");
        let bytes = text.split_whitespace();
        bytes
            .map(|byte| u8::from_str_radix(byte, 16).unwrap())
            .collect()
    }

    #[test]
    fn reads_a_real_header() {
        let mut data = real();
        let frames = Words(&data).u32(440);
        data.resize(8192, 0);
        data[4096 + 96..][..4].copy_from_slice(&frames.to_le_bytes());
        let header = Header::read(bytes(&data).as_ref()).unwrap();
        assert_eq!(header.header_version, 6);
        assert_eq!(header.release, "7.3.4+deb13-cloud-amd64");
        assert_eq!(header.machine, "x86_64");
        let sizes = (
            header.block_size,
            header.sub_header_blocks,
            header.bitmap_blocks,
        );
        assert_eq!(sizes, (4096, 2, 16));
        assert!(!header.marked_incomplete && header.split.is_none());
    }
}
