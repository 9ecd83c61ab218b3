// SPDX-License-Identifier: GPL-2.0

//! Whether a crash kernel is loaded.
//!
//! C header: [`include/linux/kexec.h`](srctree/include/linux/kexec.h)

use crate::bindings;

/// Returns whether a crash kernel is loaded (`kexec -p`), so that a panic leads to a dump.
///
/// # Context
///
/// Any. The result may be outdated at once.
pub fn kernel_is_loaded() -> bool {
    // SAFETY: The function only compares a pointer with null.
    unsafe { bindings::faultline_helper_kexec_crash_loaded() }
}
