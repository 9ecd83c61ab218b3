// SPDX-License-Identifier: GPL-2.0

//! Code that runs with preemption, interrupts or softirqs off.
//!
//! Each context is entered by a function that takes what to do there, and is
//! left when that returns. So contexts nest as the kernel wants them to: the
//! one that was entered last is left first, on the CPU on which it was entered.
//! The closure gets a token, which cannot be kept, sent to another thread, or
//! made otherwise, and so proves to what it is handed to that the context is
//! entered.
//!
//! While a context is entered, nothing may sleep: no allocation with
//! `GFP_KERNEL`, no mutex, no [`Kthread`](crate::task::kthread::Kthread) dropped. A
//! violation does not corrupt memory; the scheduler reports it ("scheduling
//! while atomic").
//!
//! # Examples
//!
//! ```no_run
//! use faultline::task::context;
//!
//! let cpu = context::preemption_off(|preemption| {
//!     context::interrupts_off(|_interrupts| {
//!         // Nothing interrupts this, apart from an NMI.
//!     });
//!     preemption.cpu()
//! });
//! # let _ = cpu;
//! ```

use core::marker::PhantomData;

use crate::{
    bindings,
    compat::ffi::c_ulong, //
};

/// Whether the kernel was built with `CONFIG_PREEMPT_RT`. There nearly all of it can be preempted:
/// softirqs and most interrupt handlers are threads, `spinlock_t` sleeps, and so may whatever
/// takes one, also an allocation with `GFP_ATOMIC`.
pub const PREEMPT_RT: bool = cfg!(CONFIG_PREEMPT_RT);

/// What makes a type neither `Send` nor `Sync`: it belongs to one CPU.
type OfThisCpu = PhantomData<*mut ()>;

/// Proof that preemption is off: the thread stays on its CPU and keeps it.
/// Interrupts and softirqs still come.
///
/// # Invariants
///
/// While the object lives, `preempt_disable()` was called for it on this CPU.
pub struct PreemptionOff(OfThisCpu);

/// Calls `body` with preemption off.
///
/// # Context
///
/// Any. Inside, nothing may sleep.
///
/// C header: [`include/linux/preempt.h`](srctree/include/linux/preempt.h)
#[inline]
pub fn preemption_off<R>(body: impl FnOnce(&PreemptionOff) -> R) -> R {
    // SAFETY: Dropping the object undoes this; `body` cannot get hold of it.
    unsafe { bindings::faultline_helper_preempt_disable() };
    // INVARIANT: It was just called.
    body(&PreemptionOff(PhantomData))
}

impl PreemptionOff {
    /// The CPU that the code runs on, as long as preemption is off.
    pub fn cpu(&self) -> u32 {
        crate::task::cpu::current()
    }
}

impl Drop for PreemptionOff {
    fn drop(&mut self) {
        // SAFETY: By the invariant preemption was disabled for this object.
        unsafe { bindings::faultline_helper_preempt_enable() };
    }
}

/// Proof that interrupts are off on this CPU: only an NMI gets through.
///
/// # Invariants
///
/// While the object lives, interrupts are off on this CPU, and `flags` says
/// what they were before.
pub struct InterruptsOff {
    flags: c_ulong,
    _of_this_cpu: OfThisCpu,
}

/// Calls `body` with interrupts off on this CPU, then makes them what they
/// were.
///
/// # Context
///
/// Any. Inside, nothing may sleep.
///
/// C header: [`include/linux/irqflags.h`](srctree/include/linux/irqflags.h)
#[inline]
pub fn interrupts_off<R>(body: impl FnOnce(&InterruptsOff) -> R) -> R {
    // SAFETY: Dropping the object undoes this; `body` cannot get hold of it.
    let flags = unsafe { bindings::faultline_helper_local_irq_save() };
    // INVARIANT: Interrupts were just saved and disabled.
    body(&InterruptsOff {
        flags,
        _of_this_cpu: PhantomData,
    })
}

/// Are interrupts off on this CPU, by whomever?
///
/// # Context
///
/// Any. With preemption on, the answer may be that of another CPU.
#[inline]
pub fn interrupts_are_off() -> bool {
    // SAFETY: The function reads this CPU's flags.
    unsafe { bindings::faultline_helper_irqs_disabled() }
}

impl Drop for InterruptsOff {
    fn drop(&mut self) {
        // SAFETY: By the invariant these are the flags from before, and
        // contexts entered since then have been left.
        unsafe { bindings::faultline_helper_local_irq_restore(self.flags) };
    }
}

/// Proof that softirqs do not run on this CPU. Hard interrupts still come, and with
/// [`PREEMPT_RT`] so do other threads: the thread stays on its CPU, but may be preempted.
///
/// # Invariants
///
/// While the object lives, softirqs are off: by a call of `local_bh_disable()`
/// if `disabled`, else because interrupts are off all the while.
pub struct SoftirqsOff {
    disabled: bool,
    _of_this_cpu: OfThisCpu,
}

/// Calls `body` with softirqs (bottom halves) off on this CPU. What has become
/// pending runs when it has returned.
///
/// # Context
///
/// Any but an NMI. Inside, nothing may sleep. With interrupts off there is
/// nothing to do, since softirqs run with interrupts on only, and the kernel
/// forbids to enable them again there.
///
/// C header: [`include/linux/bottom_half.h`](srctree/include/linux/bottom_half.h)
#[inline]
pub fn softirqs_off<R>(body: impl FnOnce(&SoftirqsOff) -> R) -> R {
    let disabled = !interrupts_are_off();
    if disabled {
        // SAFETY: Dropping the object undoes this; `body` cannot get hold of
        // it.
        unsafe { bindings::faultline_helper_local_bh_disable() };
    }
    // INVARIANT: Either it was just called, or interrupts are off; what is
    // entered and left inside of `body` does not enable them.
    body(&SoftirqsOff {
        disabled,
        _of_this_cpu: PhantomData,
    })
}

impl Drop for SoftirqsOff {
    fn drop(&mut self) {
        if self.disabled {
            // SAFETY: By the invariant they were disabled for this object, with
            // interrupts on; contexts entered since then have been left.
            unsafe { bindings::faultline_helper_local_bh_enable() };
        }
    }
}
