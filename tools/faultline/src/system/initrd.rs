// SPDX-License-Identifier: GPL-2.0

//! Files in an initrd: cpio archives one after another, as the kernel unpacks them
//! (`Documentation/driver-api/early-userspace/buffer-format.rst`), the last of them compressed.

use crate::zstd;
use flate2::bufread::MultiGzDecoder;
use lzma_rust2::XzReader;
use std::io::{self, BufRead, BufReader, Cursor, Read};

/// Limit on the unpacked size of an initrd.
const MOST: u64 = 1 << 30;
/// Limit on the size of a file in it.
const LARGEST: u64 = 1 << 20;
/// Limit on the memory for a decoder's window.
const WINDOW_KIB: u32 = 256 << 10;
/// The blocks of a legacy LZ4 frame have at most this size, uncompressed.
const LZ4_BLOCK: usize = 8 << 20;

/// The length of the longest of these.
const MAGIC: u64 = 6;
const GZIP: &[u8] = &[0x1f, 0x8b];
const ZSTD: &[u8] = &[0x28, 0xb5, 0x2f, 0xfd];
const XZ: &[u8] = &[0xfd, b'7', b'z', b'X', b'Z', 0];
const LZ4: &[u8] = &[0x02, 0x21, 0x4c, 0x18];

/// Why an initrd could not be read.
pub type Why = String;

/// Returns the file `name` of an initrd from the last archive with it, which the kernel unpacks
/// last; `None` if there is none.
pub fn find(initrd: impl Read, name: &str) -> Result<Option<Vec<u8>>, Why> {
    let mut found = None;
    let mut from = BufReader::with_capacity(1 << 16, initrd);
    let start = archives(&mut from, name, &mut found)?;
    let rest = start.as_slice().chain(from);
    if start.is_empty() {
        return Ok(found);
    }
    let Some(unpacked) = unpack(&start, rest)? else {
        let bytes: Vec<_> = start.iter().map(|byte| format!("{byte:02x}")).collect();
        let bytes = bytes.join(" ");
        return Err(format!(
            "compressed with an unknown algorithm: begins with {bytes}"
        ));
    };
    let mut unpacked = BufReader::with_capacity(1 << 16, unpacked.take(MOST));
    if unpacked.fill_buf().map_err(says)?.is_empty() {
        return Err("ends before its archive begins".into());
    }
    match archives(&mut unpacked, name, &mut found)?.as_slice() {
        [] => Ok(found),
        _ => Err("has other data than cpio archives".into()),
    }
}

/// Returns a decoder of `from`, which begins with `start`; `None` if it is not compressed.
fn unpack<'a>(start: &[u8], from: impl BufRead + 'a) -> Result<Option<Box<dyn Read + 'a>>, Why> {
    Ok(Some(match start {
        start if start.starts_with(GZIP) => Box::new(MultiGzDecoder::new(from)),
        start if start.starts_with(XZ) => Box::new(XzReader::new_mem_limit(from, true, WINDOW_KIB)),
        start if start.starts_with(ZSTD) => {
            let from = Cursor::new(Vec::new()).chain(from);
            let decoder = zstd::decoder(from, u64::from(WINDOW_KIB) << 10);
            Box::new(decoder.map_err(|error| format!("invalid zstd data: {error}"))?)
        }
        start if start.starts_with(LZ4) => Box::new(Lz4::new(from)),
        _ => return Ok(None),
    }))
}

/// Returns whether a file, unpacked if it is compressed, contains a word.
pub fn has_word(bytes: &[u8], word: &[u8]) -> Result<bool, Why> {
    let has = |bytes: &[u8]| bytes.windows(word.len()).any(|part| part == word);
    let Some(unpacked) = unpack(bytes, bytes)? else {
        return Ok(has(bytes));
    };
    let mut unpacked = unpacked.take(MOST);
    let (mut found, mut kept) = (false, Vec::new());
    let mut block = vec![0; 1 << 16];
    loop {
        match unpacked.read(&mut block).map_err(says)? {
            0 if unpacked.limit() == 0 => {
                return Err(format!("has more than {} MiB, unpacked", MOST >> 20))
            }
            0 => return Ok(found),
            length => kept.extend_from_slice(&block[..length]),
        }
        found = found || has(&kept);
        // The word may continue in the next block.
        kept.drain(..(kept.len() + 1).saturating_sub(word.len()));
    }
}

fn says(error: io::Error) -> Why {
    error.to_string()
}

