// SPDX-License-Identifier: GPL-2.0

//! The memory of the dumped machine: by physical address from the dump's pages, and by the kernel's
//! virtual addresses through its page tables, whose place is in VMCOREINFO.

use super::fault::Fault;
use super::vmcoreinfo::Vmcoreinfo;
use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::Arc;

/// Number of cached pages.
const KEPT: usize = 4096;

/// A dump's pages.
pub trait Physical {
    /// Returns the size of a page.
    fn page_size(&self) -> u64;
    /// Reads the page of a page frame; none if it is not in the dump.
    fn page(&self, frame: u64) -> Result<Option<Vec<u8>>, Fault>;
    /// Returns the first page frame of the dump from `frame` on.
    fn next(&self, frame: u64) -> Option<u64>;
    /// Returns the number of bytes of all its pages.
    fn bytes(&self) -> u64;
}

/// The kernel's memory.
pub struct Memory<'a> {
    physical: &'a dyn Physical,
    tables: Tables,
    kept: RefCell<HashMap<u64, Arc<[u8]>>>,
}

/// The translation of virtual addresses.
#[derive(Debug, Clone, PartialEq)]
struct Tables {
    machine: Machine,
    /// The physical address of the top-level table.
    root: u64,
    /// The bits of an address that the tables translate.
    bits: u32,
    /// The bits within a page.
    page_bits: u32,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Machine {
    X86_64 { encrypted: u64 },
    Arm64,
}

/// The virtual address of x86's kernel image.
const START_KERNEL_MAP: u64 = 0xffff_ffff_8000_0000;
const PRESENT: u64 = 1;
const X86_LARGE: u64 = 1 << 7;
const ARM64_TABLE: u64 = 1 << 1;
const TABLE_ADDRESS: u64 = 0x0000_ffff_ffff_f000;
const X86_ADDRESS: u64 = 0x000f_ffff_ffff_f000;

impl Tables {
    fn new(machine: &str, info: &Vmcoreinfo, page_size: u64) -> Result<Self, Fault> {
        let impossible = |what: &str, value: u64| {
            Fault::Incomplete(format!(
                "its VMCOREINFO note is damaged: {what} is {value:#x}"
            ))
        };
        match machine {
            "x86_64" => {
                let address = info
                    .symbol("init_top_pgt")
                    .or_else(|_| info.symbol("swapper_pg_dir"))?;
                let within = address.checked_sub(START_KERNEL_MAP);
                let within = within.ok_or_else(|| impossible("SYMBOL(init_top_pgt)", address))?;
                let five = info.number("pgtable_l5_enabled").unwrap_or(0) != 0;
                Ok(Tables {
                    machine: Machine::X86_64 {
                        encrypted: info.number("sme_mask").unwrap_or(0),
                    },
                    root: within.wrapping_add(info.number("phys_base")?),
                    bits: if five { 57 } else { 48 },
                    page_bits: 12,
                })
            }
            "aarch64" => {
                let address = info.symbol("swapper_pg_dir")?;
                let bits = match info.number("TCR_EL1_T1SZ") {
                    Ok(size) => 64u64.wrapping_sub(size),
                    Err(_) => info.number("VA_BITS")?,
                };
                if !(36..=52).contains(&bits) {
                    return Err(impossible("TCR_EL1_T1SZ or VA_BITS", bits));
                }
                Ok(Tables {
                    machine: Machine::Arm64,
                    root: address.wrapping_sub(info.number("kimage_voffset")?),
                    bits: bits as u32,
                    page_bits: page_size.trailing_zeros(),
                })
            }
            other => Err(Fault::GivenUp(format!(
                "the kernel log in a dump of {other} cannot be read: x86_64 and aarch64 are known"
            ))),
        }
    }
}

impl<'a> Memory<'a> {
    /// Makes the memory in `physical` of a kernel for `machine`.
    pub fn new(
        physical: &'a dyn Physical,
        machine: &str,
        info: &Vmcoreinfo,
    ) -> Result<Self, Fault> {
        Ok(Memory {
            tables: Tables::new(machine, info, physical.page_size())?,
            physical,
            kept: RefCell::default(),
        })
    }

    /// Reads `length` bytes at a virtual address.
    pub fn read(&self, address: u64, length: usize) -> Result<Vec<u8>, Fault> {
        let mut bytes = Vec::new();
        let page_size = self.physical.page_size();
        let mut at = address;
        while bytes.len() < length {
            let physical = self.translate(at)?;
            let page = self.page(physical / page_size)?;
            let from = (physical % page_size) as usize;
            let now = (length - bytes.len()).min(page.len() - from);
            bytes.extend_from_slice(&page[from..from + now]);
            at = at.wrapping_add(now as u64);
        }
        Ok(bytes)
    }

    /// Returns whether the memory is large enough for this many objects of this size.
    pub fn has_room_for(&self, count: u64, size: u64) -> bool {
        let all = count.checked_mul(size);
        all.is_some_and(|all| all <= self.physical.bytes())
    }

    /// Reads a word at a virtual address.
    pub fn u64(&self, address: u64) -> Result<u64, Fault> {
        let bytes = self.read(address, 8)?;
        Ok(u64::from_le_bytes(bytes.try_into().unwrap_or_default()))
    }

    fn page(&self, frame: u64) -> Result<Arc<[u8]>, Fault> {
        if let Some(page) = self.kept.borrow().get(&frame) {
            return Ok(page.clone());
        }
        let page: Arc<[u8]> = match self.physical.page(frame)? {
            Some(page) => page.into(),
            None => {
                return Err(Fault::Incomplete(format!(
                    "page frame {frame:#x}, which the kernel log needs, is not in it"
                )))
            }
        };
        let mut kept = self.kept.borrow_mut();
        if kept.len() >= KEPT {
            kept.clear();
        }
        kept.insert(frame, page.clone());
        Ok(page)
    }

    fn word(&self, physical: u64) -> Result<u64, Fault> {
        let page_size = self.physical.page_size();
        let page = self.page(physical / page_size)?;
        Ok(super::words::Words(&page).u64((physical % page_size) as usize))
    }

    /// Translates a virtual address with the page tables.
    fn translate(&self, address: u64) -> Result<u64, Fault> {
        let unmapped = || {
            Fault::Incomplete(format!(
                "its page tables do not map {address:#x}, which the kernel log needs"
            ))
        };
        let Tables {
            machine,
            root,
            bits,
            page_bits,
        } = self.tables;
        // The bits above the translated ones are all set in addresses of the kernel.
        if (address as i64) >> (bits - 1) != -1
            && (machine != Machine::Arm64 || address >> bits != u64::MAX >> bits)
        {
            return Err(unmapped());
        }
        let each = page_bits - 3;
        let mut table = root & !7;
        let mut shift = page_bits + each * ((bits - page_bits).div_ceil(each) - 1);
        let mut index_bits = bits - shift;
        loop {
            let index = (address >> shift) & ((1 << index_bits) - 1);
            let entry = self.word(table.wrapping_add(index * 8))?;
            if entry & PRESENT == 0 {
                return Err(unmapped());
            }
            let (large, target) = match machine {
                Machine::X86_64 { encrypted } => {
                    (entry & X86_LARGE != 0, entry & X86_ADDRESS & !encrypted)
                }
                Machine::Arm64 => (entry & ARM64_TABLE == 0, entry & TABLE_ADDRESS),
            };
            if shift == page_bits || large {
                let within = (1 << shift) - 1;
                return Ok(target & !within | address & within);
            }
            table = target & !((1 << page_bits) - 1);
            shift -= each;
            index_bits = each;
        }
    }
}
