// SPDX-License-Identifier: GPL-2.0

//! Function calls on other CPUs, by an interrupt.
//!
//! The `kernel` crate has none.
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

/// Sends `cpu` an interrupt, and waits until it was handled. While that CPU has its interrupts off,
/// the caller spins. Whether preemption is off meanwhile depends on the kernel's version; a caller
/// that needs it disables it.
///
/// # Context
///
/// Any thread or softirq with interrupts on.
///
/// # Errors
///
/// `EDEADLK` with interrupts off, since two CPUs that call each other would deadlock; `ENXIO` if
/// the CPU is not online.
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
    // SAFETY: Interrupts are on. `answer` ignores its argument. It has returned when this call
    // does, so the module is still loaded when it runs.
    to_result(unsafe { bindings::faultline_helper_smp_call_and_wait(cpu, Some(answer)) })?;
    Ok(())
}

/// Handles the interrupt: does nothing.
///
/// # Safety
///
/// None: the argument is not used.
unsafe extern "C" fn answer(_: *mut c_void) {}
