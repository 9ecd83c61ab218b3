// SPDX-License-Identifier: GPL-2.0

//! `THIS_MODULE`, and its name.

use core::ffi::CStr;

use crate::{
    bindings,
    compat::c_str, //
};

/// Returns `THIS_MODULE`.
pub(crate) const fn this() -> *mut bindings::module {
    (&raw const bindings::__this_module).cast_mut()
}

/// Returns the name of this module.
pub fn name() -> &'static CStr {
    // SAFETY: The name is a string with NUL in the module's `struct module`. The kernel does not
    // change it, and frees it with this code.
    unsafe { c_str((&raw const bindings::__this_module.name).cast()) }
}
