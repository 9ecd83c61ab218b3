// SPDX-License-Identifier: GPL-2.0

//! Names of the reasons for which the kernel drops a packet.
//!
//! C header: [`include/net/dropreason-core.h`](srctree/include/net/dropreason-core.h)

use crate::{
    bindings,
    compat, //
};

/// Returns the name of what route input or source validation returned, without its sign: a drop
/// reason, or an errno on kernels before 6.13. `None` if it has no name.
///
/// # Context
///
/// Any.
pub fn reason_bytes(reason: u32) -> Option<&'static [u8]> {
    // SAFETY: The function returns null or a constant string.
    let name = unsafe { bindings::faultline_net_reason(reason) };
    if name.is_null() {
        return None;
    }
    // SAFETY: It is not null, so it is a constant string with NUL.
    Some(compat::bytes(unsafe { compat::c_str(name) }))
}

/// Returns the same name, as a string.
///
/// # Context
///
/// Process context.
pub fn reason_name(reason: u32) -> Option<&'static str> {
    core::str::from_utf8(reason_bytes(reason)?).ok()
}
