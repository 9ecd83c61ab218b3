// SPDX-License-Identifier: GPL-2.0

//! The storage of a page: uncompressed, or compressed with one of four algorithms. Data that do not
//! decompress to exactly a page are damaged.

use crate::zstd;
use flate2::{Decompress, FlushDecompress, Status};
use ruzstd::decoding::FrameDecoder;

/// Flags of a page and of the header, from `diskdump_mod.h` in makedumpfile.
pub const ZLIB: u32 = 0x1;
pub const LZO: u32 = 0x2;
pub const SNAPPY: u32 = 0x4;
pub const ZSTD: u32 = 0x20;
/// Limit on the window of a page.
const MOST_WINDOW: u64 = 8 << 20;
/// All algorithms.
pub const COMPRESSED: u32 = ZLIB | LZO | SNAPPY | ZSTD;

/// A decompressor, which reuses its memory from page to page.
pub struct Codec {
    zlib: Decompress,
    zstd: FrameDecoder,
    /// A page, and one more byte to detect longer data.
    page: Vec<u8>,
    size: usize,
}

impl Codec {
    /// Makes a decompressor of pages of `size` bytes.
    pub fn new(size: usize) -> Self {
        Codec {
            zlib: Decompress::new(true),
            zstd: FrameDecoder::new(),
            page: vec![0; size + 64],
            size,
        }
    }

    /// Decompresses `data`, or describes the damage.
    pub fn page(&mut self, flags: u32, data: &[u8]) -> Result<&[u8], &'static str> {
        let length = match flags {
            0 => {
                let page = self
                    .page
                    .get_mut(..data.len())
                    .ok_or("is longer than a page")?;
                page.copy_from_slice(data);
                data.len()
            }
            ZLIB => self.zlib(data)?,
            LZO => {
                let page = &mut self.page[..self.size];
                lzo1x::decompress(data, page).map_err(|_| "is no LZO data of a page")?;
                self.size
            }
            SNAPPY => snap::raw::Decoder::new()
                .decompress(data, &mut self.page)
                .map_err(|_| "is no snappy data of a page")?,
            ZSTD if zstd::window(data).is_none_or(|window| window > MOST_WINDOW) => {
                return Err("is no zstd data of a page")
            }
            ZSTD => self
                .zstd
                .decode_all(data, &mut self.page)
                .map_err(|_| "is no zstd data of a page")?,
            _ => return Err("has unknown flags"),
        };
        match length == self.size {
            true => Ok(&self.page[..length]),
            false => Err("does not have the length of a page"),
        }
    }

    fn zlib(&mut self, data: &[u8]) -> Result<usize, &'static str> {
        self.zlib.reset(true);
        let status = self
            .zlib
            .decompress(data, &mut self.page, FlushDecompress::Finish);
        let read_all = self.zlib.total_in() == data.len() as u64;
        match status {
            Ok(Status::StreamEnd) if read_all => Ok(self.zlib.total_out() as usize),
            _ => Err("is no zlib data of a page"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dump::testing::compress;

    #[test]
    fn each_algorithm_gives_back_exactly_a_page() {
        let page: Vec<u8> = (0..4096u32).map(|n| (n / 16 * n % 251) as u8).collect();
        let mut codec = Codec::new(4096);
        for flags in [0, ZLIB, LZO, SNAPPY, ZSTD] {
            let data = compress(flags, &page);
            assert!(codec.page(flags, &data).unwrap() == page, "{flags}");
            let longer = [&data[..], &[0x55]].concat();
            assert!(
                codec.page(flags, &longer).is_err(),
                "{flags}: more behind it"
            );
            assert!(
                codec.page(flags, &data[..data.len() - 1]).is_err(),
                "{flags}: cut"
            );
            for length in [4095, 4097, 8192] {
                let other = compress(flags, &page.repeat(2)[..length]);
                assert!(
                    codec.page(flags, &other).is_err(),
                    "{flags}: {length} bytes"
                );
            }
            assert!(codec.page(flags, &[]).is_err(), "{flags}: nothing");
        }
        assert!(codec.page(ZLIB | LZO, &page).is_err());
        assert!(codec.page(0x40, &page).is_err());
    }

    /// What it says of a page does not depend on the pages before.
    #[test]
    fn a_page_is_the_same_after_others() {
        // A frame with a window of 512 GiB, and a block of zeroes: found by fuzzing.
        let block = [0x28, 0xb5, 0x2f, 0xfd, 0x00, 0xe8, 0x03, 0x80, 0x00, 0x00];
        let page = compress(ZSTD, &[7; 4096]);
        let mut codec = Codec::new(4096);
        let first = codec.page(ZSTD, &block).map(<[u8]>::to_vec);
        assert!(codec.page(ZSTD, &page).is_ok());
        assert_eq!(codec.page(ZSTD, &block).map(<[u8]>::to_vec), first);
    }

    /// Of all algorithms zlib alone has a sum over its data.
    #[test]
    fn any_flip_in_zlib_data_is_noticed() {
        let page: Vec<u8> = (0..4096u32).map(|n| (n / 16 * n % 251) as u8).collect();
        let mut codec = Codec::new(4096);
        let data = compress(ZLIB, &page);
        for bit in 0..data.len() * 8 {
            let mut flipped = data.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            // The header's window and level are no data, nor is what fills the last byte.
            let read = codec.page(ZLIB, &flipped);
            assert!(
                bit < 16 || read.is_err() || read == Ok(&page[..]),
                "bit {bit}"
            );
        }
    }
}
