// SPDX-License-Identifier: GPL-2.0

//! The window of a zstd frame, which its reader has to keep in memory. ruzstd limits it only from a
//! decoder's second frame on: this module checks the first frame as well, so that the limit does
//! not depend on the frames before.

use ruzstd::decoding::{FrameDecoder, StreamingDecoder};
use std::io::{self, BufRead, Chain, Cursor, Read};

const MAGIC: &[u8] = &[0x28, 0xb5, 0x2f, 0xfd];
/// The largest size of a frame's header.
const HEADER: usize = 18;

/// Returns the window of the frame that begins with these bytes; none if they are not a complete
/// header.
pub fn window(frame: &[u8]) -> Option<u64> {
    let (descriptor, rest) = frame.strip_prefix(MAGIC)?.split_first()?;
    if descriptor & 0x20 == 0 {
        let byte = u64::from(*rest.first()?);
        let base = 1 << (10 + (byte >> 3));
        return Some(base + base / 8 * (byte & 7));
    }
    // A single segment: the window is the content's size, after the dictionary id.
    let rest = rest.get([0, 1, 2, 4][usize::from(descriptor & 3)]..)?;
    let width = 1 << (descriptor >> 6);
    let mut size = [0; 8];
    size[..width].copy_from_slice(rest.get(..width)?);
    let more = if width == 2 { 256 } else { 0 };
    u64::from_le_bytes(size).checked_add(more)
}

/// A reader whose first bytes were already read.
pub type Ahead<R> = Chain<Cursor<Vec<u8>>, R>;

/// Returns a decoder of the frame that comes next in `from`, if its window is within the limit.
pub fn decoder<R: BufRead>(
    from: Ahead<R>,
    most: u64,
) -> io::Result<StreamingDecoder<Ahead<R>, FrameDecoder>> {
    let (seen, mut rest) = from.into_inner();
    let at = seen.position() as usize;
    let mut head = seen.into_inner().split_off(at);
    let missing = HEADER.saturating_sub(head.len()) as u64;
    rest.by_ref().take(missing).read_to_end(&mut head)?;
    match window(&head) {
        Some(window) if window > most => Err(io::Error::other(format!(
            "it asks for {} MiB of memory",
            window >> 20
        ))),
        _ => StreamingDecoder::new(Cursor::new(head).chain(rest)).map_err(io::Error::other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_of_headers() {
        let frame = |rest: &[u8]| window(&[MAGIC, rest].concat());
        assert_eq!(frame(&[0x00, 0x00]), Some(1 << 10));
        assert_eq!(frame(&[0x04, 0xe8]), Some(1 << 39));
        assert_eq!(frame(&[0x00, 0x0f]), Some((2 << 10) + 7 * (2 << 7)));
        assert_eq!(frame(&[0x20, 7]), Some(7));
        assert_eq!(frame(&[0x61, 0xdd, 1, 2]), Some(0x201 + 256));
        assert_eq!(
            frame(&[0xe3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]),
            Some(1 << 56)
        );
        for cut in [&[][..], &[0x00], &[0x20], &[0x61, 0xdd, 1]] {
            assert_eq!(frame(cut), None);
        }
        assert_eq!(window(&[0x50, 0x2a, 0x4d, 0x18, 0, 0, 0, 0]), None);
    }

    #[test]
    fn a_window_is_refused_whichever_frame_has_it() {
        let packed = crate::pack::zstd(b"text");
        let read = |bytes: &[u8], most| {
            let mut text = Vec::new();
            let from = Cursor::new(Vec::new()).chain(bytes);
            decoder(from, most)?.read_to_end(&mut text).map(|_| text)
        };
        let asks = window(&packed).unwrap();
        assert_eq!(read(&packed, asks).unwrap(), b"text");
        let error = read(&packed, asks - 1).unwrap_err().to_string();
        assert!(error.starts_with("it asks for "), "{error}");
    }
}
