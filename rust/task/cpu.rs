// SPDX-License-Identifier: GPL-2.0

//! Sets of CPUs, CPU hotplug, `cpu_relax()`.
//!
//! Our own: `kernel::cpumask`, `kernel::cpu` and `kernel::processor` are not in 6.12, and the masks
//! of the crate can be neither parsed nor shown.
//!
//! C header: [`include/linux/cpumask.h`](srctree/include/linux/cpumask.h)\
//! C header: [`include/linux/cpuhplock.h`](srctree/include/linux/cpuhplock.h)

use core::{
    fmt,
    marker::PhantomData, //
};

use crate::{
    bindings,
    compat::{
        char_ptr,
        ffi::{
            c_int,
            c_ulong, //
        },
        push,
        KVec,
        GFP_KERNEL, //
    },
    error::{
        code,
        to_result,
        Result, //
    },
    text::Text, //
};

/// Returns `nr_cpu_ids`: the numbers of all CPUs are below it.
pub fn count_limit() -> u32 {
    // SAFETY: `nr_cpu_ids` is not written to after boot.
    unsafe { bindings::faultline_helper_nr_cpu_ids() }
}

/// Returns whether a CPU with this number can exist, online or not.
pub fn is_possible(cpu: u32) -> bool {
    // SAFETY: `cpu` is below `nr_cpu_ids`, so it has a bit in the kernel's `cpu_possible_mask`.
    cpu < count_limit() && unsafe { bindings::faultline_helper_cpu_possible(cpu) }
}

/// Returns whether the CPU is online. Outside of [`hotplug_locked`] that may change at any time.
pub fn is_online(cpu: u32) -> bool {
    // SAFETY: `cpu` is below `nr_cpu_ids`, so it has a bit in the kernel's `cpu_online_mask`.
    cpu < count_limit() && unsafe { bindings::faultline_helper_cpu_online(cpu) }
}

/// Returns the number of the CPU that this code runs on. With preemption on, that may change at any
/// time; see [`PreemptionOff::cpu`](crate::task::context::PreemptionOff::cpu).
#[inline]
pub fn current() -> u32 {
    // SAFETY: `raw_smp_processor_id()` only reads a variable of this CPU.
    unsafe { bindings::faultline_helper_raw_smp_processor_id() }
}

/// Tells the CPU that this is a busy-wait loop (`cpu_relax()`).
///
/// It is a compiler barrier, so loads in the loop are repeated.
#[inline]
pub fn relax() {
    // SAFETY: `cpu_relax()` has no requirements.
    unsafe { bindings::faultline_helper_cpu_relax() };
}

/// Proof that CPU hotplug is locked: no CPU goes online or offline.
pub struct HotplugLocked(PhantomData<*mut ()>);

/// Calls `body` with CPU hotplug locked.
///
/// # Context
///
/// Process context; sleeps. `body` may sleep as well. It must not lock CPU hotplug again, also not
/// by a function of the kernel that does.
///
/// # Examples
///
/// ```no_run
/// use faultline::task::cpu;
///
/// let all_online = cpu::hotplug_locked(|_lock| {
///     (0..cpu::count_limit()).all(cpu::is_online)
/// });
/// # let _ = all_online;
/// ```
pub fn hotplug_locked<R>(body: impl FnOnce(&HotplugLocked) -> R) -> R {
    // SAFETY: `cpus_read_lock()` has no requirements but its context; a caller that must not sleep
    // is reported. The drop of the object unlocks, when `body` has returned, which gets a reference
    // only.
    unsafe { bindings::cpus_read_lock() };
    body(&HotplugLocked(PhantomData))
}

impl Drop for HotplugLocked {
    fn drop(&mut self) {
        // SAFETY: Only `hotplug_locked` makes this object, after it has locked.
        unsafe { bindings::cpus_read_unlock() };
    }
}

/// A set of CPUs.
///
/// It is shown as the kernel shows one: `0,2-3`.
///
/// # Invariants
///
/// `words` has a bit for each number below `nr_cpu_ids`.
///
/// # Examples
///
/// ```no_run
/// use faultline::task::cpu::CpuSet;
///
/// for cpu in CpuSet::parse("0,2-3")?.iter() {
///     faultline::pr_info!("cpu {cpu}");
/// }
/// # Ok::<(), faultline::error::Error>(())
/// ```
pub struct CpuSet {
    words: KVec<c_ulong>,
}

