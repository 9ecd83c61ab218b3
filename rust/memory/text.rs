// SPDX-License-Identifier: GPL-2.0

//! Texts that end with a NUL, read from memory that may not be there.

use super::KernelPtr;

/// What was read of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TextRead {
    /// How many bytes of the buffer are the text.
    pub len: usize,
    /// The text has more bytes than the buffer.
    pub is_cut: bool,
}

/// A word of a text.
pub(super) const WORD: usize = 8;

/// Reads a text by words, and by bytes up to the first word that is aligned: so nothing is
/// read from a page after that of the NUL. `None` if the memory of a byte cannot be read.
#[inline]
pub(super) fn read(
    address: usize,
    to: &mut [u8],
    word: impl Fn(usize) -> Option<[u8; WORD]>,
    byte: impl Fn(usize) -> Option<u8>,
) -> Option<TextRead> {
    let mut len: usize = 0;
    let mut next = address;
    while len < to.len() {
        let (bytes, count) = if next % WORD == 0 {
            (word(next)?, WORD)
        } else {
            ([byte(next)?; WORD], 1)
        };
        for byte in bytes.into_iter().take(count) {
            if byte == 0 {
                return Some(TextRead { len, is_cut: false });
            }
            let Some(place) = to.get_mut(len) else {
                return Some(TextRead { len, is_cut: true });
            };
            *place = byte;
            len = len.wrapping_add(1);
        }
        next = next.wrapping_add(count);
    }
    let is_cut = byte(next)? != 0;
    Some(TextRead { len, is_cut })
}

impl KernelPtr<u8> {
    /// Copies the text that is there, up to its NUL, or as far as there is room; `None` if it
    /// cannot be read.
    ///
    /// # Context
    ///
    /// Any.
    #[inline]
    pub fn read_text(self, to: &mut [u8]) -> Option<TextRead> {
        read(
            self.address(),
            to,
            |address| KernelPtr::<[u8; WORD]>::of(address).read(),
            |address| KernelPtr::<u8>::of(address).read(),
        )
    }
}
