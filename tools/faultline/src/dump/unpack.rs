// SPDX-License-Identifier: GPL-2.0

//! Compressed inputs (`.gz`, `.zst`, `.xz`), recognized by their first bytes, not by their name,
//! and decompressed into an unlinked temporary file.

use super::fault::{Fault, Watch};
use super::source::{self, Bytes, Plain};
use crate::zstd::{self, Ahead};
use flate2::read::MultiGzDecoder;
use lzma_rust2::XzReader;
use ruzstd::decoding::{FrameDecoder, StreamingDecoder};
use std::cell::RefCell;
use std::io::{self, BufRead, BufReader, Cursor, Read};
use std::sync::Arc;

/// Limit on the memory for a decoder's window.
const WINDOW_KIB: u32 = 256 << 10;

/// A compressed input.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Packed {
    Gzip,
    Zstd,
    Xz,
}

impl Packed {
    fn of(bytes: &dyn Bytes) -> Option<Self> {
        let mut head = [0; 6];
        bytes.read_at(&mut head, 0).ok()?;
        match head {
            [0x1f, 0x8b, 8, ..] => Some(Self::Gzip),
            [0x28, 0xb5, 0x2f, 0xfd, ..] => Some(Self::Zstd),
            [0xfd, b'7', b'z', b'X', b'Z', 0] => Some(Self::Xz),
            _ => None,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
            Self::Xz => "xz",
        }
    }
}

/// The decompressed input.
pub struct Unpacked {
    pub bytes: Arc<dyn Bytes>,
    /// Why it is incomplete, if so.
    pub damage: Option<String>,
}

/// Decompresses `bytes`, if they are compressed.
pub fn unpack(bytes: &Arc<dyn Bytes>, watch: &Watch<'_>) -> Result<Option<Unpacked>, Fault> {
    let Some(packed) = Packed::of(bytes.as_ref()) else {
        return Ok(None);
    };
    let failed = RefCell::new(None);
    let from = BufReader::with_capacity(
        1 << 18,
        From {
            bytes: bytes.as_ref(),
            at: 0,
            failed: &failed,
        },
    );
    let damage = RefCell::new(None);
    let inside = match packed {
        Packed::Gzip => until_damage(MultiGzDecoder::new(from), &damage, watch),
        Packed::Xz => {
            let reader = XzReader::new_mem_limit(from, true, WINDOW_KIB);
            until_damage(reader, &damage, watch)
        }
        Packed::Zstd => until_damage(Frames::new(from), &damage, watch),
    };
    if let Some(error) = failed.into_inner() {
        return Err(Fault::GivenUp(format!("cannot be read: {error}")));
    }
    Ok(Some(Unpacked {
        bytes: Arc::new(inside?),
        damage: damage.into_inner().map(|why: io::Error| {
            format!("its {} stream is cut off or damaged: {why}", packed.name())
        }),
    }))
}

/// Copies the output of `decoder`, up to the first damage of its stream.
fn until_damage(
    decoder: impl Read,
    damage: &RefCell<Option<io::Error>>,
    watch: &Watch<'_>,
) -> Result<Plain, Fault> {
    struct Until<'a, R>(R, &'a RefCell<Option<io::Error>>);
    impl<R: Read> Read for Until<'_, R> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            self.0.read(buffer).or_else(|error| {
                *self.1.borrow_mut() = Some(error);
                Ok(0)
            })
        }
    }
    source::spool(Until(decoder, damage), watch)
}

/// A stream of bytes, which records an I/O error of the file itself.
struct From<'a> {
    bytes: &'a dyn Bytes,
    at: u64,
    failed: &'a RefCell<Option<io::Error>>,
}

impl Read for From<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = (self.bytes.size() - self.at).min(buffer.len() as u64) as usize;
        if let Err(error) = self.bytes.read_at(&mut buffer[..length], self.at) {
            let kind = error.kind();
            *self.failed.borrow_mut() = Some(error);
            return Err(kind.into());
        }
        self.at += length as u64;
        Ok(length)
    }
}

/// A zstd file's frames, one after the other (`zstd -T0` and `cat` make several).
struct Frames<R: BufRead> {
    from: Option<Ahead<R>>,
    frame: Option<StreamingDecoder<Ahead<R>, FrameDecoder>>,
}

impl<R: BufRead> Frames<R> {
    fn new(from: R) -> Self {
        Frames {
            from: Some(Cursor::new(Vec::new()).chain(from)),
            frame: None,
        }
    }
}

impl<R: BufRead> Read for Frames<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            if let Some(frame) = &mut self.frame {
                let read = frame.read(buffer)?;
                if read > 0 {
                    return Ok(read);
                }
                let sums = &frame.decoder;
                if let Some(sum) = sums.get_checksum_from_data() {
                    if sums.get_calculated_checksum() != Some(sum) {
                        return Err(io::Error::other("its checksum differs"));
                    }
                }
                self.from = self.frame.take().map(StreamingDecoder::into_inner);
            }
            let Some(mut from) = self.from.take() else {
                return Ok(0);
            };
            if from.fill_buf()?.is_empty() {
                return Ok(0);
            }
            self.frame = Some(zstd::decoder(from, u64::from(WINDOW_KIB) << 10)?);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dump::tests::{bytes, unwatched};
    use crate::pack::{gzip, xz, zstd};

    fn unpacked(data: &[u8]) -> (Vec<u8>, Option<String>) {
        let inside = unpack(&bytes(data), &unwatched()).unwrap().unwrap();
        let size = inside.bytes.size();
        let data = source::read_vec(inside.bytes.as_ref(), 0, size).unwrap();
        (data, inside.damage)
    }

    fn data() -> Vec<u8> {
        (0..200_000u32)
            .flat_map(|n| (n / 7).to_le_bytes())
            .collect()
    }

    #[test]
    fn each_kind_gives_back_what_went_in() {
        for pack in [gzip, zstd, xz] {
            assert!(unpacked(&pack(&data())) == (data(), None));
            // Concatenated ones are one input.
            let twice = [pack(&data()), pack(b"end")].concat();
            assert!(unpacked(&twice) == ([&data(), &b"end"[..]].concat(), None));
        }
        assert!(unpack(&bytes(b"KDUMP   "), &unwatched()).unwrap().is_none());
    }

    #[test]
    fn a_cut_stream_is_damaged() {
        for pack in [gzip, zstd, xz] {
            let whole = pack(&data());
            let (_, damage) = unpacked(&whole[..whole.len() * 2 / 3]);
            assert!(damage.unwrap().contains("stream is cut off or damaged"));
        }
    }
}
