// SPDX-License-Identifier: GPL-2.0

//! The memory of the kernel that runs, by its own addresses: /proc/kcore, an ELF file of which each
//! segment is a range of addresses.

use crate::dump::words::Words;
use anyhow::{bail, ensure, Context};
use object::elf::{ET_CORE, PT_LOAD};
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;

/// ELF of 64 bits, little-endian, of the one version there is.
const IDENT: &[u8] = b"\x7fELF\x02\x01\x01";
const HEADER_BYTES: usize = 64;
const SEGMENT_BYTES: usize = 56;
/// As many segments are looked at; a large machine has some hundred.
const MOST_SEGMENTS: u16 = 8192;

/// What can be read by an address.
pub trait Memory {
    /// Reads bytes.
    ///
    /// # Errors
    ///
    /// Fails where there is no memory, or it may not be read.
    fn read(&self, address: u64, buffer: &mut [u8]) -> anyhow::Result<()>;

    fn u64(&self, address: u64) -> anyhow::Result<u64> {
        let mut bytes = [0; 8];
        self.read(address, &mut bytes)?;
        Ok(u64::from_le_bytes(bytes))
    }

    fn i32(&self, address: u64) -> anyhow::Result<i32> {
        let mut bytes = [0; 4];
        self.read(address, &mut bytes)?;
        Ok(i32::from_le_bytes(bytes))
    }

    fn u8(&self, address: u64) -> anyhow::Result<u8> {
        let mut byte = [0; 1];
        self.read(address, &mut byte)?;
        Ok(byte[0])
    }
}

/// A range of addresses, and where it is in the file.
#[derive(Debug, PartialEq)]
struct Segment {
    address: u64,
    bytes: u64,
    at: u64,
}

/// /proc/kcore.
pub struct Kcore {
    file: File,
    segments: Vec<Segment>,
}

impl Kcore {
    /// Opens it.
    ///
    /// # Errors
    ///
    /// Fails where the kernel has none, or lets nobody read it: it is locked down.
    pub fn open(path: &Path) -> anyhow::Result<Self> {
        let shown = path.display();
        let file = match File::open(path) {
            Ok(file) => file,
            Err(error) if error.raw_os_error() == Some(rustix::io::Errno::PERM.raw_os_error()) => {
                bail!("{shown} may not be read: the kernel is locked down")
            }
            Err(error) => return Err(error).with_context(|| shown.to_string()),
        };
        let mut head = [0; HEADER_BYTES];
        file.read_exact_at(&mut head, 0)
            .with_context(|| shown.to_string())?;
        let header = Words(&head);
        ensure!(
            head.starts_with(IDENT) && header.u16(16) == ET_CORE,
            "{shown} is no 64-bit little-endian core file"
        );
        let (table, size, count) = (header.u64(32), header.u16(54), header.u16(56));
        ensure!(
            usize::from(size) == SEGMENT_BYTES && count <= MOST_SEGMENTS,
            "{shown} has {count} segments of {size} bytes in its table"
        );
        let mut bytes = vec![0; SEGMENT_BYTES * usize::from(count)];
        file.read_exact_at(&mut bytes, table)
            .with_context(|| shown.to_string())?;
        let segments = bytes.chunks(SEGMENT_BYTES).filter_map(|bytes| {
            let words = Words(bytes);
            (words.u32(0) == PT_LOAD).then(|| Segment {
                at: words.u64(8),
                address: words.u64(16),
                bytes: words.u64(32),
            })
        });
        Ok(Kcore {
            segments: segments.collect(),
            file,
        })
    }
}

impl Memory for Kcore {
    fn read(&self, address: u64, buffer: &mut [u8]) -> anyhow::Result<()> {
        let length = buffer.len() as u64;
        let place = self.segments.iter().find_map(|segment| {
            let into = address.checked_sub(segment.address)?;
            let is_in = into.checked_add(length)? <= segment.bytes;
            is_in.then(|| segment.at.checked_add(into))?
        });
        let place = place.with_context(|| format!("no memory is at {address:#x}"))?;
        self.file
            .read_exact_at(buffer, place)
            .with_context(|| format!("the memory at {address:#x}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn core(segments: &[(u32, u64, u64, u64)], rest: &[u8]) -> Vec<u8> {
        let mut bytes = IDENT.to_vec();
        bytes.resize(HEADER_BYTES, 0);
        bytes[16..18].copy_from_slice(&ET_CORE.to_le_bytes());
        bytes[32..40].copy_from_slice(&64u64.to_le_bytes());
        bytes[54..56].copy_from_slice(&56u16.to_le_bytes());
        bytes[56..58].copy_from_slice(&(segments.len() as u16).to_le_bytes());
        for (kind, at, address, length) in segments {
            bytes.extend(kind.to_le_bytes());
            bytes.extend([0; 4]);
            for word in [*at, *address, 0, *length, *length, 0] {
                bytes.extend(word.to_le_bytes());
            }
        }
        bytes.extend(rest);
        bytes
    }

    fn open(bytes: &[u8]) -> anyhow::Result<Kcore> {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), bytes).unwrap();
        Kcore::open(file.path())
    }

    #[test]
    fn memory_by_its_address() {
        let base = 0xffff_8880_0000_0000;
        let segments = [(4, 64, 0, 8), (1, 232, base, 16), (1, 240, u64::MAX - 7, 8)];
        let kcore = open(&core(
            &segments,
            &[1, 0, 0, 0, 0, 0, 0, 0, 0xfe, 0xff, 0xff, 0xff, 0, 0, 0, 0],
        ))
        .unwrap();
        assert_eq!(kcore.u64(base).unwrap(), 1);
        assert_eq!(kcore.i32(base + 8).unwrap(), -2);
        assert_eq!(kcore.u8(base + 8).unwrap(), 0xfe);
        for wrong in [0, base - 1, base + 9, base + 16, u64::MAX] {
            let error = kcore.u64(wrong).unwrap_err();
            assert!(error.to_string().contains("no memory"), "{error:#}");
        }
        // The file ends before the segment does.
        let cut = open(&core(&[(1, 120, base, 16)], &[0; 12])).unwrap();
        assert!(cut.u64(base).is_ok() && cut.u64(base + 8).is_err());
    }

    #[test]
    fn what_is_no_core() {
        let whole = core(&[(1, 120, 0, 8)], &[0; 8]);
        for end in 0..119 {
            assert!(open(&whole[..end]).is_err(), "{end}");
        }
        for at in [0, 4, 16, 54] {
            let mut wrong = whole.clone();
            wrong[at] ^= 7;
            assert!(open(&wrong).is_err(), "{at}");
        }
        let absent = Kcore::open(Path::new("/nowhere/kcore")).err().unwrap();
        assert!(absent.to_string().contains("/nowhere/kcore"));
    }
}