/// Reads consecutive archives. Returns the first bytes of other data after them.
fn archives(
    from: &mut impl BufRead,
    name: &str,
    found: &mut Option<Vec<u8>>,
) -> Result<Vec<u8>, Why> {
    loop {
        // Zeros may separate the archives.
        let zeros = loop {
            let ahead = from.fill_buf().map_err(says)?;
            let zeros = ahead.iter().take_while(|byte| **byte == 0).count();
            if zeros == 0 || zeros < ahead.len() {
                break zeros;
            }
            from.consume(zeros);
        };
        from.consume(zeros);
        let mut start = Vec::new();
        let ahead = &mut from.by_ref().take(MAGIC);
        ahead.read_to_end(&mut start).map_err(says)?;
        if !start.starts_with(b"0707") {
            return Ok(start);
        }
        archive(&mut start.chain(&mut *from), name, found)?;
    }
}

/// Reads one archive, to its trailer.
fn archive(from: &mut impl Read, name: &str, found: &mut Option<Vec<u8>>) -> Result<(), Why> {
    let mut at = 0;
    loop {
        let mut header = [0; 110];
        take(from, &mut header, &mut at)?;
        if !(header.starts_with(b"070701") || header.starts_with(b"070702")) {
            return Err("has a file header that is not of cpio's newc format".into());
        }
        let field = |number: usize| {
            let digits = header.get(6 + 8 * number..14 + 8 * number);
            let digits = digits.and_then(|digits| std::str::from_utf8(digits).ok());
            let value = digits.and_then(|digits| u64::from_str_radix(digits, 16).ok());
            value.ok_or("has a file header with an invalid number")
        };
        let (mode, size, length) = (field(1)?, field(6)?, field(11)?);
        if length > 1 << 16 {
            return Err("has a file whose name is too long".into());
        }
        let mut path = vec![0; length as usize];
        take(from, &mut path, &mut at)?;
        pad(from, &mut at)?;
        let path = path.strip_suffix(b"\0").unwrap_or(&path);
        if path == b"TRAILER!!!" {
            return Ok(());
        }
        let path = path.strip_prefix(b"./").unwrap_or(path);
        let path = path.strip_prefix(b"/").unwrap_or(path);
        let is_file = mode & 0o170_000 == 0o100_000;
        if is_file && path == name.as_bytes() {
            if size > LARGEST {
                return Err(format!("has a {name} of {size} bytes"));
            }
            let mut bytes = vec![0; size as usize];
            take(from, &mut bytes, &mut at)?;
            *found = Some(bytes);
        } else {
            let passed = io::copy(&mut from.by_ref().take(size), &mut io::sink()).map_err(says)?;
            if passed < size {
                return Err("ends in the middle of a file".into());
            }
            at += size;
        }
        pad(from, &mut at)?;
    }
}

fn take(from: &mut impl Read, into: &mut [u8], at: &mut u64) -> Result<(), Why> {
    from.read_exact(into).map_err(says)?;
    *at += into.len() as u64;
    Ok(())
}

/// Names and contents are padded to a multiple of four bytes.
fn pad(from: &mut impl Read, at: &mut u64) -> Result<(), Why> {
    let mut rest = [0; 3];
    let length = (at.wrapping_neg() % 4) as usize;
    take(from, &mut rest[..length], at)
}

/// A reader of LZ4's legacy frame, which the kernel uses: blocks with their sizes in front.
struct Lz4<R> {
    from: R,
    /// The buffer of a block.
    room: Vec<u8>,
    length: usize,
    at: usize,
}

impl<R: Read> Lz4<R> {
    fn new(from: R) -> Self {
        Lz4 {
            from,
            room: Vec::new(),
            length: 0,
            at: 0,
        }
    }

    /// Unpacks the next block; returns whether there was one.
    fn next(&mut self) -> io::Result<bool> {
        let mut size = [0; 4];
        loop {
            let mut got = 0;
            while got < size.len() {
                match self.from.read(&mut size[got..])? {
                    0 if got == 0 => return Ok(false),
                    0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                    some => got += some,
                }
            }
            // The beginning of a frame, or the zeros that pad the last one.
            if size != LZ4 && size != [0; 4] {
                break;
            }
        }
        let length = u32::from_le_bytes(size) as usize;
        if length > LZ4_BLOCK + LZ4_BLOCK / 255 + 16 {
            return Err(io::Error::other("an LZ4 block is too long"));
        }
        let mut data = vec![0; length];
        self.from.read_exact(&mut data)?;
        self.room.resize(LZ4_BLOCK, 0);
        let length = lz4_flex::block::decompress_into(&data, &mut self.room);
        self.length = length.map_err(io::Error::other)?;
        self.at = 0;
        Ok(true)
    }
}

