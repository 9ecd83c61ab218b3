// SPDX-License-Identifier: GPL-2.0

//! Counters that each CPU has for itself.
//!
//! To count is one instruction on memory that no other CPU writes to: no lock,
//! no shared cache line, and nothing is lost to an interrupt in between. To
//! read adds up what the CPUs have.
//!
//! C header: [`include/linux/percpu.h`](srctree/include/linux/percpu.h)

use core::{
    mem::{
        align_of,
        size_of, //
    },
    ptr::NonNull, //
};

use super::arch;
use crate::{
    bindings,
    error::{
        code,
        Result, //
    },
    task::cpu, //
};

/// `N` counters on each CPU, at first 0.
///
/// # Invariants
///
/// `counters` is a per-CPU pointer to `N` words, owned by this object.
///
/// # Examples
///
/// ```no_run
/// use faultline::memory::percpu::Counters;
///
/// let counters = Counters::<2>::new()?;
/// counters.add::<1>(5);
/// assert_eq!(counters.sum(1), 5);
/// # Ok::<(), faultline::error::Error>(())
/// ```
///
/// A counter that is not there is refused by the compiler:
///
/// ```compile_fail
/// # let counters = faultline::memory::percpu::Counters::<2>::new()?;
/// counters.add::<2>(5);
/// # Ok::<(), faultline::error::Error>(())
/// ```
pub struct Counters<const N: usize> {
    counters: NonNull<u64>,
}

// SAFETY: The counters are memory that any CPU may read; each is written by its
// own CPU, with instructions that are complete in themselves.
unsafe impl<const N: usize> Send for Counters<N> {}

// SAFETY: A counter is written by its own CPU alone, with instructions that are
// complete in themselves, and read as a whole.
unsafe impl<const N: usize> Sync for Counters<N> {}

impl<const N: usize> Counters<N> {
    /// Makes the counters, for each CPU that there can be.
    ///
    /// # Context
    ///
    /// Process context; sleeps.
    ///
    /// # Errors
    ///
    /// `ENOMEM`. A CPU has room for 32 KiB of them (4096) at most.
    pub fn new() -> Result<Self> {
        let size = N.saturating_mul(size_of::<u64>());
        // SAFETY: The caller may sleep. The memory is zeroed.
        let counters = unsafe { bindings::faultline_helper_alloc_percpu(size, align_of::<u64>()) };
        // INVARIANT: It was just allocated with this size.
        Ok(Self {
            counters: NonNull::new(counters.cast()).ok_or(code::ENOMEM)?,
        })
    }

    /// Adds to counter `AT` of this CPU.
    ///
    /// # Context
    ///
    /// Any. With preemption on it may be the CPU before or after.
    #[inline(always)]
    pub fn add<const AT: usize>(&self, value: u64) {
        const { assert!(AT < N, "there is no such counter") };
        // SAFETY: By the invariant, and there are more words than that.
        unsafe { arch::this_cpu_add::<AT>(self.counters.as_ptr(), value) };
    }

    /// Adds 1 to counter `at` of this CPU; nothing if there is none.
    ///
    /// # Context
    ///
    /// As for [`add`](Self::add).
    #[inline(always)]
    pub fn count(&self, at: usize) {
        if at < N {
            // SAFETY: By the invariant, and there are more words than that.
            unsafe { arch::this_cpu_count(self.counters.as_ptr(), at) };
        }
    }

    /// Counter `AT` of this CPU.
    ///
    /// # Context
    ///
    /// As for [`add`](Self::add).
    #[inline(always)]
    pub fn here<const AT: usize>(&self) -> u64 {
        const { assert!(AT < N, "there is no such counter") };
        // SAFETY: The allocation has `N` words for each CPU, and `AT` is less.
        unsafe { arch::this_cpu_read(self.counters.as_ptr().wrapping_add(AT)) }
    }

    /// What all CPUs have counted; 0 if there is no such counter.
    ///
    /// What is counted meanwhile may be in it or not. Whatever was counted by
    /// something that this CPU has already seen the effect of is in it.
    ///
    /// # Context
    ///
    /// Any.
    pub fn sum(&self, at: usize) -> u64 {
        if at >= N {
            return 0;
        }
        (0..cpu::count_limit())
            .filter(|&cpu| cpu::is_possible(cpu))
            .fold(0, |sum: u64, cpu| {
                // SAFETY: By the invariant the pointer is a per-CPU one with so
                // many words, and the CPU is a possible one. The value is read
                // as a whole, since it is an aligned word.
                let value = unsafe {
                    bindings::faultline_helper_per_cpu_ptr(self.counters.as_ptr().cast(), cpu)
                        .cast::<u64>()
                        .wrapping_add(at)
                        .read_volatile()
                };
                sum.wrapping_add(value)
            })
    }
}

impl<const N: usize> Drop for Counters<N> {
    fn drop(&mut self) {
        // SAFETY: By the invariant the memory is ours, and it is not used
        // again.
        unsafe { bindings::free_percpu(self.counters.as_ptr().cast()) };
    }
}
