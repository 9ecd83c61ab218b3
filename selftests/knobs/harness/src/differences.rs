// SPDX-License-Identifier: GPL-2.0

//! Where the Rust module answers differently from C on purpose. docs/parameters.md
//! has each by name. Nothing else may differ, and each of these must.

use crate::case::{Case, Way};
use crate::params::CHARP;
use rustix::io::Errno;

/// A difference that is meant.
pub struct Difference {
    /// What we do, in the words of docs/parameters.md.
    pub here: &'static str,
    /// Is this what the case shows?
    pub explains: fn(&Case<'_>) -> bool,
}

pub const DIFFERENCES: &[Difference] = &[
    // C keeps the elements before the wrong one.
    Difference {
        here: "a refused array changes nothing",
        explains: |case| {
            let before = case.knobs.before.clone().map(Ok);
            case.param.list
                && case.way == Way::Sysfs
                && case.knobs.taken.is_err()
                && case.knobs.taken == case.twin.taken
                && case.knobs.before == case.twin.before
                && case.knobs.value == before
                && case.twin.value != before
        },
    },
    // C takes any number of leading zeros, and says of too large a number that it is one.
    Difference {
        here: "an array's number has at most 63 characters",
        explains: |case| {
            let mut items = case.input.split(|&byte| byte == b',');
            case.param.list
                && case.param.kind != CHARP
                && items.any(|item| item.len() > 63)
                && case.knobs.taken == Err(Errno::INVAL)
                && case.twin.taken != Err(Errno::INVAL)
        },
    },
    // C shows them all, and so writes behind the page.
    Difference {
        here: "texts of `[charp; N]` together have at most 4094 bytes",
        explains: |case| {
            case.param.list
                && case.param.kind == CHARP
                && case.input.len() > 4094
                && case.knobs.taken == Err(Errno::NOSPC)
                && case.twin.taken.is_ok()
        },
    },
];