impl<R: Read> Read for Lz4<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        while self.at >= self.length {
            if !self.next()? {
                return Ok(0);
            }
        }
        let length = into.len().min(self.length - self.at);
        into[..length].copy_from_slice(&self.room[self.at..self.at + length]);
        self.at += length;
        Ok(length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pack::{cpio, gzip, lz4, xz, zstd};

    fn text(initrd: &[u8], name: &str) -> Option<String> {
        let found = find(initrd, name).unwrap();
        found.map(|bytes| String::from_utf8(bytes).unwrap())
    }

    #[test]
    fn a_file_is_found_however_it_is_packed() {
        let main = cpio(&[
            ("./a", "long".repeat(500).as_str()),
            ("cryptroot/crypttab", "x\n"),
        ]);
        let early = cpio(&[
            ("kernel/x86/microcode/GenuineIntel.bin", "code"),
            ("b", "old"),
        ]);
        for packed in [
            main.clone(),
            gzip(&main),
            lz4(&main),
            zstd(&main),
            xz(&main),
        ] {
            for initrd in [packed.clone(), [early.clone(), packed].concat()] {
                assert_eq!(text(&initrd, "cryptroot/crypttab").as_deref(), Some("x\n"));
                assert_eq!(text(&initrd, "a").unwrap().len(), 2000);
                assert_eq!(text(&initrd, "etc"), None);
                assert_eq!(text(&initrd, "none"), None);
            }
        }
        // The kernel unpacks one over the other.
        let initrd = [early, gzip(&cpio(&[("b", "new")]))].concat();
        assert_eq!(text(&initrd, "b").as_deref(), Some("new"));
        assert_eq!(text(&[], "a"), None);
    }

    #[test]
    fn a_word_is_found_in_a_file_however_it_is_packed() {
        // Wherever it lies between what is unpacked at once.
        for before in [0, 299, (1 << 16) - 2, 1 << 16, 100_000] {
            let text = [&b"x".repeat(before)[..], b"word", &b"y".repeat(99)].concat();
            for packed in [
                text.clone(),
                gzip(&text),
                lz4(&text),
                zstd(&text),
                xz(&text),
            ] {
                assert_eq!(has_word(&packed, b"word"), Ok(true), "{before}");
                assert_eq!(has_word(&packed, b"sword"), Ok(false), "{before}");
            }
        }
        let mut cut = xz(&b"word".repeat(99));
        cut.truncate(40);
        assert!(has_word(&cut, b"word").is_err());
    }

    /// Each block takes 8 MiB when it is unpacked, whatever is in it; this has a million of them.
    #[test]
    fn blocks_of_nothing_take_no_time() {
        let block = lz4_flex::block::compress(b"");
        let mut packed = LZ4.to_vec();
        for _ in 0..1 << 20 {
            packed.extend((block.len() as u32).to_le_bytes());
            packed.extend(&block);
        }
        let begin = std::time::Instant::now();
        assert_eq!(has_word(&packed, b"word"), Ok(false));
        let took = begin.elapsed();
        assert!(took < std::time::Duration::from_secs(60), "{took:?}");
    }

    /// The header of an xz stream says how much memory its reader needs: here 4 GiB.
    #[test]
    fn a_window_of_any_size_is_refused() {
        let mut packed = xz(b"text");
        // The block's header: the dictionary's size, and the sum that has to fit.
        let (header, size) = (12, packed[12] as usize * 4);
        let at = (header..header + size).find(|at| packed[*at..*at + 2] == [0x21, 1]);
        packed[at.unwrap() + 2] = 40;
        let sum = crc32(&packed[header..header + size]);
        packed[header + size..][..4].copy_from_slice(&sum.to_le_bytes());
        let error = has_word(&packed, b"word").unwrap_err();
        assert!(error.to_lowercase().contains("memory"), "{error}");
    }

    fn crc32(bytes: &[u8]) -> u32 {
        let mut sum = flate2::Crc::new();
        sum.update(bytes);
        sum.sum()
    }

    #[test]
    fn what_is_cut_or_damaged_has_no_answer() {
        let main = cpio(&[("z", "zz"), ("a", "text")]);
        for packed in [
            main.clone(),
            gzip(&main),
            lz4(&main),
            zstd(&main),
            xz(&main),
        ] {
            for end in 1..packed.len() {
                if let Ok(found) = find(&packed[..end], "a") {
                    // The rest is what fills up.
                    assert_eq!(found.as_deref(), Some(&b"text"[..]), "{end}");
                }
            }
        }
        for wrong in [&b"hello"[..], b"0707011", &[0x42, 0x5a, 0x68], &[1]] {
            assert!(find(wrong, "a").is_err(), "{wrong:?}");
        }
        let wrong = String::from_utf8(main)
            .unwrap()
            .replacen("070701", "070707", 2);
        assert!(find(wrong.as_bytes(), "a").is_err());
    }
}
