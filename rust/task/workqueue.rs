// SPDX-License-Identifier: GPL-2.0

//! Calls of a function in a worker of a CPU.
//!
//! Our own, since `kernel::workqueue` can neither choose the CPU of a work nor wait for it.
//!
//! # Soundness
//!
//! The kernel calls into the module with a work that the waiter owns. [`run_on`] returns when the
//! work was flushed: its function has returned, and the kernel does not access a work after it has
//! called its function.
//!
//! C header: [`include/linux/workqueue.h`](srctree/include/linux/workqueue.h)

use core::cell::UnsafeCell;

use crate::{
    bindings,
    compat::{
        KBox,
        GFP_KERNEL, //
    },
    error::{
        code,
        Result, //
    },
    task::cpu, //
};

/// A closure and its work. The work is the first field, so a pointer to it is one to the whole.
#[repr(C)]
struct Work<F> {
    work: bindings::work_struct,
    body: Option<F>,
}

/// Has a worker of `cpu` call `body`, and waits for it in `flush_work()`.
///
/// The worker is one of `system_highpri_wq`. If its task dies in `body`, this never returns.
///
/// # Context
///
/// Process context; sleeps uninterruptibly. `body` runs in process context as well, and may sleep.
///
/// # Errors
///
/// `ENODEV` if the CPU is not online, `ENOMEM`.
///
/// # Examples
///
/// ```no_run
/// use faultline::task::workqueue;
///
/// let mut done = false;
/// workqueue::run_on(0, || done = true)?;
/// # Ok::<(), faultline::error::Error>(())
/// ```
pub fn run_on<F: FnOnce() + Send>(cpu: u32, body: F) -> Result {
    if !cpu::is_online(cpu) {
        return Err(code::ENODEV);
    }
    let work = KBox::new(
        UnsafeCell::new(Work {
            // SAFETY: Zeros are a valid `struct work_struct`: integers, and pointers that may be
            // null.
            work: unsafe { core::mem::zeroed() },
            body: Some(body),
        }),
        GFP_KERNEL,
    )?;
    let raw = work.get().cast::<bindings::work_struct>();
    // SAFETY: `raw` points to the first field of a `Work<F>`, which is what `enter::<F>` requires.
    // The work is on the heap, and freed after it was flushed. If the CPU goes offline, another one
    // does its works.
    unsafe {
        bindings::faultline_helper_init_work(raw, Some(enter::<F>));
        bindings::faultline_helper_queue_highpri_work_on(cpu, raw);
        bindings::flush_work(raw);
    }
    Ok(())
}

/// Calls the closure of a work, in the worker.
///
/// # Safety
///
/// `work` points to the first field of a `Work<F>`, of which nobody else accesses `body`.
unsafe extern "C" fn enter<F: FnOnce()>(work: *mut bindings::work_struct) {
    // SAFETY: `Work` is `repr(C)`, and `work` points to its first field, so the cast pointer is
    // that of the `Work<F>` which `run_on` owns. Only `body` is borrowed, since the kernel reads
    // the rest.
    let body = unsafe { (*work.cast::<Work<F>>()).body.take() };
    if let Some(body) = body {
        body();
    }
}
