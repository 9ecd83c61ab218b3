// SPDX-License-Identifier: GPL-2.0

//! Parameters that are IPv4 prefixes.

use core::{
    ffi::CStr,
    fmt,
    net::Ipv4Addr,
    sync::atomic::{
        AtomicU64,
        Ordering, //
    }, //
};

use crate::module::Info;

use super::{
    page::Page,
    param::{
        approve,
        trim_newline,
        OnChange,
        Param,
        Refusal, //
    }, //
};

/// An IPv4 prefix: the first `len` bits of an address.
///
/// # Invariants
///
/// `len` is at most 32, and the bits of `bits` after the first `len` are 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ipv4Prefix {
    bits: u32,
    len: u8,
}

impl Ipv4Prefix {
    /// Parses `10.0.0.0/8`: four decimal numbers without leading zeros, and a length, after which
    /// all bits must be 0.
    const fn parse(mut text: &[u8]) -> Option<Self> {
        let mut bits: u32 = 0;
        let mut place = 0;
        while place < 4 {
            let Some((octet, rest)) = number(text, 255) else {
                return None;
            };
            bits = bits << 8 | octet;
            let [sign, rest @ ..] = rest else {
                return None;
            };
            if *sign != if place < 3 { b'.' } else { b'/' } {
                return None;
            }
            text = rest;
            place += 1;
        }
        let Some((len, [])) = number(text, 32) else {
            return None;
        };
        if bits & !Self::mask(len) != 0 {
            return None;
        }
        // INVARIANT: `number` returned at most 32, and the bits after the mask were checked.
        Some(Self {
            bits,
            len: len as u8,
        })
    }

    const fn mask(len: u32) -> u32 {
        match u32::MAX.checked_shl(32u32.wrapping_sub(len)) {
            Some(mask) => mask,
            None => 0,
        }
    }

    const fn pack(self) -> u64 {
        (self.bits as u64) << 8 | self.len as u64
    }

    /// Returns the first address.
    pub const fn address(self) -> Ipv4Addr {
        Ipv4Addr::from_bits(self.bits)
    }

    /// Returns the number of bits.
    pub const fn len(self) -> u8 {
        self.len
    }

    /// Returns whether the prefix has no bits, and so contains all addresses.
    pub const fn is_empty(self) -> bool {
        self.len == 0
    }

    /// Returns whether the prefix contains the address.
    #[inline]
    pub const fn contains(self, address: Ipv4Addr) -> bool {
        address.to_bits() & Self::mask(self.len as u32) == self.bits
    }
}

impl fmt::Display for Ipv4Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d] = self.bits.to_be_bytes();
        write!(f, "{a}.{b}.{c}.{d}/{}", self.len)
    }
}

/// Parses a decimal number of at most `max` at the beginning of a text. Returns it and the rest.
const fn number(text: &[u8], max: u32) -> Option<(u32, &[u8])> {
    let [first @ b'0'..=b'9', rest @ ..] = text else {
        return None;
    };
    let mut value = (*first & 15) as u32;
    let mut text = rest;
    while let [digit @ b'0'..=b'9', rest @ ..] = text {
        // Leading zeros are refused: some programs take them for octal.
        if value == 0 {
            return None;
        }
        // The value so far is at most `max`, so ten times that fits into the type.
        value = value.wrapping_mul(10).wrapping_add((*digit & 15) as u32);
        if value > max {
            return None;
        }
        text = rest;
    }
    Some((value, text))
}

/// A parameter that is an IPv4 prefix.
///
/// # Invariants
///
/// `value` was returned by `Ipv4Prefix::pack`.
pub struct Prefix {
    value: AtomicU64,
    default: &'static str,
    on_change: Option<OnChange<Ipv4Prefix>>,
}

impl Prefix {
    /// Makes a parameter with a default, as `10.0.0.0/8`.
    #[inline]
    #[track_caller]
    pub const fn new(default: &'static str) -> Self {
        let Some(value) = Ipv4Prefix::parse(default.as_bytes()) else {
            panic!("an IPv4 prefix is allowed, as 10.0.0.0/8, without host bits");
        };
        // INVARIANT: The value was returned by `pack`.
        Self {
            value: AtomicU64::new(value.pack()),
            default,
            on_change: None,
        }
    }

    /// Has `on_change` called with each new prefix before it is set. It may refuse it.
    #[must_use = "the parameter with the function is returned"]
    #[inline]
    pub const fn on_change(mut self, on_change: OnChange<Ipv4Prefix>) -> Self {
        self.on_change = Some(on_change);
        self
    }

    /// Returns the current prefix.
    ///
    /// # Context
    ///
    /// Any; it is a single load.
    #[inline]
    pub fn get(&self) -> Ipv4Prefix {
        let value = self.value.load(Ordering::Relaxed);
        // INVARIANT: `value` was packed from a prefix, for which both hold.
        Ipv4Prefix {
            bits: (value >> 8) as u32,
            len: value as u8,
        }
    }

    #[doc(hidden)]
    #[inline]
    pub const fn describe(self, info: Info) -> Info {
        info.text(" [default ").text(self.default).text("]")
    }
}

impl Param for Prefix {
    const TYPE_NAME: &'static str = "prefix";

    fn set(&self, text: Option<&CStr>) -> Result<(), Refusal> {
        let text = trim_newline(text.ok_or(Refusal::Invalid)?);
        let value = Ipv4Prefix::parse(text).ok_or(Refusal::Invalid)?;
        approve(self.on_change, value)?;
        // INVARIANT: The value was returned by `pack`.
        self.value.store(value.pack(), Ordering::Relaxed);
        Ok(())
    }

    fn show(&self, out: &mut Page<'_>) -> fmt::Result {
        fmt::Write::write_fmt(out, format_args!("{}", self.get()))
    }

    fn allowed(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("an IPv4 prefix is allowed, as 10.0.0.0/8, without host bits")
    }
}
