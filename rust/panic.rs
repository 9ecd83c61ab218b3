// SPDX-License-Identifier: GPL-2.0

//! The panic handler of modules that contain the kernel's crates (the embedded runtime).
//!
//! Code of ours does not panic on purpose; a panic is a bug that one of the compiler's checks finds
//! at run time. The `kernel` crate's handler prints with `%pA`, which a kernel that was built
//! without Rust cannot print, so the linker replaces it by this one (see `rust/link/Kbuild`). Both
//! end in `BUG()`.

use core::panic::PanicInfo;

use crate::{
    bindings,
    print::{
        self,
        LogLevel, //
    }, //
};

/// Prints the message, then kills the task, as `BUG()` in C does.
///
/// # Context
///
/// Any.
#[export_name = concat!("__wrap_", env!("FAULTLINE_PANIC"))]
extern "Rust" fn begin_unwind(info: &PanicInfo<'_>) -> ! {
    print::print(LogLevel::Emergency, format_args!("{info}"));
    // SAFETY: `BUG()` may be used in any context.
    unsafe { bindings::faultline_helper_bug() };
    // SAFETY: `BUG()` does not return.
    unsafe { core::hint::unreachable_unchecked() }
}
