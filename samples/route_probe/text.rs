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

/// An address of IPv4, in the order of the CPU. A number has no leading zeros, which others read as
/// octal.
pub(crate) fn ipv4(text: &[u8]) -> Option<u32> {
    let mut bytes = Parts::of(text, b'.');
    let mut address = 0;
    for _ in 0..4 {
        let byte = bytes.next().filter(|byte| !matches!(byte, [b'0', _, ..]))?;
        let byte = decimal(byte).filter(|&byte| byte <= 255)?;
        address = address << 8 | byte;
    }
    bytes.next().is_none().then_some(address)
}

/// How many groups an address of IPv6 has.
const GROUPS: usize = 8;

/// An address of IPv6: groups of hexadecimal digits, of which `::` leaves out some that are 0. The
/// last two groups may be written as an address of IPv4.
pub(crate) fn ipv6(text: &[u8]) -> Option<[u8; 16]> {
    let (mut groups, mut count) = ([0_u16; GROUPS], 0_usize);
    // Before which group `::` is.
    let mut gap = None;
    let mut rest = text;
    if let Some(after) = text.strip_prefix(b"::") {
        gap = Some(0);
        rest = after;
    }
    while !rest.is_empty() {
        // More than four digits are too many even if they are zeros.
        let group = Parts::of(rest, b':').next()?;
        rest = rest.get(group.len()..)?;
        if rest.is_empty() && group.contains(&b'.') {
            let address = ipv4(group)?;
            *groups.get_mut(count)? = (address >> 16) as u16;
            *groups.get_mut(count.wrapping_add(1))? = address as u16;
            count = count.wrapping_add(2);
            break;
        }
        let group = Some(group).filter(|group| group.len() <= 4)?;
        *groups.get_mut(count)? = digits(group, 16)? as u16;
        count = count.wrapping_add(1);
        if let Some(after) = rest.strip_prefix(b"::") {
            if gap.replace(count).is_some() {
                return None;
            }
            rest = after;
        } else if let Some(after) = rest.strip_prefix(b":") {
            // Another group follows.
            if after.is_empty() {
                return None;
            }
            rest = after;
        }
    }
    // Without `::` all groups have to be there, with it at least one is left out.
    let left_out = GROUPS.checked_sub(count)?;
    if gap.is_some() == (left_out == 0) {
        return None;
    }
    let gap = gap.unwrap_or(count);
    let mut address = [0; 16];
    let mut number: usize = 0;
    for group in groups.iter().take(count) {
        let place = match number < gap {
            true => number,
            false => number.wrapping_add(left_out),
        };
        let bytes = address.iter_mut().skip(place.wrapping_mul(2));
        for (to, byte) in bytes.zip(group.to_be_bytes()) {
            *to = byte;
        }
        number = number.wrapping_add(1);
    }
    Some(address)
}
