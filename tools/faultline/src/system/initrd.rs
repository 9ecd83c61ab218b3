// SPDX-License-Identifier: GPL-2.0

//! Files in an initrd: cpio archives one after another, as the kernel unpacks them
//! (`Documentation/driver-api/early-userspace/buffer-format.rst`), the last of them compressed.

use flate2::bufread::MultiGzDecoder;
use lzma_rust2::XzReader;
use ruzstd::decoding::StreamingDecoder;
use std::borrow::Cow;
use std::io::{self, BufRead, BufReader, Read};

/// No initrd that a crash kernel has room for is larger when unpacked.
const MOST: u64 = 1 << 30;
/// Larger files in it are not read.
const LARGEST: u64 = 1 << 20;
/// The blocks of a legacy LZ4 frame have at most this size, uncompressed.
const LZ4_BLOCK: usize = 8 << 20;

/// As long as the longest of these.
const MAGIC: u64 = 6;
const GZIP: &[u8] = &[0x1f, 0x8b];
const ZSTD: &[u8] = &[0x28, 0xb5, 0x2f, 0xfd];
const XZ: &[u8] = &[0xfd, b'7', b'z', b'X', b'Z', 0];
const LZ4: &[u8] = &[0x02, 0x21, 0x4c, 0x18];

/// Why an initrd could not be read.
pub type Why = String;

/// The file `name` of an initrd: as in the last archive that has it, since that one is what the
/// kernel leaves there. `None`: none has it.
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
            "compressed in a way not known here: begins with {bytes}"
        ));
    };
    let mut unpacked = BufReader::with_capacity(1 << 16, unpacked.take(MOST));
    if unpacked.fill_buf().map_err(says)?.is_empty() {
        return Err("ends before its archive begins".into());
    }
    match archives(&mut unpacked, name, &mut found)?.as_slice() {
        [] => Ok(found),
        _ => Err("has something else than cpio archives in it".into()),
    }
}

/// What is compressed in `from`, which begins with `start`; `None` if it is not compressed.
fn unpack<'a>(start: &[u8], from: impl BufRead + 'a) -> Result<Option<Box<dyn Read + 'a>>, Why> {
    Ok(Some(match start {
        start if start.starts_with(GZIP) => Box::new(MultiGzDecoder::new(from)),
        start if start.starts_with(XZ) => Box::new(XzReader::new(from, true)),
        start if start.starts_with(ZSTD) => {
            let decoder = StreamingDecoder::new(from);
            Box::new(decoder.map_err(|error| format!("no zstd data: {error}"))?)
        }
        start if start.starts_with(LZ4) => Box::new(Lz4::new(from)),
        _ => return Ok(None),
    }))
}

/// The bytes of a file, unpacked if it is compressed.
pub fn whole(bytes: &[u8]) -> Result<Cow<'_, [u8]>, Why> {
    let Some(unpacked) = unpack(bytes, bytes)? else {
        return Ok(bytes.into());
    };
    let mut all = Vec::new();
    unpacked.take(MOST).read_to_end(&mut all).map_err(says)?;
    Ok(all.into())
}

fn says(error: io::Error) -> Why {
    error.to_string()
}

/// Reads archives as long as there are any. Returns what something else begins with.
fn archives(
    from: &mut impl BufRead,
    name: &str,
    found: &mut Option<Vec<u8>>,
) -> Result<Vec<u8>, Why> {
    loop {
        // Zeros between them.
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
            return Err("has a file whose header is none of cpio's newc format".into());
        }
        let field = |number: usize| {
            let digits = header.get(6 + 8 * number..14 + 8 * number);
            let digits = digits.and_then(|digits| std::str::from_utf8(digits).ok());
            let value = digits.and_then(|digits| u64::from_str_radix(digits, 16).ok());
            value.ok_or("has a file whose header has no number where one should be")
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

/// Names and contents end at a multiple of four.
fn pad(from: &mut impl Read, at: &mut u64) -> Result<(), Why> {
    let mut rest = [0; 3];
    let length = (at.wrapping_neg() % 4) as usize;
    take(from, &mut rest[..length], at)
}

/// The legacy frame of LZ4, which the kernel reads: blocks, each with its size in front.
struct Lz4<R> {
    from: R,
    block: Vec<u8>,
    at: usize,
}

impl<R: Read> Lz4<R> {
    fn new(from: R) -> Self {
        Lz4 {
            from,
            block: Vec::new(),
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
            // A frame's beginning; behind the last one, zeros may fill up.
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
        self.block = lz4_flex::block::decompress(&data, LZ4_BLOCK).map_err(io::Error::other)?;
        self.at = 0;
        Ok(true)
    }
}

impl<R: Read> Read for Lz4<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        while self.at >= self.block.len() {
            if !self.next()? {
                return Ok(0);
            }
        }
        let length = into.len().min(self.block.len() - self.at);
        into[..length].copy_from_slice(&self.block[self.at..self.at + length]);
        self.at += length;
        Ok(length)
    }
}

#[cfg(test)]
pub mod tests {
    use super::*;
    use std::io::Write;

    /// An archive of these files.
    pub fn cpio(files: &[(&str, &str)]) -> Vec<u8> {
        let mut out = Vec::new();
        let mut add = |name: &str, mode: u32, text: &str| {
            let fields = [1, mode, 0, 0, 1, 0, text.len() as u32, 0, 0, 0, 0];
            out.extend(b"070701");
            for field in fields.into_iter().chain([name.len() as u32 + 1, 0]) {
                out.extend(format!("{field:08x}").into_bytes());
            }
            out.extend(name.bytes().chain([0]));
            out.resize(out.len().next_multiple_of(4), 0);
            out.extend(text.bytes());
            out.resize(out.len().next_multiple_of(4), 0);
        };
        add("etc", 0o040_755, "");
        for (name, text) in files {
            add(name, 0o100_644, text);
        }
        add("TRAILER!!!", 0, "");
        out.resize(out.len().next_multiple_of(512), 0);
        out
    }

    fn gzip(data: &[u8]) -> Vec<u8> {
        let mut to = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        to.write_all(data).unwrap();
        to.finish().unwrap()
    }

    fn lz4(data: &[u8]) -> Vec<u8> {
        let mut out = LZ4.to_vec();
        // Blocks of any length, for a reader.
        for part in data.chunks(300) {
            let block = lz4_flex::block::compress(part);
            out.extend((block.len() as u32).to_le_bytes());
            out.extend(block);
        }
        out
    }

    fn zstd(data: &[u8]) -> Vec<u8> {
        ruzstd::encoding::compress_to_vec(data, ruzstd::encoding::CompressionLevel::Fastest)
    }

    fn xz(data: &[u8]) -> Vec<u8> {
        let options = lzma_rust2::XzOptions::with_preset(0);
        let mut to = lzma_rust2::XzWriter::new(Vec::new(), options).unwrap();
        to.write_all(data).unwrap();
        to.finish().unwrap()
    }

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
    fn a_file_is_unpacked() {
        let text = b"text".repeat(99);
        for packed in [
            text.clone(),
            gzip(&text),
            lz4(&text),
            zstd(&text),
            xz(&text),
        ] {
            assert_eq!(whole(&packed).unwrap(), text);
        }
        let mut cut = xz(&text);
        cut.truncate(40);
        assert!(whole(&cut).is_err());
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
