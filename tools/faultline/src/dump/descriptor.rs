// SPDX-License-Identifier: GPL-2.0

//! The descriptor of a page in a kdump-compressed dump: the place and the compression of its data.

use super::codec::COMPRESSED;
use super::diskdump::Header;
use super::words::Words;

/// The size of a page's descriptor.
pub const DESCRIPTOR_BYTES: u64 = 24;

/// A page's descriptor.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Descriptor {
    pub offset: u64,
    pub size: u32,
    pub flags: u32,
}

impl Descriptor {
    /// Parses a descriptor.
    pub fn read(bytes: &[u8]) -> Self {
        let words = Words(bytes);
        Descriptor {
            offset: words.u64(0),
            size: words.u32(8),
            flags: words.u32(12),
        }
    }

    pub fn end(&self) -> u64 {
        self.offset.saturating_add(u64::from(self.size))
    }

    /// Describes what is wrong with it, apart from the place of its data.
    pub fn wrong(&self, header: &Header) -> Option<&'static str> {
        let block = header.block_size;
        let known = header.compression;
        match self.flags {
            0 if self.size != block => Some("is not compressed, and is not a page long"),
            0 => None,
            flags if flags & !COMPRESSED != 0 || flags.count_ones() != 1 => {
                Some("has unknown flags")
            }
            flags if known != 0 && flags != known => {
                Some("is compressed by another algorithm than the header's")
            }
            _ if self.size == 0 || self.size >= block => {
                Some("is compressed to an impossible size")
            }
            _ => None,
        }
    }
}
