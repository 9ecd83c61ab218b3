// SPDX-License-Identifier: GPL-2.0

//! An ELF dump: a copy of /proc/vmcore, which a crash kernel saves if its makedumpfile does not
//! know the crashed kernel; or written by QEMU's monitor. Its pages are neither compressed nor have
//! sums: only the completeness of the file can be checked.

use super::fault::Fault;
use super::memory::Physical;
use super::pieces::Pieces;
use super::source::{self, Bytes, Plain};
use super::vmcoreinfo::{self, Vmcoreinfo};
use super::words::Words;
use object::elf::{EM_AARCH64, EM_X86_64, ET_CORE, PT_LOAD, PT_NOTE};
use std::fs::File;
use std::io::{self, Read, Seek, Write};
use std::sync::Arc;

const SIGNATURE: &[u8] = b"\x7fELF";
/// ELF of 64 bits, little-endian, of the one version there is.
const IDENT: &[u8] = b"\x7fELF\x02\x01\x01";
const HEADER_BYTES: u64 = 64;
const SEGMENT_BYTES: u64 = 56;
/// The value with which the number of segments is in the header of the first section.
const PN_XNUM: u64 = 0xffff;
const MOST_NOTES: u64 = 64 << 20;
const PAGE_BYTES: u64 = 4096;
/// Limit on physical memory.
const MOST_MEMORY: u64 = 1 << 52;

/// A piece of memory.
#[derive(Debug, Clone, PartialEq)]
struct Segment {
    /// The part of it that is in the file, and its place there.
    bytes: u64,
    at: u64,
}

/// The contents of the headers and notes.
#[derive(Clone)]
pub struct Elf {
    bytes: Arc<dyn Bytes>,
    pub machine: &'static str,
    pub vmcoreinfo: Option<Vmcoreinfo>,
    /// Whether QEMU wrote it, not the kernel.
    pub by_qemu: bool,
    segments: Vec<Segment>,
    /// The memory in the file.
    memory: Pieces,
    /// The end of the headers and notes.
    headers: u64,
    /// The expected end of the file.
    end: u64,
}

impl Elf {
    /// Returns whether a file that begins with these bytes claims to be ELF.
    pub fn claims(head: &[u8]) -> bool {
        head.starts_with(SIGNATURE)
    }

    /// Reads the headers and notes of a dump.
    pub fn read(bytes: Arc<dyn Bytes>) -> Result<Self, Fault> {
        let unreadable = |what: &str| Err(Fault::Unreadable(what.into()));
        let read = |at, length, what: &'static str| {
            source::read_vec(bytes.as_ref(), at, length).map_err(Fault::reading(what))
        };
        let head = read(0, HEADER_BYTES, "its header")?;
        let header = Words(&head);
        if !head.starts_with(IDENT) {
            return unreadable("is ELF, but not of a 64-bit little-endian machine");
        }
        if header.u16(16) != ET_CORE {
            return unreadable("is ELF, but not a core file");
        }
        let machine = match header.u16(18) {
            EM_X86_64 => "x86_64",
            EM_AARCH64 => "aarch64",
            _ => "unknown",
        };
        let (table, section) = (header.u64(32), header.u64(40));
        if u64::from(header.u16(54)) != SEGMENT_BYTES {
            return unreadable("is ELF with program headers of an unknown size");
        }
        let count = match u64::from(header.u16(56)) {
            PN_XNUM => u64::from(Words(&read(section, 64, "its headers")?).u32(44)),
            count => count,
        };
        let table_end = table.saturating_add(count * SEGMENT_BYTES);
        let table = read(table, count * SEGMENT_BYTES, "its headers")?;
        let mut elf = Elf {
            bytes: bytes.clone(),
            machine,
            vmcoreinfo: None,
            by_qemu: false,
            segments: Vec::new(),
            memory: Pieces::default(),
            headers: table_end,
            end: 0,
        };
        let mut notes = 0;
        for entry in table.chunks_exact(SEGMENT_BYTES as usize) {
            let words = Words(entry);
            let (at, physical, in_file, in_memory) =
                (words.u64(8), words.u64(24), words.u64(32), words.u64(40));
            let end = at.checked_add(in_file).filter(|_| in_file <= in_memory);
            let fits = physical
                .checked_add(in_memory)
                .is_some_and(|last| last <= MOST_MEMORY);
            match words.u32(0) {
                PT_NOTE if in_file <= MOST_NOTES - notes => {
                    notes += in_file;
                    elf.headers = elf.headers.max(at.saturating_add(in_file));
                    elf.end = elf.end.max(elf.headers);
                    elf.notes(&read(at, in_file, "its notes")?)?;
                }
                PT_LOAD => {
                    let (Some(end), true) = (end, fits) else {
                        let why = "has a program header that says something impossible";
                        return unreadable(why);
                    };
                    elf.end = elf.end.max(end);
                    elf.segments.push(Segment { bytes: in_file, at });
                    let there = in_file.min(bytes.size().saturating_sub(at));
                    if there > 0 {
                        elf.memory.put(physical, there, at);
                    }
                }
                PT_NOTE => return unreadable("has notes of an impossible size"),
                _ => return unreadable("has a program header of an unknown kind"),
            }
        }
        if elf.memory() > bytes.size() {
            return unreadable("has program headers with more memory than the file has room for");
        }
        Ok(elf)
    }

    fn notes(&mut self, section: &[u8]) -> Result<(), Fault> {
        for (name, _, contents) in vmcoreinfo::notes(section)? {
            match name {
                vmcoreinfo::NAME => self.vmcoreinfo = Some(Vmcoreinfo::read(contents)?),
                b"QEMU" => self.by_qemu = true,
                _ => {}
            }
        }
        Ok(())
    }

    /// Checks that the file has all of the memory, and returns the number of its pages.
    pub fn check(&self) -> Result<u64, Fault> {
        let incomplete = |missing: String| Err(Fault::Incomplete(missing));
        let size = self.bytes.size();
        if size < self.end {
            let missing = self.end - size;
            return incomplete(format!("{missing} of its {} bytes are missing", self.end));
        }
        let mut placed: Vec<_> = self
            .segments
            .iter()
            .filter(|segment| segment.bytes > 0)
            .collect();
        let headers = Segment {
            bytes: self.headers,
            at: 0,
        };
        placed.push(&headers);
        placed.sort_by_key(|segment| segment.at);
        let apart = placed.windows(2).any(|pair| {
            let end = pair[0].at + pair[0].bytes;
            pair[1].at < end || pair[1].at - end >= 1 << 16
        });
        // QEMU writes a segment for each mapping of the same memory.
        if apart && !self.by_qemu {
            return incomplete(
                "its program headers are damaged: the pieces of memory do not follow each other"
                    .into(),
            );
        }
        match self.memory() / PAGE_BYTES {
            0 => incomplete("it has no memory at all".into()),
            pages => Ok(pages),
        }
    }
}

