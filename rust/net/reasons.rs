// SPDX-License-Identifier: GPL-2.0

//! Names of the reasons for which the kernel drops a packet.
//!
//! C header: [`include/net/dropreason-core.h`](srctree/include/net/dropreason-core.h)

use crate::{
    bindings,
    compat::{
        self,
        ffi::c_char, //
    }, //
};

/// Returns the name of what route input or source validation returned, without its sign: a drop
/// reason, or an errno on kernels before 6.13. `None` if it has no name.
///
/// # Context
///
/// Any.
pub fn reason_bytes(reason: u32) -> Option<&'static [u8]> {
    // SAFETY: The function returns null or a constant string.
    unsafe { name(bindings::faultline_net_reason(reason)) }
}

/// Returns the name of a drop reason. `None` if it has no name.
///
/// # Context
///
/// Any.
pub fn drop_reason_bytes(reason: u32) -> Option<&'static [u8]> {
    // SAFETY: The function returns null or a constant string.
    unsafe { name(bindings::faultline_net_drop_reason(reason)) }
}

/// Returns the string, unless it is null.
///
/// # Safety
///
/// `name` is null or a constant string with NUL.
unsafe fn name(name: *const c_char) -> Option<&'static [u8]> {
    if name.is_null() {
        return None;
    }
    // SAFETY: It is not null, so it is a constant string with NUL, by the contract.
    Some(compat::bytes(unsafe { compat::c_str(name) }))
}

/// Returns the name of [`reason_bytes`], as a string.
///
/// # Context
///
/// Process context.
pub fn reason_name(reason: u32) -> Option<&'static str> {
    core::str::from_utf8(reason_bytes(reason)?).ok()
}

/// Returns the name of a drop reason, as a string.
///
/// # Context
///
/// Process context.
pub fn drop_reason_name(reason: u32) -> Option<&'static str> {
    core::str::from_utf8(drop_reason_bytes(reason)?).ok()
}
