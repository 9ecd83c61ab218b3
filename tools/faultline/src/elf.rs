// SPDX-License-Identifier: GPL-2.0

//! An ELF dump: all memory as /proc/vmcore has it, unfiltered. It is what a crash
//! kernel is left with when its makedumpfile does not know the kernel that crashed.

use crate::dump::{self, Completeness, Unreadable};
use object::elf::{FileHeader64, EM_AARCH64, EM_X86_64, PT_LOAD, PT_NOTE};
use object::read::elf::{FileHeader, ProgramHeader};
use object::{LittleEndian, ReadCache};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read, Seek, Write};

const SIGNATURE: &[u8] = b"\x7fELF";
const VMCOREINFO: &[u8] = b"VMCOREINFO";
const PAGE_BYTES: u64 = 4096;

/// What the headers and notes say.
#[derive(Debug, Clone, PartialEq)]
pub struct Elf {
    pub machine: &'static str,
    pub vmcoreinfo: BTreeMap<String, String>,
    /// The bytes of memory, and where the last of them should be.
    memory: u64,
    end: u64,
}

impl Elf {
    /// Does a file that begins so claim to be ELF?
    pub fn claims(head: &[u8]) -> bool {
        head.starts_with(SIGNATURE)
    }

    /// Reads the headers and notes of a dump.
    pub fn read(file: &File) -> Result<Self, Unreadable> {
        let data = ReadCache::new(file.try_clone()?);
        let not = |what| move |_| Unreadable::Not(what);
        let header = FileHeader64::<LittleEndian>::parse(&data)
            .map_err(not("is ELF, but of no 64-bit little-endian machine"))?;
        let endian = LittleEndian;
        let segments = header
            .program_headers(endian, &data)
            .map_err(not("ends within its headers"))?;
        let mut elf = Elf {
            machine: match header.e_machine.get(endian) {
                EM_X86_64 => "x86_64",
                EM_AARCH64 => "aarch64",
                _ => "unknown",
            },
            vmcoreinfo: BTreeMap::new(),
            memory: 0,
            end: 0,
        };
        for segment in segments {
            let (offset, size) = segment.file_range(endian);
            elf.end = elf.end.max(offset.saturating_add(size));
            match segment.p_type(endian) {
                PT_LOAD => elf.memory = elf.memory.saturating_add(size),
                PT_NOTE => elf.notes(segment, &data)?,
                _ => {}
            }
        }
        if elf.vmcoreinfo.is_empty() {
            return Err(Unreadable::Not(
                "is ELF, but no kernel's dump: it has no VMCOREINFO note",
            ));
        }
        Ok(elf)
    }

    fn notes(
        &mut self,
        segment: &object::elf::ProgramHeader64<LittleEndian>,
        data: &ReadCache<File>,
    ) -> Result<(), Unreadable> {
        let broken = |_| Unreadable::Not("ends within its notes");
        let Some(mut notes) = segment.notes(LittleEndian, data).map_err(broken)? else {
            return Ok(());
        };
        while let Some(note) = notes.next().map_err(broken)? {
            if note.name() == VMCOREINFO {
                self.vmcoreinfo = dump::vmcoreinfo(note.desc());
            }
        }
        Ok(())
    }

    /// Looks whether the file has all of the memory.
    pub fn completeness(&self, file: &File) -> io::Result<Completeness> {
        let size = file.metadata()?.len();
        Ok(if size < self.end {
            Completeness::Incomplete {
                missing: format!(
                    "{} of its {} bytes are not there",
                    self.end - size,
                    self.end
                ),
            }
        } else if self.memory == 0 {
            Completeness::Incomplete {
                missing: "it has no memory at all".into(),
            }
        } else {
            Completeness::Complete {
                pages: self.memory / PAGE_BYTES,
            }
        })
    }
}

