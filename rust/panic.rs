// SPDX-License-Identifier: GPL-2.0

//! What happens when Rust code panics in a module that carries the kernel's
//! crates with it.
//!
//! Code of ours does not panic on purpose; it is what becomes of a bug that the
//! compiler's checks find at run time. The `kernel` crate's handler prints with
//! a `printk` that knows Rust, so the linker leads here instead where the kernel
//! does not (see `rust/link/Kbuild`). Both end in `BUG()`.

use core::panic::PanicInfo;

use crate::{
    bindings,
    print::{
        self,
        Level, //
    }, //
};

/// Prints why, then kills the thread, as `BUG()` in C does.
///
/// # Context
///
/// Any in which the code that panics can be.
#[export_name = concat!("__wrap_", env!("FAULTLINE_PANIC"))]
extern "Rust" fn begin_unwind(info: &PanicInfo<'_>) -> ! {
    print::print(Level::Emergency, format_args!("{info}"));
    // SAFETY: The function may be called from any context.
    unsafe { bindings::faultline_helper_bug() };
    // SAFETY: It does not return.
    unsafe { core::hint::unreachable_unchecked() }
}
