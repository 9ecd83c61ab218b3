// SPDX-License-Identifier: GPL-2.0

//! Strings with NUL, read from addresses that may be bad.

use super::KernelPtr;

/// The result of reading a string.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TextRead {
    /// The number of bytes in the buffer, without NUL.
    pub len: usize,
    /// Whether the string is longer than the buffer.
    pub is_cut: bool,
}

/// The size of a word.
pub(super) const WORD: usize = 8;

/// Reads a string in aligned words, and in bytes before the first aligned word, so that no page
/// after that of the NUL is read. Returns `None` if a byte cannot be read.
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
    /// Copies the string up to its NUL, or as much of it as fits. Returns `None` if it cannot be
    /// read.
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
