// SPDX-License-Identifier: GPL-2.0

//! makedumpfile's flattened format (`makedumpfile -F`): a dump as a stream of pieces, each with its
//! place, for targets that cannot seek. A raw disk can hold it without a file system, and its end
//! mark shows whether it is complete.

use super::fault::{Fault, Watch};
use super::pieces::Pieces;
use super::source::Bytes;
use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::FileExt;
use std::sync::Arc;

const SIGNATURE: &[u8] = b"makedumpfile\0\0\0\0";
const HEADER_BYTES: usize = 4096;

/// The contents of a raw disk or a file.
#[derive(Debug, PartialEq)]
pub enum Stream {
    /// No flattened dump begins here.
    Absent,
    /// The dump was rearranged, up to its end mark.
    Whole { bytes: u64 },
    /// The dump has no end mark; the existing pieces were rearranged.
    CutOff { bytes: u64 },
}

/// A flattened dump, read in place through an index of its pieces.
pub struct View {
    inner: Arc<dyn Bytes>,
    pieces: Pieces,
    /// Whether it has its end mark.
    pub whole: bool,
}

impl View {
    /// Indexes the pieces of `inner`, if it is a flattened dump.
    pub fn new(inner: &Arc<dyn Bytes>, watch: &Watch<'_>) -> Result<Option<Self>, Fault> {
        let mut head = [0; SIGNATURE.len()];
        if inner.read_at(&mut head, 0).is_err() || head != *SIGNATURE {
            return Ok(None);
        }
        let mut view = View {
            inner: inner.clone(),
            pieces: Pieces::default(),
            whole: false,
        };
        let mut position = HEADER_BYTES as u64;
        let mut place = [0; 16];
        loop {
            match inner.read_at(&mut place, position) {
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                    return Ok(Some(view))
                }
                read => read?,
            }
            position += place.len() as u64;
            let [offset, length] = [&place[..8], &place[8..]]
                .map(|word| i64::from_be_bytes(word.try_into().unwrap_or_default()));
            if (offset, length) == (-1, -1) {
                view.whole = true;
                return Ok(Some(view));
            }
            let (Ok(offset), Ok(length)) = (u64::try_from(offset), u64::try_from(length)) else {
                return Ok(Some(view));
            };
            // Nothing valid is empty, and a disk that was not written to is zero.
            if length == 0 || length > inner.size() - position {
                return Ok(Some(view));
            }
            view.pieces.put(offset, length, position);
            position += length;
            watch.go_on()?;
        }
    }
}

impl Bytes for View {
    fn size(&self) -> u64 {
        self.pieces.end()
    }

    fn read_at(&self, mut buffer: &mut [u8], mut at: u64) -> io::Result<()> {
        while !buffer.is_empty() {
            // A place without a piece was never written.
            let Some((from, left)) = self.pieces.find(at) else {
                return Err(io::ErrorKind::UnexpectedEof.into());
            };
            let length = left.min(buffer.len() as u64) as usize;
            let (now, later) = buffer.split_at_mut(length);
            self.inner.read_at(now, from)?;
            at += length as u64;
            buffer = later;
        }
        Ok(())
    }

    /// Writes the pieces at their places into an unlinked temporary file.
    fn file(&self) -> io::Result<File> {
        let to = tempfile::tempfile()?;
        to.set_len(self.size())?;
        let mut block = vec![0; 1 << 20];
        for (place, length) in self.pieces.iter() {
            for at in (0..length).step_by(block.len()) {
                let now = (length - at).min(block.len() as u64) as usize;
                self.read_at(&mut block[..now], place + at)?;
                to.write_all_at(&block[..now], place + at)?;
            }
        }
        Ok(to)
    }
}

/// Writes the pieces of the flattened dump in `from` at their places in `to`.
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

    fn view(from: File) -> View {
        let plain: Arc<dyn Bytes> = Arc::new(crate::dump::source::Plain::new(from).unwrap());
        View::new(&plain, &crate::dump::tests::unwatched())
            .unwrap()
            .unwrap()
    }

    /// What lies between two places; none if a byte of it was not written.
    fn between(view: &View, from: u64, to: u64) -> Option<Vec<u8>> {
        let mut data = vec![0; (to - from) as usize];
        view.read_at(&mut data, from).ok().map(|()| data)
    }

    #[test]
    fn a_view_reads_in_place() {
        let whole = view(stream(&[(4, b"efgh"), (0, b"abcd"), (12, b"mn")], true));
        assert!(whole.whole && whole.size() == 14);
        assert_eq!(between(&whole, 0, 8).unwrap(), b"abcdefgh");
        assert_eq!(between(&whole, 3, 5).unwrap(), b"de");
        assert_eq!(between(&whole, 12, 14).unwrap(), b"mn");
        assert_eq!(
            (between(&whole, 7, 9), between(&whole, 13, 15)),
            (None, None)
        );
        assert!(!view(stream(&[(0, b"abcd")], false)).whole);
    }

    #[test]
    fn a_later_piece_is_what_counts() {
        let pieces: [(i64, &[u8]); 5] = [
            (0, b"aaaaaaaa"),
            (2, b"bb"),
            (3, b"ccccc"),
            (6, b"dddd"),
            (0, b"e"),
        ];
        let (_, data) = rearranged(stream(&pieces, true));
        let view = view(stream(&pieces, true));
        assert_eq!(between(&view, 0, 10).unwrap(), data);
        assert_eq!(data, b"eabcccdddd");
        let mut copy = Vec::new();
        view.file().unwrap().read_to_end(&mut copy).unwrap();
        assert_eq!(copy, data);
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
