// SPDX-License-Identifier: GPL-2.0

//! Per-CPU counters.
//!
//! An addition is one instruction on memory that no other CPU writes to: no lock, no shared cache
//! line, and no race with an interrupt. Reading adds up the counters of all CPUs.
//!
//! The `kernel` crate has no per-CPU memory.
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

/// `N` counters on each CPU, which start at 0.
///
/// # Invariants
///
/// `counters` is a per-CPU pointer to `N` words, which this object owns.
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
/// A counter that does not exist is a compile-time error:
///
/// ```compile_fail
/// # let counters = faultline::memory::percpu::Counters::<2>::new()?;
/// counters.add::<2>(5);
/// # Ok::<(), faultline::error::Error>(())
/// ```
pub struct Counters<const N: usize> {
    counters: NonNull<u64>,
}

// SAFETY: Per-CPU memory may be allocated, used and freed by any task.
unsafe impl<const N: usize> Send for Counters<N> {}

// SAFETY: A counter is written by its own CPU alone, with single instructions, and read by others
// with a single load.
unsafe impl<const N: usize> Sync for Counters<N> {}

impl<const N: usize> Counters<N> {
    /// Allocates the counters for each possible CPU.
    ///
    /// # Context
    ///
    /// Process context; sleeps.
    ///
    /// # Errors
    ///
    /// `ENOMEM`; also above 4096 counters: the kernel allocates at most 32 KiB at once.
    pub fn new() -> Result<Self> {
        let size = N.saturating_mul(size_of::<u64>());
        // SAFETY: Size and alignment are those of `N` words. The memory is zeroed.
        let counters = unsafe { bindings::faultline_helper_alloc_percpu(size, align_of::<u64>()) };
        // INVARIANT: The memory was allocated just now, with this size.
        Ok(Self {
            counters: NonNull::new(counters.cast()).ok_or(code::ENOMEM)?,
        })
    }

    /// Adds `value` to counter `AT` of this CPU.
    ///
    /// # Context
    ///
    /// Any. If the task is migrated meanwhile, the counter is that of either CPU.
    #[inline(always)]
    pub fn add<const AT: usize>(&self, value: u64) {
        const { assert!(AT < N, "there is no such counter") };
        // SAFETY: By the invariant the pointer is a per-CPU one to `N` words, and `AT` is less than
        // `N`.
        unsafe { arch::this_cpu_add::<AT>(self.counters.as_ptr(), value) };
    }

    /// Adds 1 to counter `at` of this CPU. Does nothing if there is no such counter.
    ///
    /// # Context
    ///
    /// As for [`add`](Self::add).
    #[inline(always)]
    pub fn count(&self, at: usize) {
        if at < N {
            // SAFETY: By the invariant the pointer is a per-CPU one to `N` words, and `at` is less
            // than `N`.
            unsafe { arch::this_cpu_count(self.counters.as_ptr(), at) };
        }
    }

    /// Returns counter `AT` of this CPU.
    ///
    /// # Context
    ///
    /// As for [`add`](Self::add).
    #[inline(always)]
    pub fn here<const AT: usize>(&self) -> u64 {
        const { assert!(AT < N, "there is no such counter") };
        // SAFETY: By the invariant the pointer is a per-CPU one to `N` words, and `AT` is less than
        // `N`.
        unsafe { arch::this_cpu_read(self.counters.as_ptr().wrapping_add(AT)) }
    }

    /// Returns the sum of counter `at` over all CPUs; 0 if there is no such counter.
    ///
    /// Concurrent additions may be included or not. An addition is included if this CPU has already
    /// observed, by an acquire operation, a store that was released after it.
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
                // SAFETY: By the invariant the pointer is a per-CPU one to `N` words, `at` is less
                // than `N`, and the CPU is a possible one. An aligned word is read by a single
                // load.
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
        // SAFETY: By the invariant this object owns the memory, which is not used after the drop.
        unsafe { bindings::free_percpu(self.counters.as_ptr().cast()) };
    }
}