impl CpuSet {
    /// The length of the longest text that [`parse`](Self::parse) accepts.
    pub const TEXT_MAX: usize = 255;

    /// Makes an empty set.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub fn new() -> Result<Self> {
        let words = count_limit().div_ceil(c_ulong::BITS) as usize;
        let mut set = KVec::with_capacity(words, GFP_KERNEL)?;
        for _ in 0..words {
            push(&mut set, 0)?;
        }
        // INVARIANT: The number of bits was divided by those of a word, and rounded up.
        Ok(Self { words: set })
    }

    /// Makes the set of the CPUs for which `belongs` returns true.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub fn of(belongs: impl Fn(u32) -> bool) -> Result<Self> {
        let mut set = Self::new()?;
        for cpu in (0..count_limit()).filter(|&cpu| belongs(cpu)) {
            if let Some(word) = set.words.get_mut((cpu / c_ulong::BITS) as usize) {
                *word |= 1 << (cpu % c_ulong::BITS);
            }
        }
        Ok(set)
    }

    /// Makes the set of the CPUs that are online; see [`is_online`].
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub fn online() -> Result<Self> {
        Self::of(is_online)
    }

    /// Parses a list with the kernel's syntax (`bitmap_parselist`): `0,2-3`, `all`, `0-7:1/2`. The
    /// empty text is the empty set.
    ///
    /// # Errors
    ///
    /// `ERANGE` for a number that no CPU can have, `EINVAL` for other text that is no list,
    /// `ENAMETOOLONG` above [`TEXT_MAX`](Self::TEXT_MAX) bytes, `ENOMEM`.
    pub fn parse(list: &str) -> Result<Self> {
        let list = Text::<{ Self::TEXT_MAX + 1 }>::format(format_args!("{list}\0"))?;
        let list = list.as_c_str().ok_or(code::EINVAL)?;
        let limit = c_int::try_from(count_limit()).map_err(|_| code::EOVERFLOW)?;
        let mut set = Self::new()?;
        // SAFETY: `list` is a string with NUL, and by the invariant `words` has at least `limit`,
        // which is `nr_cpu_ids`, bits.
        to_result(unsafe {
            bindings::bitmap_parselist(char_ptr(list), set.words.as_mut_ptr(), limit)
        })?;
        Ok(set)
    }

    /// Returns whether the CPU is in the set.
    pub fn contains(&self, cpu: u32) -> bool {
        self.words
            .get((cpu / c_ulong::BITS) as usize)
            .is_some_and(|word| word >> (cpu % c_ulong::BITS) & 1 == 1)
    }

    /// Returns the number of CPUs in the set.
    pub fn len(&self) -> usize {
        self.words.iter().fold(0, |len: usize, word| {
            len.wrapping_add(word.count_ones() as usize)
        })
    }

    /// Returns whether the set is empty.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns the CPUs of the set in ascending order.
    pub fn iter(&self) -> impl Iterator<Item = u32> + '_ {
        (0..count_limit()).filter(|&cpu| self.contains(cpu))
    }
}

impl fmt::Display for CpuSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt_list(f, |cpu| self.contains(cpu))
    }
}

/// Writes the CPUs for which `belongs` returns true as the kernel does: `0,2-3`.
pub(crate) fn fmt_list(f: &mut fmt::Formatter<'_>, belongs: impl Fn(u32) -> bool) -> fmt::Result {
    let mut separator = "";
    let mut next = 0;
    while let Some(first) = (next..count_limit()).find(|&cpu| belongs(cpu)) {
        next = (first..count_limit())
            .find(|&cpu| !belongs(cpu))
            .unwrap_or(count_limit());
        let last = next.wrapping_sub(1);
        write!(f, "{separator}{first}")?;
        if last > first {
            write!(f, "-{last}")?;
        }
        separator = ",";
    }
    Ok(())
}