impl Elf {
    /// Returns the number of bytes of memory in it, each counted once.
    fn memory(&self) -> u64 {
        self.memory.iter().map(|(_, length)| length).sum()
    }
}

impl Physical for Elf {
    fn page_size(&self) -> u64 {
        let noted = self.vmcoreinfo.as_ref().and_then(Vmcoreinfo::page_size);
        noted
            .filter(|size| size.is_power_of_two() && (4096..=1 << 16).contains(size))
            .unwrap_or(PAGE_BYTES)
    }

    fn page(&self, frame: u64) -> Result<Option<Vec<u8>>, Fault> {
        let size = self.page_size();
        let start = frame.checked_mul(size);
        let Some((start, end)) = start.and_then(|start| Some((start, start.checked_add(size)?)))
        else {
            return Ok(None);
        };
        let mut page = vec![0; size as usize];
        let mut there = false;
        // A piece may begin or end within a page.
        let mut next = self.memory.next(start).filter(|at| *at < end);
        while let Some(at) = next {
            let Some((from, left)) = self.memory.find(at) else {
                break;
            };
            let to = end.min(at + left);
            let place = &mut page[(at - start) as usize..(to - start) as usize];
            let read = self.bytes.read_at(place, from);
            read.map_err(Fault::reading("its memory"))?;
            there = true;
            next = self.memory.next(to).filter(|at| *at < end);
        }
        Ok(there.then_some(page))
    }

    fn next(&self, frame: u64) -> Option<u64> {
        let size = self.page_size();
        let next = self.memory.next(frame.checked_mul(size)?);
        next.map(|at| at / size)
    }

    fn bytes(&self) -> u64 {
        self.memory()
    }
}

