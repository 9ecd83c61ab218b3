// SPDX-License-Identifier: GPL-2.0

//! What most files of a module use: `use faultline::prelude::*;`.

#[doc(no_inline)]
pub use crate::{
    compat::{
        Arc,
        InPlaceInit,
        KBox,
        KVec,
        GFP_KERNEL, //
    },
    error::{
        code::*,
        Error,
        Result, //
    },
    module::Module,
    pr_debug,
    pr_err,
    pr_info,
    pr_notice,
    pr_ratelimited,
    pr_warn,
    trace::Record as _, //
};
