// SPDX-License-Identifier: GPL-2.0

//! Whether a crash kernel stands ready to dump this one.
//!
//! C header: [`include/linux/kexec.h`](srctree/include/linux/kexec.h)

use crate::bindings;

/// Is a crash kernel loaded (`kexec -p`), so that a panic leads to a dump?
///
/// # Context
///
/// Any. The answer may be outdated the next moment.
pub fn kernel_is_loaded() -> bool {
    // SAFETY: The function reads a pointer and compares it with null.
    unsafe { bindings::faultline_helper_kexec_crash_loaded() }
}
