// SPDX-License-Identifier: GPL-2.0

//! Code that runs while nothing else does: all other CPUs wait for it with
//! their interrupts off.
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

/// Proof that the machine is stopped: interrupts are off on all CPUs, and the
/// others wait for this one.
pub struct MachineStopped(PhantomData<*mut ()>);

/// What is run, and what came of it.
struct Job<F, R> {
    body: Option<F>,
    result: Option<R>,
}

/// Calls `body` on `cpu`, in the thread by which the kernel stops it
/// (`migration/<cpu>`), while all other CPUs are stopped.
///
/// # Context
///
/// Process context; sleeps, uninterruptibly. CPU hotplug must not be locked. Nothing may sleep in
/// `body`.
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
    // SAFETY: The CPU is one that there can be. `enter` may be called with the
    // job, by one CPU, and has returned when this does.
    to_result(unsafe {
        bindings::faultline_helper_stop_machine_on(
            cpu,
            Some(enter::<F, R>),
            (&raw mut job).cast::<c_void>(),
        )
    })?;
    // If the CPU is offline, nobody ran it.
    job.result.ok_or(code::ENODEV)
}

/// Where the kernel enters.
///
/// # Safety
///
/// `job` is a `Job<F, R>`, which nobody else uses during the call.
unsafe extern "C" fn enter<F, R>(job: *mut c_void) -> c_int
where
    F: FnOnce(&MachineStopped) -> R,
{
    // SAFETY: `job` is a `Job<F, R>`, whose owner waits until this returns.
    let job = unsafe { &mut *job.cast::<Job<F, R>>() };
    if let Some(body) = job.body.take() {
        job.result = Some(body(&MachineStopped(PhantomData)));
    }
    0
}
