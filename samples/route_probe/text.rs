// SPDX-License-Identifier: GPL-2.0

//! What users write into parameters, taken apart, and names of tables. No function here can
//! panic.

/// The room for the name of a table.
pub(crate) const TABLE_NAME: usize = 12;

/// The name of a table, or its number in decimal, with NUL.
pub(crate) fn table_name(table: u32) -> [u8; TABLE_NAME] {
    match table {
        253 => *b"default\0\0\0\0\0",
        254 => *b"main\0\0\0\0\0\0\0\0",
        255 => *b"local\0\0\0\0\0\0\0",
        _ => in_decimal(table),
    }
}

/// A number in decimal, with NUL.
#[cold]
fn in_decimal(mut rest: u32) -> [u8; TABLE_NAME] {
    let mut text = [0; TABLE_NAME];
    let digits = rest.checked_ilog10().unwrap_or(0) as usize;
    for slot in text.iter_mut().take(digits.wrapping_add(1)).rev() {
        *slot = b'0' + (rest % 10) as u8;
        rest /= 10;
    }
    text
}

/// The parts of a text between separators. (Those of `core` can panic, as far as
/// the compiler knows.)
pub(crate) struct Parts<'a> {
    rest: Option<&'a [u8]>,
    separator: u8,
}

impl<'a> Parts<'a> {
    pub(crate) fn of(text: &'a [u8], separator: u8) -> Self {
        Self {
            rest: Some(text),
            separator,
        }
    }
}

impl<'a> Iterator for Parts<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let text = self.rest.take()?;
        let mut at: usize = 0;
        while let Some(&byte) = text.get(at) {
            let after = at.wrapping_add(1);
            if byte == self.separator {
                self.rest = text.get(after..);
                return text.get(..at);
            }
            at = after;
        }
        Some(text)
    }
}

/// A number in decimal: digits and nothing else.
pub(crate) fn decimal(text: &[u8]) -> Option<u32> {
    digits(text, 10)
}

/// A number in decimal, or in hexadecimal after `0x`.
pub(crate) fn number(text: &[u8]) -> Option<u32> {
    match text.strip_prefix(b"0x") {
        Some(text) => digits(text, 16),
        None => decimal(text),
    }
}

fn digits(text: &[u8], base: u32) -> Option<u32> {
    if text.is_empty() {
        return None;
    }
    text.iter().try_fold(0, |number: u32, &digit| {
        let digit = char::from(digit).to_digit(base)?;
        number.checked_mul(base)?.checked_add(digit)
    })
}
