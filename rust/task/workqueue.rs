// SPDX-License-Identifier: GPL-2.0

//! Work for the kernel's own threads, the workers.
//!
//! # Soundness
//!
//! The kernel enters by one function, with a work that belongs to who waits for
//! it: [`run_on`] returns when the work was done, and the kernel does not touch
//! a work after it has called its function.
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

/// What is done. It begins with the kernel's part, so that one pointer serves for
/// both.
#[repr(C)]
struct Work<F> {
    work: bindings::work_struct,
    body: Option<F>,
}

/// Has a worker of `cpu` call `body`, and waits for it in `flush_work()`.
///
/// The worker is one of `system_highpri_wq`. If its task dies in `body`, this
/// waits for ever.
///
/// # Context
///
/// Process context; sleeps, uninterruptibly. `body` runs in process context as
/// well, and may sleep.
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
            // SAFETY: A `struct work_struct` of zeros is one that was not
            // initialised.
            work: unsafe { core::mem::zeroed() },
            body: Some(body),
        }),
        GFP_KERNEL,
    )?;
    let raw = work.get().cast::<bindings::work_struct>();
    // SAFETY: The work stays where it is until it was flushed. `enter` may be
    // called with it. A CPU that goes offline leaves its works to others.
    unsafe {
        bindings::faultline_helper_init_work(raw, Some(enter::<F>));
        bindings::faultline_helper_queue_highpri_work_on(cpu, raw);
        bindings::flush_work(raw);
    }
    Ok(())
}

/// Where a worker enters.
///
/// # Safety
///
/// `work` is that of a `Work<F>`, of which nobody else uses the closure.
unsafe extern "C" fn enter<F: FnOnce()>(work: *mut bindings::work_struct) {
    // SAFETY: `work` is the first field of a `Work<F>`. Only the closure's place is
    // referred to, since the kernel looks at the rest.
    let body = unsafe { (*work.cast::<Work<F>>()).body.take() };
    if let Some(body) = body {
        body();
    }
}
