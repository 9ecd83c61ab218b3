// SPDX-License-Identifier: GPL-2.0

//! What a line is made of: words, their parts, and numbers.

use core::fmt;

use faultline::{
    prelude::*,
    text::Printable, //
};

use crate::refusal::{
    invalid,
    Refusal, //
};

/// A part of a line, which comes from a user: it is shown so that it does no harm.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Word<'a>(pub(crate) &'a [u8]);

impl fmt::Display for Word<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Printable(self.0).fmt(f)
    }
}

impl<'a> Word<'a> {
    /// The words of a line, with any number of spaces between them.
    pub(crate) fn all_of(line: &'a [u8]) -> impl Iterator<Item = Self> {
        line.split(u8::is_ascii_whitespace)
            .filter(|word| !word.is_empty())
            .map(Self)
    }

    /// What stands before and after the first `byte`.
    pub(crate) fn split_at(self, byte: u8) -> Option<(Self, Self)> {
        let mut parts = self.0.splitn(2, |&there| there == byte);
        Some((Self(parts.next()?), Self(parts.next()?)))
    }

    /// What follows on `prefix`.
    pub(crate) fn after(self, prefix: &str) -> Option<Self> {
        self.0.strip_prefix(prefix.as_bytes()).map(Self)
    }

    /// Whether it is this.
    pub(crate) fn is(self, text: &str) -> bool {
        self.0 == text.as_bytes()
    }

    /// A number that is not negative, in decimal digits.
    pub(crate) fn decimal(self) -> Option<u64> {
        if self.0.is_empty() {
            return None;
        }
        self.0.iter().try_fold(0_u64, |number, byte| {
            let digit = byte.wrapping_sub(b'0');
            let number = number.checked_mul(10)?;
            number.checked_add(u64::from(digit)).filter(|_| digit < 10)
        })
    }

    /// A number in hexadecimal digits, with `0x` before it or not.
    pub(crate) fn hexadecimal(self) -> Option<u64> {
        let digits = self.after("0x").unwrap_or(self);
        if digits.0.is_empty() || digits.0.len() > 16 {
            return None;
        }
        digits.0.iter().try_fold(0_u64, |number, byte| {
            let digit = match byte {
                b'0'..=b'9' => byte.wrapping_sub(b'0'),
                b'a'..=b'f' => byte.wrapping_sub(b'a').wrapping_add(10),
                _ => return None,
            };
            Some(number.wrapping_shl(4) | u64::from(digit))
        })
    }

    /// A number from 0 to `max`.
    pub(crate) fn number(self, max: u64) -> Result<u64, Refusal> {
        let is_number = !self.0.is_empty() && self.0.iter().all(u8::is_ascii_digit);
        match self.decimal() {
            Some(number) if number <= max => Ok(number),
            _ if is_number => Err(Refusal::new(
                ERANGE,
                format_args!("'{self}' is no number from 0 to {max}"),
            )),
            _ => Err(invalid!("'{self}' is no number from 0 to {max}")),
        }
    }
}
