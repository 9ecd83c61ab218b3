// SPDX-License-Identifier: GPL-2.0

//! Code that runs in a hard interrupt, raised for it on this CPU.
//!
//! # Soundness
//!
//! The kernel enters by one function, with a work that is on the stack of who
//! waits for it: [`run`] does not return before the kernel is done with the
//! work. It stays on its CPU meanwhile, which the interrupt has to leave first.
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

/// Proof that the code runs in a hard interrupt, with interrupts off.
pub struct InInterrupt(PhantomData<*mut ()>);

/// What is run. It begins with its work, so that one pointer serves for both.
#[repr(C)]
struct Work<F> {
    work: bindings::irq_work,
    body: Option<F>,
}

/// Calls `body` in a hard interrupt on this CPU, and waits for its return.
///
/// # Context
///
/// Any with interrupts on. `body` runs in a hard interrupt: nothing may sleep.
///
/// # Errors
///
/// `EDEADLK` with interrupts off: the interrupt would never come.
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
        // SAFETY: A `struct irq_work` of zeros is one that was not initialised.
        work: unsafe { core::mem::zeroed() },
        body: Some(body),
    });
    let raw = work.get().cast::<bindings::irq_work>();
    // SAFETY: The work stays here until the kernel is done with it, which is when
    // it is not busy any more and the interrupt has returned to this CPU. `enter`
    // may be called with it.
    unsafe {
        bindings::faultline_helper_init_irq_work_hard(raw, Some(enter::<F>));
        bindings::irq_work_queue(raw);
        while bindings::faultline_helper_irq_work_is_busy(raw) {
            cpu::relax();
        }
    }
    Ok(())
}

/// Where the kernel enters in the interrupt.
///
/// # Safety
///
/// `work` is that of a `Work<F>`, which nobody else uses during the call.
unsafe extern "C" fn enter<F: FnOnce(&InInterrupt)>(work: *mut bindings::irq_work) {
    // SAFETY: `work` is the first field of a `Work<F>`. Only the closure's place is
    // referred to, since the kernel changes the rest.
    let body = unsafe { (*work.cast::<Work<F>>()).body.take() };
    if let Some(body) = body {
        body(&InInterrupt(PhantomData));
    }
}
