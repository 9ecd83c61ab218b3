// SPDX-License-Identifier: GPL-2.0

//! Calls of a function while all other CPUs are stopped, with their interrupts off.
//!
//! The `kernel` crate has no `stop_machine`.
//!
//! C header: [`include/linux/stop_machine.h`](srctree/include/linux/stop_machine.h)

use core::marker::PhantomData;

use crate::{
    bindings,
    compat::ffi::{
        c_int,
        c_void, //
    },
    error::{
        code,
        to_result,
        Result, //
    }, //
};

/// Proof that the machine is stopped: interrupts are off on all CPUs, and the others wait for this
/// one.
pub struct MachineStopped(PhantomData<*mut ()>);

/// A closure and its result.
struct Job<F, R> {
    body: Option<F>,
    result: Option<R>,
}

/// Calls `body` on `cpu`, in its stopper thread (`migration/<cpu>`), while all other CPUs are
/// stopped.
///
/// # Context
///
/// Process context; sleeps uninterruptibly. CPU hotplug must not be locked. In `body` nothing may
/// sleep.
///
/// # Errors
///
/// `ENODEV` if the CPU is not online, `ENOMEM`.
///
/// # Examples
///
/// ```no_run
/// use faultline::task::{cpu, stop_machine};
///
/// let where_it_ran = stop_machine::run(0, |_stopped| cpu::current())?;
/// # let _ = where_it_ran;
/// # Ok::<(), faultline::error::Error>(())
/// ```
pub fn run<F, R>(cpu: u32, body: F) -> Result<R>
where
    F: FnOnce(&MachineStopped) -> R + Send,
    R: Send,
{
    if !crate::task::cpu::is_possible(cpu) {
        return Err(code::ENODEV);
    }
    let mut job = Job {
        body: Some(body),
        result: None,
    };
    // SAFETY: The CPU is a possible one, so the mask of it may be computed. `job` is a `Job<F, R>`,
    // which is what `enter::<F, R>` requires; one CPU calls that, and it has returned when
    // `stop_machine()` does.
    to_result(unsafe {
        bindings::faultline_helper_stop_machine_on(
            cpu,
            Some(enter::<F, R>),
            (&raw mut job).cast::<c_void>(),
        )
    })?;
    // If the CPU is offline, no CPU has called `enter`.
    job.result.ok_or(code::ENODEV)
}

/// Calls the closure of a job.
///
/// # Safety
///
/// `job` points to a `Job<F, R>`, which nobody else accesses during the call.
unsafe extern "C" fn enter<F, R>(job: *mut c_void) -> c_int
where
    F: FnOnce(&MachineStopped) -> R,
{
    // SAFETY: `job` points to the `Job<F, R>` of `run`, which waits until this has returned.
    let job = unsafe { &mut *job.cast::<Job<F, R>>() };
    if let Some(body) = job.body.take() {
        job.result = Some(body(&MachineStopped(PhantomData)));
    }
    0
}
