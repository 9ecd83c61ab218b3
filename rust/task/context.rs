// SPDX-License-Identifier: GPL-2.0

//! Code that runs with preemption, interrupts or softirqs off.
//!
//! A function enters the context, calls a closure, and leaves the context when that has returned.
//! So contexts nest as the kernel requires: the last one entered is the first one left, on the same
//! CPU. The closure is passed a token, which cannot be kept, sent to another thread or made
//! otherwise, and so proves to other functions that the context is entered.
//!
//! In all of these contexts nothing may sleep: no allocation with `GFP_KERNEL`, no mutex, no drop
//! of a [`Kthread`](crate::task::kthread::Kthread). A violation does not corrupt memory; the
//! scheduler reports it ("scheduling while atomic").
//!
//! They are our own: `kernel::interrupt` is not in 6.12 or 7.2, and the crate has nothing for
//! preemption and softirqs.
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

/// Whether the kernel was built with `CONFIG_PREEMPT_RT`. Then nearly all of it can be preempted:
/// softirqs and most interrupt handlers are threads, and waiters for a `spinlock_t` sleep. So may
/// everything that takes one, also an allocation with `GFP_ATOMIC`.
pub const PREEMPT_RT: bool = cfg!(CONFIG_PREEMPT_RT);

/// Makes a type neither `Send` nor `Sync`. The crate's `NotThreadSafe` is not in 6.12.
type NotThreadSafe = PhantomData<*mut ()>;

/// Proof that preemption is off: the thread stays on its CPU and keeps it. Interrupts and softirqs
/// are still handled.
///
/// # Invariants
///
/// While the object exists, a call of `preempt_disable()` on this CPU has not been undone.
pub struct PreemptionOff(NotThreadSafe);

/// Calls `body` with preemption off.
///
/// # Context
///
/// Any. Inside, nothing may sleep.
///
/// C header: [`include/linux/preempt.h`](srctree/include/linux/preempt.h)
#[inline]
pub fn preemption_off<R>(body: impl FnOnce(&PreemptionOff) -> R) -> R {
    // SAFETY: `preempt_disable()` has no requirements. The drop of the object undoes it, when
    // `body` has returned, which gets a reference only.
    unsafe { bindings::faultline_helper_preempt_disable() };
    // INVARIANT: `preempt_disable()` was called just now.
    body(&PreemptionOff(PhantomData))
}

impl PreemptionOff {
    /// Returns the number of this CPU.
    pub fn cpu(&self) -> u32 {
        crate::task::cpu::current()
    }
}

impl Drop for PreemptionOff {
    fn drop(&mut self) {
        // SAFETY: By the invariant preemption was disabled on this CPU, and not enabled since.
        unsafe { bindings::faultline_helper_preempt_enable() };
    }
}

/// Proof that interrupts are off on this CPU, apart from NMIs.
///
/// # Invariants
///
/// While the object exists, interrupts are off on this CPU. `flags` is their state before that.
pub struct InterruptsOff {
    flags: c_ulong,
    _not_send: NotThreadSafe,
}

/// Calls `body` with interrupts off on this CPU, then restores their state.
///
/// # Context
///
/// Any. Inside, nothing may sleep.
///
/// C header: [`include/linux/irqflags.h`](srctree/include/linux/irqflags.h)
#[inline]
pub fn interrupts_off<R>(body: impl FnOnce(&InterruptsOff) -> R) -> R {
    // SAFETY: `local_irq_save()` has no requirements. The drop of the object undoes it, when `body`
    // has returned, which gets a reference only.
    let flags = unsafe { bindings::faultline_helper_local_irq_save() };
    // INVARIANT: Interrupts were disabled just now, and `flags` is what they were before.
    body(&InterruptsOff {
        flags,
        _not_send: PhantomData,
    })
}

/// Returns whether interrupts are off on this CPU, for whatever reason.
///
/// # Context
///
/// Any. With preemption on, the result may be that of another CPU.
#[inline]
pub fn interrupts_are_off() -> bool {
    // SAFETY: `irqs_disabled()` only reads the flags of this CPU.
    unsafe { bindings::faultline_helper_irqs_disabled() }
}

impl Drop for InterruptsOff {
    fn drop(&mut self) {
        // SAFETY: By the invariant `flags` was returned by `local_irq_save()` on this CPU. Contexts
        // entered since then were left, since each ends with its closure.
        unsafe { bindings::faultline_helper_local_irq_restore(self.flags) };
    }
}

/// Proof that softirqs are off on this CPU. Hard interrupts are still handled. With [`PREEMPT_RT`]
/// the thread stays on its CPU, but may be preempted.
///
/// # Invariants
///
/// While the object exists, softirqs are off: if `disabled`, by a call of `local_bh_disable()` that
/// was not undone, else because interrupts are off.
pub struct SoftirqsOff {
    disabled: bool,
    _not_send: NotThreadSafe,
}

/// Calls `body` with softirqs (bottom halves) off on this CPU. Softirqs that became pending
/// meanwhile run when it has returned.
///
/// # Context
///
/// Any but an NMI. Inside, nothing may sleep. With interrupts off this only calls `body`: softirqs
/// run with interrupts on only, and the kernel forbids `local_bh_enable()` with interrupts off.
///
/// C header: [`include/linux/bottom_half.h`](srctree/include/linux/bottom_half.h)
#[inline]
pub fn softirqs_off<R>(body: impl FnOnce(&SoftirqsOff) -> R) -> R {
    let disabled = !interrupts_are_off();
    if disabled {
        // SAFETY: Interrupts are on, as `local_bh_disable()` requires. The drop of the object
        // undoes it, when `body` has returned, which gets a reference only.
        unsafe { bindings::faultline_helper_local_bh_disable() };
    }
    // INVARIANT: Either `local_bh_disable()` was called just now, or interrupts are off, and
    // contexts that are entered and left in `body` restore that.
    body(&SoftirqsOff {
        disabled,
        _not_send: PhantomData,
    })
}

impl Drop for SoftirqsOff {
    fn drop(&mut self) {
        if self.disabled {
            // SAFETY: By the invariant `local_bh_disable()` was called on this CPU, with interrupts
            // on. They are on again, since contexts entered since then were left.
            unsafe { bindings::faultline_helper_local_bh_enable() };
        }
    }
}
