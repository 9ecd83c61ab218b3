// SPDX-License-Identifier: GPL-2.0

//! A table that finds the functions of a set by address.

use crate::{
    compat::{
        push,
        KVec,
        GFP_KERNEL, //
    },
    error::{
        code,
        Result, //
    }, //
};

/// A hash table of addresses with open addressing, which is at most half full.
pub(super) struct Table {
    /// Address, and index in the set. Address 0 is a free slot.
    slots: KVec<(usize, u32)>,
    /// The number of lower bits of a hash that are dropped.
    shift: u32,
}

impl Table {
    /// Makes an empty table for `len` addresses.
    pub(super) fn new(len: usize) -> Result<Self> {
        let size = len.saturating_mul(2).max(2).checked_next_power_of_two();
        let size = size.ok_or(code::ENOMEM)?;
        let mut slots = KVec::with_capacity(size, GFP_KERNEL)?;
        for _ in 0..size {
            push(&mut slots, (0, 0))?;
        }
        Ok(Self {
            slots,
            shift: u64::BITS.wrapping_sub(size.trailing_zeros()),
        })
    }

    /// Returns the slot with this address, or the free slot for it.
    #[inline(always)]
    fn slot(&self, address: usize) -> Option<usize> {
        // 2^64 divided by the golden ratio.
        const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;
        let mut at = (address as u64)
            .wrapping_mul(FACTOR)
            .wrapping_shr(self.shift) as usize;
        for _ in 0..self.slots.len() {
            let &(there, _) = self.slots.get(at)?;
            if there == address || there == 0 {
                return Some(at);
            }
            at = at.wrapping_add(1) & self.slots.len().wrapping_sub(1);
        }
        None
    }

    /// Returns the index of the function at an address.
    #[inline(always)]
    pub(super) fn find(&self, address: usize) -> Option<usize> {
        let &(there, place) = self.slots.get(self.slot(address)?)?;
        (there == address).then_some(place as usize)
    }

    /// Adds a function. Returns `None` if there already is one at this address.
    pub(super) fn add(&mut self, address: usize, place: u32) -> Option<()> {
        let at = self.slot(address)?;
        let slot = self.slots.get_mut(at)?;
        if slot.0 != 0 {
            return None;
        }
        *slot = (address, place);
        Some(())
    }
}