/// Copies the dump at the beginning of a raw disk to `to`. Returns false if there is none.
pub fn copy(mut disk: File, to: &mut File) -> io::Result<bool> {
    let Ok(elf) = Elf::read(Arc::new(Plain::new(disk.try_clone()?)?)) else {
        return Ok(false);
    };
    disk.rewind()?;
    let mut whole = disk.take(elf.end);
    let mut block = vec![0; 1 << 20];
    loop {
        let length = whole.read(&mut block)?;
        if length == 0 {
            break;
        }
        // Much of a machine's memory was never written to.
        if block[..length].iter().all(|byte| *byte == 0) {
            to.seek_relative(length as i64)?;
        } else {
            to.write_all(&block[..length])?;
        }
    }
    let length = to.stream_position()?;
    to.set_len(length)?;
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dump::testing::elf_of;
    use crate::dump::tests::{bytes, file};

    /// A section with one note.
    fn note(contents: &[u8]) -> Vec<u8> {
        let mut notes = Vec::new();
        for word in [11, contents.len() as u32, 0] {
            notes.extend(word.to_le_bytes());
        }
        notes.extend(b"VMCOREINFO\0\0");
        notes.extend(contents);
        notes.resize(notes.len().next_multiple_of(4), 0);
        notes
    }

    fn dump(memory: usize) -> Vec<u8> {
        let memory = vec![7; memory];
        elf_of(
            EM_AARCH64,
            &note(b"OSRELEASE=7.3\nPAGESIZE=4096\n"),
            &[(0x4000, &memory)],
        )
    }

    #[test]
    fn headers_notes_and_memory() {
        let elf = Elf::read(bytes(&dump(3 * 4096))).unwrap();
        assert_eq!((elf.machine, elf.check()), ("aarch64", Ok(3)));
        assert_eq!(elf.vmcoreinfo.as_ref().unwrap().0["OSRELEASE"], "7.3");
        assert_eq!(elf.page(3), Ok(None));
        assert_eq!(elf.page(4), Ok(Some(vec![7; 4096])));
        assert_eq!(
            (elf.next(0), elf.next(6), elf.next(7)),
            (Some(4), Some(6), None)
        );
    }

    #[test]
    fn a_cut_dump_is_incomplete() {
        let whole = dump(8192);
        let elf = Elf::read(bytes(&whole[..whole.len() - 1])).unwrap();
        assert!(matches!(elf.check(), Err(Fault::Incomplete(why)) if why.starts_with("1 of its ")));
    }

    #[test]
    fn pieces_that_do_not_follow_each_other_are_damaged() {
        let (one, other) = (vec![1; 4 << 20], vec![2; 4096]);
        let mut dump = elf_of(
            EM_X86_64,
            &note(b"OSRELEASE=7\n"),
            &[(0, &one), (8 << 20, &other)],
        );
        let pages = |dump: &[u8]| Elf::read(bytes(dump)).unwrap().check();
        assert_eq!(pages(&dump), Ok(1025));
        // The size of the first of them, in the file and in memory.
        for at in [64 + 56 + 32, 64 + 56 + 40] {
            dump[at + 2] ^= 0x40;
        }
        assert!(
            matches!(pages(&dump), Err(Fault::Incomplete(why)) if why.contains("program headers"))
        );
    }

    #[test]
    fn a_dump_is_taken_off_a_larger_disk() {
        let mut whole = dump(3 << 20);
        let zero = whole.len() - (2 << 20);
        whole[zero..].fill(0);
        let disk = file(&whole);
        disk.set_len(8 << 20).unwrap();
        let mut to = tempfile::tempfile().unwrap();
        assert!(copy(disk, &mut to).unwrap());
        let mut copied = Vec::new();
        to.rewind().unwrap();
        to.read_to_end(&mut copied).unwrap();
        assert!(copied == whole);
    }

    /// A file whose headers all say of the same bytes that they are these.
    fn repeated(kind: u32, headers: usize, contents: &[u8]) -> Vec<u8> {
        let pieces: Vec<_> = (0..headers as u64)
            .map(|n| (n << 32, &contents[..0]))
            .collect();
        let mut dump = elf_of(EM_X86_64, &[], &pieces);
        let (at, size) = (dump.len() as u64, contents.len() as u64);
        for header in (1..=headers).map(|n| 64 + 56 * n) {
            dump[header..header + 4].copy_from_slice(&kind.to_le_bytes());
            for (field, word) in [(8, at), (32, size), (40, size)] {
                dump[header + field..][..8].copy_from_slice(&word.to_le_bytes());
            }
        }
        dump.extend(contents);
        dump
    }

    #[test]
    fn what_headers_say_again_and_again() {
        let said = |dump: &[u8]| Elf::read(bytes(dump)).err().unwrap().to_string();
        let memory = repeated(PT_LOAD, 200, &[7; 1 << 16]);
        assert!(said(&memory).contains("more memory than the file has room for"));
        let notes = repeated(PT_NOTE, 200, &note(b"OSRELEASE=7\n").repeat(1 << 16));
        assert!(said(&notes).contains("notes of an impossible size"));
    }

    #[test]
    fn what_is_no_dump() {
        let mut program = dump(4096);
        program[16] = 2;
        let short = [&b"\x7fELF\x01\x01\x01"[..], &[0; 60]].concat();
        for (data, what) in [
            (&short[..], "is ELF, but not of a 64-bit"),
            (&program, "is ELF, but not a core file"),
            (&dump(4096)[..100], "the file ends within its headers"),
            (&dump(4096)[..190], "the file ends within its notes"),
        ] {
            let error = Elf::read(bytes(data)).err().unwrap().to_string();
            assert!(error.starts_with(what), "{what}: {error}");
        }
        assert!(!copy(file(&[0; 4096]), &mut tempfile::tempfile().unwrap()).unwrap());
    }
}
