// SPDX-License-Identifier: GPL-2.0

//! What filters are compared with: values of which some bits count, words that are changed
//! together, and addresses of both families. Handlers read them without a lock.

use core::sync::atomic::{
    fence,
    AtomicU32,
    AtomicU64,
    Ordering, //
};

use faultline::{
    net::{
        Ipv4,
        Ipv6, //
    },
    params::Refusal, //
};

use crate::text::{
    decimal,
    ipv4,
    ipv6,
    Parts, //
};

/// A value and which of its bits count: `value << 32 | mask`. Without bits,
/// everything matches.
pub(crate) struct Masked(AtomicU64);

impl Masked {
    pub(crate) const fn any() -> Self {
        Self(AtomicU64::new(0))
    }

    pub(crate) fn set(&self, value: u32, mask: u32) {
        self.0.store(masked(value, mask), Ordering::Relaxed);
    }

    /// Returns whether everything matches.
    pub(crate) fn is_any(&self) -> bool {
        self.0.load(Ordering::Relaxed) == 0
    }

    fn set_none(&self) {
        self.0.store(NOTHING, Ordering::Relaxed);
    }

    pub(crate) fn matches(&self, value: u32) -> bool {
        matches(value, self.0.load(Ordering::Relaxed))
    }
}

/// What [`Masked`] has for a value and which of its bits count.
const fn masked(value: u32, mask: u32) -> u64 {
    ((value & mask) as u64) << 32 | mask as u64
}

/// What it has for nothing: no bit counts, and yet one is to be set.
const NOTHING: u64 = 1 << 32;

fn matches(value: u32, wanted: u64) -> bool {
    value & wanted as u32 == (wanted >> 32) as u32
}

/// Words that are changed together.
pub(crate) struct Together<const N: usize> {
    words: [AtomicU64; N],
    /// Changes before and after each change of the words; odd in between.
    version: AtomicU32,
}

impl<const N: usize> Together<N> {
    pub(crate) const fn new() -> Self {
        Self {
            words: [const { AtomicU64::new(0) }; N],
            version: AtomicU32::new(0),
        }
    }

    /// Sets all of them. There is one that does so at a time, as parameters are set.
    pub(crate) fn set(&self, words: [u64; N]) {
        self.version.fetch_add(1, Ordering::Relaxed);
        fence(Ordering::Release);
        for (word, value) in self.words.iter().zip(words) {
            word.store(value, Ordering::Relaxed);
        }
        self.version.fetch_add(1, Ordering::Release);
    }

    /// All of them; `None` while they are being changed.
    pub(crate) fn get(&self) -> Option<[u64; N]> {
        let version = self.version.load(Ordering::Acquire);
        let mut words = [0; N];
        for (value, word) in words.iter_mut().zip(&self.words) {
            *value = word.load(Ordering::Relaxed);
        }
        fence(Ordering::Acquire);
        let is_whole = version & 1 == 0 && version == self.version.load(Ordering::Relaxed);
        is_whole.then_some(words)
    }
}

/// A filter for addresses. An address of one family does not match one of the other.
pub(crate) struct Addresses {
    v4: Masked,
    /// A word for each four bytes, as [`Masked`] has it.
    v6: Together<4>,
}

impl Addresses {
    pub(crate) const fn any() -> Self {
        Self {
            v4: Masked::any(),
            v6: Together::new(),
        }
    }

    #[inline(always)]
    pub(crate) fn match_v4(&self, address: Ipv4) -> bool {
        self.v4.matches(u32::from_be(address.0))
    }

    /// What comes while the address is being changed does not match.
    pub(crate) fn match_v6(&self, address: Ipv6) -> bool {
        self.v6.get().is_some_and(|wanted| {
            let mut words = in_words(address).into_iter().zip(wanted);
            words.all(|(word, wanted)| matches(word, wanted))
        })
    }

    /// Sets it to an address as `10.0.0.1` or `2001:db8::/32`. Returns whether not all of them match.
    pub(crate) fn set(&self, text: &str) -> Result<bool, Refusal> {
        let prefix = parse_prefix(text.as_bytes()).ok_or(Refusal::because(
            "any, or an address as 10.0.0.0/8 or 2001:db8::/32 is allowed",
        ))?;
        match prefix {
            Prefix::Any => {
                self.v4.set(0, 0);
                self.v6.set([0; 4]);
            }
            Prefix::V4(address, len) => {
                self.v4.set(address, mask(len));
                self.v6.set([NOTHING; 4]);
            }
            Prefix::V6(address, len) => {
                let mut words = [0; 4];
                let mut first: u32 = 0;
                for (word, value) in words.iter_mut().zip(in_words(address)) {
                    *word = masked(value, mask(len.saturating_sub(first).min(32)));
                    first = first.wrapping_add(32);
                }
                self.v4.set_none();
                self.v6.set(words);
            }
        }
        Ok(!matches!(prefix, Prefix::Any))
    }
}

/// The mask of a prefix with `len` bits, of 32 at most.
fn mask(len: u32) -> u32 {
    // No shift by all of the bits: that is none at all for the CPU.
    u32::MAX.checked_shl(32_u32.wrapping_sub(len)).unwrap_or(0)
}

/// An address in words, in the order of the CPU.
fn in_words(Ipv6(bytes): Ipv6) -> [u32; 4] {
    let mut words = [0; 4];
    for (word, bytes) in words.iter_mut().zip(bytes.chunks_exact(4)) {
        if let &[a, b, c, d] = bytes {
            *word = u32::from_be_bytes([a, b, c, d]);
        }
    }
    words
}

/// Addresses that begin with as many bits.
enum Prefix {
    Any,
    V4(u32, u32),
    V6(Ipv6, u32),
}

fn parse_prefix(text: &[u8]) -> Option<Prefix> {
    if text == b"any" {
        return Some(Prefix::Any);
    }
    let mut parts = Parts::of(text, b'/');
    let address = parts.next()?;
    let len = match parts.next() {
        None => None,
        Some(len) => Some(decimal(len)?),
    };
    if parts.next().is_some() {
        return None;
    }
    if address.contains(&b':') {
        let len = len.unwrap_or(128);
        return (len <= 128).then_some(Prefix::V6(Ipv6(ipv6(address)?), len));
    }
    let len = len.unwrap_or(32);
    (len <= 32).then_some(Prefix::V4(ipv4(address)?, len))
}
