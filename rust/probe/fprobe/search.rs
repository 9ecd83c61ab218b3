// SPDX-License-Identifier: GPL-2.0

//! Finds the addresses of a set's functions.

use super::table::Table;
use crate::{
    compat::{
        push,
        KVec,
        GFP_KERNEL, //
    },
    error::{
        code,
        Result, //
    },
    probe::{
        lookup,
        Failure,
        Symbol, //
    }, //
};

/// The size of `endbr64`. On x86-64 a function may begin with it, or with the call that ftrace
/// patches, so there are two possible addresses of a hit. On other architectures only the kernel
/// knows.
const ENDBR: usize = 4;
const PLACES: usize = 2;
/// The greatest offset of ftrace's call from the beginning of a function.
const ENTRY: usize = 16;

/// The number of functions that are looked up at once. Each needs 200 bytes meanwhile.
const CHUNK: usize = 256;

/// The functions of a set that were found, to be registered.
pub(super) struct Search<M> {
    pub(super) table: Table,
    pub(super) members: KVec<*mut M>,
    pub(super) addresses: KVec<usize>,
    pub(super) failures: KVec<(*mut M, Failure)>,
    /// Whether some of the addresses are those given by the caller, which were not looked up.
    pub(super) is_trusting: bool,
}

impl<M> Search<M> {
    /// Finds the functions. With `is_trusting`, functions with a given address are not looked up;
    /// only the name of the symbol there is checked.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub(super) fn new<'a>(
        registered: &[*mut M],
        symbol: impl Fn(*mut M) -> &'a Symbol,
        place_of: impl Fn(*mut M) -> u32,
        is_trusting: bool,
    ) -> Result<Self> {
        let mut this = Self {
            table: Table::new(registered.len().saturating_mul(PLACES))?,
            members: KVec::with_capacity(registered.len(), GFP_KERNEL)?,
            addresses: KVec::with_capacity(registered.len(), GFP_KERNEL)?,
            failures: KVec::with_capacity(registered.len(), GFP_KERNEL)?,
            is_trusting: false,
        };
        let mut unknown = KVec::with_capacity(registered.len(), GFP_KERNEL)?;
        for &member in registered {
            let (symbol, address) = (symbol(member), symbol(member).address());
            let can_be_given = cfg!(target_arch = "x86_64") && address != 0;
            if is_trusting && can_be_given && lookup::is_at(symbol.as_c_str(), address) {
                this.is_trusting = true;
                this.add(member, place_of(member), address);
            } else {
                push(&mut unknown, member)?;
            }
        }
        for chunk in unknown.chunks(CHUNK) {
            let names = chunk.iter().map(|&member| symbol(member).as_c_str());
            lookup::try_probes(names, |at, found| {
                let Some(&member) = chunk.get(at) else {
                    return;
                };
                let given = symbol(member).address();
                let is_elsewhere = found.address.wrapping_sub(given) >= ENTRY;
                let failure = match found.probed {
                    Err(error) => Failure::find(symbol(member), error),
                    Ok(()) if given != 0 && is_elsewhere => Failure::NotFound,
                    Ok(()) if !found.is_traced => Failure::NotTraceable,
                    Ok(()) => return this.add(member, place_of(member), found.address),
                };
                // Cannot fail: the vector has capacity for all members.
                let _ = push(&mut this.failures, (member, failure));
            })?;
        }
        Ok(this)
    }

    /// Adds a function, which is hit at `address` or, if it begins there with `endbr64`, after
    /// that.
    fn add(&mut self, member: *mut M, place: u32, address: usize) {
        // Cannot fail: table and vectors have capacity for all members.
        let _ = if self.table.add(address, place).is_none() {
            push(&mut self.failures, (member, Failure::Other(code::EEXIST)))
        } else {
            let _ = self.table.add(address.wrapping_add(ENDBR), place);
            let _ = push(&mut self.addresses, address);
            push(&mut self.members, member)
        };
    }
}
