// SPDX-License-Identifier: GPL-2.0

//! The C functions that the library calls, as bindgen sees them.
//!
//! They are listed in `bindings/prototypes`. The types are those of the kernel
//! crate's `bindings`, or are added by `bindings/parameters`.
//!
//! These bindings are made from headers. The stock kernel's BTF describes the kernel
//! as it was built, and `tools/btf-guard` compares the two in every build: the
//! prototype of each function, and (in `bindings/layout.rs`) the layout of each
//! structure that this crate names, passes to a function or reaches by a field.

#![allow(
    clippy::all,
    clippy::cast_lossless,
    clippy::ptr_as_ptr,
    clippy::ref_as_ptr,
    clippy::undocumented_unsafe_blocks,
    dead_code,
    improper_ctypes,
    missing_docs,
    non_camel_case_types,
    non_upper_case_globals,
    unreachable_pub,
    unsafe_op_in_unsafe_fn,
    unused_imports,
    reason = "this is generated code"
)]

pub(crate) use crate::compat::{
    bindings::*,
    ffi, //
};

mod layout;

include!(env!("FAULTLINE_BINDINGS"));
