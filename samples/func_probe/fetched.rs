// SPDX-License-Identifier: GPL-2.0

//! What was fetched of a call: its first arguments, and the numbers and texts of the program.

/// How many numbers a program can have.
pub(crate) const NUMBERS: usize = 6;
/// How many texts.
pub(crate) const TEXTS: usize = 2;
/// How many bytes a text can have.
pub(crate) const TEXT_MAX: usize = 63;
/// How many arguments an event has.
pub(crate) const ARGUMENTS: usize = 6;
/// The bit of the first text in `unread`.
pub(crate) const TEXT_BIT: u32 = 8;

/// What was fetched of a call, apart from texts. An fprobe can carry no more.
#[derive(Clone, Copy, Default)]
pub(crate) struct Fetched {
    pub(crate) entered_ns: u64,
    pub(crate) arguments: [u64; ARGUMENTS],
    pub(crate) numbers: [u64; NUMBERS],
    /// Bit n: number n could not be read. Bit 8 + n: text n.
    pub(crate) unread: u32,
    /// Bit n: text n has more bytes than were read.
    pub(crate) cut: u16,
    /// Bit n: a condition of alternative n does not hold.
    pub(crate) failed: u16,
}

impl Fetched {
    /// A number, if it was read.
    #[inline]
    pub(crate) fn number(&self, at: usize) -> Option<u64> {
        let is_unread = self.unread.wrapping_shr(at as u32) & 1 != 0;
        self.numbers.get(at).copied().filter(|_| !is_unread)
    }

    /// Notes a number, or that it could not be read.
    #[inline]
    pub(crate) fn set_number(&mut self, at: usize, number: Option<u64>) {
        match (number, self.numbers.get_mut(at)) {
            (Some(number), Some(place)) => *place = number,
            _ => self.unread |= 1_u32.wrapping_shl(at as u32),
        }
    }
}

/// The texts that were fetched.
#[derive(Clone, Copy)]
pub(crate) struct Texts(pub(crate) [[u8; TEXT_MAX + 1]; TEXTS]);

impl Texts {
    /// None of them.
    pub(crate) const NONE: Self = Self([[0; TEXT_MAX + 1]; TEXTS]);
}
