// SPDX-License-Identifier: GPL-2.0

//! makedumpfile's flattened format (`makedumpfile -F`): a dump as a stream of pieces,
//! each with its place, for targets that cannot seek. A raw disk needs no file
//! system to hold one, and its end mark says whether all of it was written.

use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom, Write};

const SIGNATURE: &[u8] = b"makedumpfile\0\0\0\0";
const HEADER_BYTES: usize = 4096;

/// What a raw disk or a file held.
#[derive(Debug, PartialEq)]
pub enum Stream {
    /// No flattened dump begins here.
    Absent,
    /// The dump was rearranged up to its end mark.
    Whole { bytes: u64 },
    /// The dump stops before its end mark; what there was is rearranged.
    CutOff { bytes: u64 },
}

/// Puts the pieces of the flattened dump in `from` at their places in `to`.
pub fn rearrange(from: File, to: &mut File) -> std::io::Result<Stream> {
    let size = from.metadata()?.len();
    let mut from = BufReader::with_capacity(1 << 20, from);
    let mut header = [0; HEADER_BYTES];
    if from.read_exact(&mut header).is_err() || !header.starts_with(SIGNATURE) {
        return Ok(Stream::Absent);
    }
    let mut bytes = 0;
    let mut position = HEADER_BYTES as u64;
    let mut piece = Vec::new();
    loop {
        let mut place = [0; 16];
        if from.read_exact(&mut place).is_err() {
            return Ok(Stream::CutOff { bytes });
        }
        let [offset, length] = [&place[..8], &place[8..]]
            .map(|word| i64::from_be_bytes(word.try_into().unwrap_or_default()));
        if (offset, length) == (-1, -1) {
            return Ok(Stream::Whole { bytes });
        }
        position += 16;
        // Nothing valid is empty, and a disk that was not written to is zero.
        let fits =
            u64::try_from(length).is_ok_and(|length| length > 0 && length <= size - position);
        if offset < 0 || !fits {
            return Ok(Stream::CutOff { bytes });
        }
        let length = length as u64;
        piece.clear();
        (&mut from).take(length).read_to_end(&mut piece)?;
        to.seek(SeekFrom::Start(offset as u64))?;
        to.write_all(&piece)?;
        position += length;
        bytes = bytes.max(offset as u64 + length);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stream(pieces: &[(i64, &[u8])], end: bool) -> File {
        let mut file = tempfile::tempfile().unwrap();
        let mut header = vec![0; HEADER_BYTES];
        header[..SIGNATURE.len()].copy_from_slice(SIGNATURE);
        file.write_all(&header).unwrap();
        for (offset, data) in pieces {
            file.write_all(&offset.to_be_bytes()).unwrap();
            file.write_all(&(data.len() as i64).to_be_bytes()).unwrap();
            file.write_all(data).unwrap();
        }
        if end {
            file.write_all(&[0xff; 16]).unwrap();
        }
        // A disk is larger than what is written onto it.
        let written = file.stream_position().unwrap();
        file.set_len(written + 100_000).unwrap();
        file.rewind().unwrap();
        file
    }

    fn rearranged(from: File) -> (Stream, Vec<u8>) {
        let mut to = tempfile::tempfile().unwrap();
        let found = rearrange(from, &mut to).unwrap();
        let mut data = Vec::new();
        to.rewind().unwrap();
        to.read_to_end(&mut data).unwrap();
        (found, data)
    }

    #[test]
    fn pieces_go_to_their_places() {
        let (found, data) = rearranged(stream(&[(4, b"efgh"), (0, b"abcd")], true));
        assert_eq!(found, Stream::Whole { bytes: 8 });
        assert_eq!(data, b"abcdefgh");
    }

    #[test]
    fn without_end_mark_it_is_cut_off() {
        let (found, data) = rearranged(stream(&[(0, b"abcd")], false));
        assert_eq!(found, Stream::CutOff { bytes: 4 });
        assert_eq!(data, b"abcd");
    }

    #[test]
    fn a_cut_file_is_cut_off() {
        let from = stream(&[(0, b"abcd"), (4, b"efgh")], false);
        from.set_len(HEADER_BYTES as u64 + 20 + 18).unwrap();
        assert_eq!(rearranged(from).0, Stream::CutOff { bytes: 4 });
    }

    #[test]
    fn an_empty_disk_has_none() {
        let disk = tempfile::tempfile().unwrap();
        disk.set_len(1 << 20).unwrap();
        assert_eq!(rearranged(disk).0, Stream::Absent);
    }
}
