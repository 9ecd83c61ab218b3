// SPDX-License-Identifier: GPL-2.0

//! Sets of CPUs, CPU hotplug, waiting for the hardware.
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

/// CPUs have numbers below this one.
pub fn count_limit() -> u32 {
    // SAFETY: The number does not change after boot.
    unsafe { bindings::faultline_helper_nr_cpu_ids() }
}

/// Is there a CPU with this number, online or not?
pub fn is_possible(cpu: u32) -> bool {
    // SAFETY: The function reads a bit of the map, which has one for each
    // number below the limit.
    cpu < count_limit() && unsafe { bindings::faultline_helper_cpu_possible(cpu) }
}

/// Is the CPU online now? Without [`hotplug_locked`] the answer may be outdated
/// the next moment.
pub fn is_online(cpu: u32) -> bool {
    // SAFETY: The mask is the kernel's own, and the number is checked against its size.
    cpu < count_limit() && unsafe { bindings::faultline_helper_cpu_online(cpu) }
}

/// The CPU that this code runs on. With preemption on the answer may be
/// outdated the next moment; see
/// [`PreemptionOff::cpu`](crate::task::context::PreemptionOff::cpu).
#[inline]
pub fn current() -> u32 {
    // SAFETY: The function reads a variable of this CPU.
    unsafe { bindings::faultline_helper_raw_smp_processor_id() }
}

/// Tells the hardware that this is a loop which waits (`cpu_relax()`).
///
/// The compiler takes it for a change of all memory, so a loop with it is
/// neither dropped nor hoisted.
#[inline]
pub fn relax() {
    // SAFETY: The function may be called from any context.
    unsafe { bindings::faultline_helper_cpu_relax() };
}

/// Proof that no CPU goes online or offline.
pub struct HotplugLocked(PhantomData<*mut ()>);

/// Calls `body` while no CPU goes online or offline.
///
/// # Context
///
/// Process context; sleeps. `body` may sleep as well. It must not call this
/// again, nor anything of the kernel that does.
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
    // SAFETY: Dropping the object unlocks; `body` cannot get hold of it.
    unsafe { bindings::cpus_read_lock() };
    body(&HotplugLocked(PhantomData))
}

impl Drop for HotplugLocked {
    fn drop(&mut self) {
        // SAFETY: `hotplug_locked` locked, and nobody else makes this object.
        unsafe { bindings::cpus_read_unlock() };
    }
}

/// A set of CPUs.
///
/// It is shown as the kernel shows one: `0,2-3`.
///
/// # Invariants
///
/// `words` has a bit for each number below [`count_limit`].
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
    /// The longest text that [`parse`](Self::parse) reads.
    pub const TEXT_MAX: usize = 255;

    /// The empty set.
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
        // INVARIANT: There are as many words as the bits need.
        Ok(Self { words: set })
    }

    /// The set of the CPUs for which `belongs` says so.
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

    /// The CPUs that are online now; see [`is_online`].
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub fn online() -> Result<Self> {
        Self::of(is_online)
    }

    /// Reads a list as the kernel has it everywhere (`bitmap_parselist`):
    /// `0,2-3`, `all`, `0-7:1/2`. The empty text is the empty set.
    ///
    /// # Errors
    ///
    /// `ERANGE` for a number that no CPU can have, `EINVAL` for what is no
    /// list, `ENAMETOOLONG` above [`TEXT_MAX`](Self::TEXT_MAX) bytes, `ENOMEM`.
    pub fn parse(list: &str) -> Result<Self> {
        let list = Text::<{ Self::TEXT_MAX + 1 }>::format(format_args!("{list}\0"))?;
        let list = list.as_c_str().ok_or(code::EINVAL)?;
        let limit = c_int::try_from(count_limit()).map_err(|_| code::EOVERFLOW)?;
        let mut set = Self::new()?;
        // SAFETY: The text ends with NUL, and by the invariant the words have
        // as many bits as are announced.
        to_result(unsafe {
            bindings::bitmap_parselist(char_ptr(list), set.words.as_mut_ptr(), limit)
        })?;
        Ok(set)
    }

    /// Does the CPU belong to the set?
    pub fn contains(&self, cpu: u32) -> bool {
        self.words
            .get((cpu / c_ulong::BITS) as usize)
            .is_some_and(|word| word >> (cpu % c_ulong::BITS) & 1 == 1)
    }

    /// How many CPUs are in the set.
    pub fn len(&self) -> usize {
        self.words.iter().fold(0, |len: usize, word| {
            len.wrapping_add(word.count_ones() as usize)
        })
    }

    /// Is no CPU in the set?
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The CPUs of the set, in ascending order.
    pub fn iter(&self) -> impl Iterator<Item = u32> + '_ {
        (0..count_limit()).filter(|&cpu| self.contains(cpu))
    }
}

impl fmt::Display for CpuSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt_list(f, |cpu| self.contains(cpu))
    }
}

/// Writes the CPUs that belong to something as the kernel does: `0,2-3`.
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