/// Copies the dump that a raw disk begins with to `to`. False if there is none.
pub fn copy(mut disk: File, to: &mut File) -> io::Result<bool> {
    let Ok(elf) = Elf::read(&disk) else {
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

    const HEADER: usize = 64;
    const PROGRAM_HEADER: usize = 56;

    /// A dump with a note and `memory` bytes.
    fn bytes(machine: u16, note: &[u8], memory: usize) -> Vec<u8> {
        let mut bytes = vec![0; HEADER + 2 * PROGRAM_HEADER];
        bytes[..7].copy_from_slice(b"\x7fELF\x02\x01\x01");
        bytes[16..18].copy_from_slice(&4u16.to_le_bytes());
        bytes[18..20].copy_from_slice(&machine.to_le_bytes());
        bytes[20] = 1;
        bytes[32] = HEADER as u8;
        bytes[52] = HEADER as u8;
        bytes[54] = PROGRAM_HEADER as u8;
        bytes[56] = 2;
        let mut notes = Vec::new();
        for word in [11, note.len() as u32, 0] {
            notes.extend(word.to_le_bytes());
        }
        notes.extend(b"VMCOREINFO\0\0");
        notes.extend(note);
        notes.resize(notes.len().next_multiple_of(4), 0);
        let mut at = bytes.len() as u64;
        for (index, (kind, size)) in [(PT_NOTE, notes.len()), (PT_LOAD, memory)]
            .iter()
            .enumerate()
        {
            let header = HEADER + index * PROGRAM_HEADER;
            bytes[header..header + 4].copy_from_slice(&kind.to_le_bytes());
            bytes[header + 8..header + 16].copy_from_slice(&at.to_le_bytes());
            bytes[header + 32..header + 40].copy_from_slice(&(*size as u64).to_le_bytes());
            bytes[header + 48] = 4;
            at += *size as u64;
        }
        bytes.extend(notes);
        bytes.resize(bytes.len() + memory, 7);
        bytes
    }

    fn file(bytes: &[u8]) -> File {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(bytes).unwrap();
        file.rewind().unwrap();
        file
    }

    #[test]
    fn headers_and_note() {
        let file = file(&bytes(EM_AARCH64, b"OSRELEASE=7.3\nPAGESIZE=4096\n", 8192));
        let elf = Elf::read(&file).unwrap();
        assert_eq!(elf.machine, "aarch64");
        assert_eq!(elf.vmcoreinfo["OSRELEASE"], "7.3");
        assert_eq!(
            elf.completeness(&file).unwrap(),
            Completeness::Complete { pages: 2 }
        );
    }

    #[test]
    fn a_cut_dump_is_incomplete() {
        let whole = bytes(EM_X86_64, b"OSRELEASE=7.3\n", 8192);
        let file = file(&whole[..whole.len() - 1]);
        assert!(matches!(
            Elf::read(&file).unwrap().completeness(&file).unwrap(),
            Completeness::Incomplete { missing } if missing.starts_with("1 of its ")
        ));
    }

    #[test]
    fn a_dump_is_taken_off_a_larger_disk() {
        let mut whole = bytes(EM_X86_64, b"OSRELEASE=7.3\n", 3 << 20);
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

    #[test]
    fn what_is_no_dump() {
        for (bytes, what) in [
            (&b"\x7fELF\x01\x01\x01"[..], "is ELF, but of no 64-bit"),
            (&bytes(EM_X86_64, b"", 4096), "is ELF, but no kernel's dump"),
            (
                &bytes(EM_X86_64, b"A=1\n", 4096)[..100],
                "ends within its headers",
            ),
            (
                &bytes(EM_X86_64, b"A=1\n", 4096)[..190],
                "ends within its notes",
            ),
        ] {
            let error = Elf::read(&file(bytes)).unwrap_err().to_string();
            assert!(error.starts_with(what), "{what}: {error}");
        }
        assert!(!copy(file(&[0; 4096]), &mut tempfile::tempfile().unwrap()).unwrap());
    }
}
