// SPDX-License-Identifier: GPL-2.0

//! The C functions that the library calls, as bindgen sees them.
//!
//! They are listed in `bindings/parameters`. The types are those of the kernel
//! crate's `bindings`.

#![allow(
    clippy::all,
    clippy::undocumented_unsafe_blocks,
    improper_ctypes,
    missing_docs,
    non_camel_case_types,
    unreachable_pub,
    unused_imports,
    reason = "this is generated code"
)]

pub(crate) use crate::compat::{
    bindings::*,
    ffi, //
};

include!(env!("FAULTLINE_BINDINGS"));
