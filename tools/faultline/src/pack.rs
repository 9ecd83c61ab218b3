// SPDX-License-Identifier: GPL-2.0

//! Writers of compressed streams and archives, for the tests of their readers.

use std::io::Write;

pub fn gzip(data: &[u8]) -> Vec<u8> {
    let mut to = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    to.write_all(data).unwrap();
    to.finish().unwrap()
}

pub fn zstd(data: &[u8]) -> Vec<u8> {
    ruzstd::encoding::compress_to_vec(data, ruzstd::encoding::CompressionLevel::Fastest)
}

pub fn xz(data: &[u8]) -> Vec<u8> {
    let options = lzma_rust2::XzOptions::with_preset(0);
    let mut to = lzma_rust2::XzWriter::new(Vec::new(), options).unwrap();
    to.write_all(data).unwrap();
    to.finish().unwrap()
}

/// Writes LZ4's legacy frame in small blocks, as a reader has to accept blocks of any length.
pub fn lz4(data: &[u8]) -> Vec<u8> {
    let mut out = vec![0x02, 0x21, 0x4c, 0x18];
    for part in data.chunks(300) {
        let block = lz4_flex::block::compress(part);
        out.extend((block.len() as u32).to_le_bytes());
        out.extend(block);
    }
    out
}

/// Writes a cpio archive of these files, as in an initrd.
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
