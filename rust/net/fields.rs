// SPDX-License-Identifier: GPL-2.0

//! Addresses and prefixes, as fields of events have them.

use core::{
    ffi::CStr,
    fmt, //
};

use crate::{
    memory::Plain,
    trace::{
        Argument,
        Field, //
    }, //
};

/// An IPv4 address, as it is in a packet: in the order of the network.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
#[repr(transparent)]
pub struct Ipv4(pub u32);

// SAFETY: It is a number.
unsafe impl Plain for Ipv4 {}

impl Field for Ipv4 {
    const C_TYPE: &'static CStr = c"u8[4]";
    const FORMAT: &'static str = "%pI4";
    const IS_SIGNED: bool = false;
    const LEN: usize = 4;

    fn show(&self, out: &mut dyn fmt::Write) -> fmt::Result {
        let [a, b, c, d] = self.0.to_ne_bytes();
        write!(out, "{a}.{b}.{c}.{d}")
    }
}

/// An IPv4 prefix: the address, its length in bits, and three bytes of zeros.
#[derive(Clone, Copy, Default)]
#[repr(C)]
pub struct Ipv4Prefix(Ipv4, [u8; 4]);

impl Ipv4Prefix {
    /// The prefix with this length.
    #[inline]
    pub const fn new(address: Ipv4, len: u8) -> Self {
        Self(address, [len, 0, 0, 0])
    }
}

impl Field for Ipv4Prefix {
    const C_TYPE: &'static CStr = c"u8[8]";
    // User space takes `%pI4` for an array of four bytes only.
    const FORMAT: &'static str = "%u.%u.%u.%u/%u";
    const IS_SIGNED: bool = false;
    const LEN: usize = 8;
    const ARGUMENTS: &'static [Argument] = &[
        Argument::Element(0),
        Argument::Element(1),
        Argument::Element(2),
        Argument::Element(3),
        Argument::Element(4),
    ];

    fn show(&self, out: &mut dyn fmt::Write) -> fmt::Result {
        let Self(address, [len, ..]) = self;
        address.show(out)?;
        write!(out, "/{len}")
    }
}

/// An IPv6 address.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
#[repr(transparent)]
pub struct Ipv6(pub [u8; 16]);

// SAFETY: It is an array of numbers.
unsafe impl Plain for Ipv6 {}

impl Field for Ipv6 {
    const C_TYPE: &'static CStr = c"u8[16]";
    const FORMAT: &'static str = "%pI6c";
    const IS_SIGNED: bool = false;
    const LEN: usize = 16;

    /// In the short form of RFC 5952: the longest run of zeros is `::`.
    fn show(&self, out: &mut dyn fmt::Write) -> fmt::Result {
        let mut groups = [0_u16; 8];
        for (group, bytes) in groups.iter_mut().zip(self.0.chunks_exact(2)) {
            if let &[high, low] = bytes {
                *group = u16::from_be_bytes([high, low]);
            }
        }
        // The first of the longest runs, of at least two groups, and behind its end.
        let (mut start, mut end) = (usize::MAX, 0_usize);
        let (mut run, mut longest) = (0_usize, 1_usize);
        let mut at: usize = 0;
        for &group in &groups {
            at = at.wrapping_add(1);
            run = if group == 0 { run.wrapping_add(1) } else { 0 };
            if run > longest {
                (longest, start, end) = (run, at.wrapping_sub(run), at);
            }
        }
        let mut at: usize = 0;
        for &group in &groups {
            if at == start {
                out.write_str("::")?;
            } else if at < start || at >= end {
                if at > 0 && at != end {
                    out.write_char(':')?;
                }
                write!(out, "{group:x}")?;
            }
            at = at.wrapping_add(1);
        }
        Ok(())
    }
}

/// An IPv6 prefix: the address, its length in bits, and seven bytes of zeros.
#[derive(Clone, Copy, Default)]
#[repr(C)]
pub struct Ipv6Prefix(Ipv6, [u8; 8]);

impl Ipv6Prefix {
    /// The prefix with this length.
    #[inline]
    pub const fn new(address: Ipv6, len: u8) -> Self {
        Self(address, [len, 0, 0, 0, 0, 0, 0, 0])
    }
}

impl Field for Ipv6Prefix {
    const C_TYPE: &'static CStr = c"u8[24]";
    // User space takes `%pI6c` for an array of 16 bytes only.
    const FORMAT: &'static str = "%x:%x:%x:%x:%x:%x:%x:%x/%u";
    const IS_SIGNED: bool = false;
    const LEN: usize = 24;
    const ARGUMENTS: &'static [Argument] = &[
        Argument::Pair(0),
        Argument::Pair(2),
        Argument::Pair(4),
        Argument::Pair(6),
        Argument::Pair(8),
        Argument::Pair(10),
        Argument::Pair(12),
        Argument::Pair(14),
        Argument::Element(16),
    ];

    fn show(&self, out: &mut dyn fmt::Write) -> fmt::Result {
        let Self(address, [len, ..]) = self;
        address.show(out)?;
        write!(out, "/{len}")
    }
}
