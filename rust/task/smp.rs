// SPDX-License-Identifier: GPL-2.0

//! Interrupts that one CPU sends another.
//!
//! C header: [`include/linux/smp.h`](srctree/include/linux/smp.h)

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
    },
    task::context, //
};

/// Sends `cpu` an interrupt, and waits until it was answered: spinning, for as
/// long as that CPU has its interrupts off. Whether the kernel keeps preemption
/// off meanwhile depends on its version; who needs it does so.
///
/// # Context
///
/// Any thread or softirq with interrupts on.
///
/// # Errors
///
/// `EDEADLK` with interrupts off, since two CPUs that do this to each other
/// would wait for ever; `ENXIO` if the CPU is not online.
///
/// # Examples
///
/// ```no_run
/// use faultline::task::smp;
///
/// smp::call(0)?;
/// faultline::pr_info!("CPU 0 answers");
/// # Ok::<(), faultline::error::Error>(())
/// ```
pub fn call(cpu: u32) -> Result {
    if context::interrupts_are_off() {
        return Err(code::EDEADLK);
    }
    let cpu = c_int::try_from(cpu).map_err(|_| code::EINVAL)?;
    // SAFETY: Interrupts are on. The function that is called needs no argument,
    // and has returned when this does, so it does not outlive the module.
    to_result(unsafe { bindings::faultline_helper_smp_call_and_wait(cpu, Some(answer)) })?;
    Ok(())
}

/// What the other CPU does about it.
///
/// # Safety
///
/// There is nothing to it.
unsafe extern "C" fn answer(_: *mut c_void) {}
