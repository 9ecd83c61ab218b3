// SPDX-License-Identifier: GPL-2.0

//! Which function of a set is at an address.

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

/// Finds the functions by addresses: a hash table with open addressing, never more than half full.
pub(super) struct Table {
    /// Address, and place in the set. Address 0 is a free slot.
    slots: KVec<(usize, u32)>,
    /// How much of a hash is left out.
    shift: u32,
}

impl Table {
    /// One that has nothing, for `len` functions.
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

    /// The slot that has this address, or is to have it.
    #[inline(always)]
    fn slot(&self, address: usize) -> Option<usize> {
        // The golden ratio, in 64 bits.
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

    /// The place of the function at an address.
    #[inline(always)]
    pub(super) fn find(&self, address: usize) -> Option<usize> {
        let &(there, place) = self.slots.get(self.slot(address)?)?;
        (there == address).then_some(place as usize)
    }

    /// Adds a function. `None` if there is one at this address already.
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
