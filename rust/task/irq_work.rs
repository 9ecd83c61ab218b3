// SPDX-License-Identifier: GPL-2.0

//! Calls of a function in a hard interrupt on this CPU.
//!
//! The `kernel` crate has no `irq_work`.
//!
//! # Soundness
//!
//! The kernel calls into the module with a work on the waiter's stack. [`run`] does not return
//! before the work is no longer busy. The kernel clears that flag in the interrupt after the call,
//! and since the waiter stays on the CPU of the interrupt, it does not run again before the
//! interrupt has returned.
//!
//! C header: [`include/linux/irq_work.h`](srctree/include/linux/irq_work.h)

use core::{
    cell::UnsafeCell,
    marker::PhantomData, //
};

use crate::{
    bindings,
    error::{
        code,
        Result, //
    },
    task::{
        context::{
            self,
            PreemptionOff, //
        },
        cpu, //
    }, //
};

/// Proof that the code runs in a hard interrupt, with interrupts off on this CPU.
pub struct InInterrupt(PhantomData<*mut ()>);

/// A closure and its work. The work is the first field, so a pointer to it is one to the whole.
#[repr(C)]
struct Work<F> {
    work: bindings::irq_work,
    body: Option<F>,
}

/// Calls `body` in a hard interrupt on this CPU, and waits until it has returned.
///
/// # Context
///
/// Any with interrupts on. In `body` nothing may sleep.
///
/// # Errors
///
/// `EDEADLK` with interrupts off, since the interrupt would never come.
///
/// # Examples
///
/// ```no_run
/// use faultline::task::{context, irq_work};
///
/// let mut came = false;
/// context::preemption_off(|off| irq_work::run(off, |_interrupt| came = true))?;
/// # Ok::<(), faultline::error::Error>(())
/// ```
pub fn run<F: FnOnce(&InInterrupt)>(_off: &PreemptionOff, body: F) -> Result {
    if context::interrupts_are_off() {
        return Err(code::EDEADLK);
    }
    let work = UnsafeCell::new(Work {
        // SAFETY: Zeros are a valid `struct irq_work`: integers, and pointers that may be null.
        work: unsafe { core::mem::zeroed() },
        body: Some(body),
    });
    let raw = work.get().cast::<bindings::irq_work>();
    // SAFETY: `raw` points to the first field of a `Work<F>`, which is what `enter::<F>` requires.
    // The work is on this stack until it is no longer busy and the interrupt has returned, which is
    // when the kernel does not access it any more. Only `enter` accesses `body` until then.
    unsafe {
        bindings::faultline_helper_init_irq_work_hard(raw, Some(enter::<F>));
        bindings::irq_work_queue(raw);
        while bindings::faultline_helper_irq_work_is_busy(raw) {
            cpu::relax();
        }
    }
    Ok(())
}

/// Calls the closure of a work, in the interrupt.
///
/// # Safety
///
/// `work` points to the first field of a `Work<F>`, of which nobody else accesses `body`.
unsafe extern "C" fn enter<F: FnOnce(&InInterrupt)>(work: *mut bindings::irq_work) {
    // SAFETY: `Work` is `repr(C)`, and `work` points to its first field, so the cast pointer is
    // that of the `Work<F>` which `run` has on its stack. Only `body` is borrowed, since the kernel
    // changes the rest.
    let body = unsafe { (*work.cast::<Work<F>>()).body.take() };
    if let Some(body) = body {
        body(&InInterrupt(PhantomData));
    }
}
