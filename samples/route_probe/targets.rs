// SPDX-License-Identifier: GPL-2.0

//! The functions that are probed, and the events that their calls make.

use core::ffi::CStr;

use crate::filter::Parts;

/// What is probed. The number is the place in [`ALL`], and of the probe in its
/// set.
///
/// What calls another is before it, so that from the first lookup on which is
/// seen its cause is seen as well.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    Arp,
    Input,
    Validate,
    Output,
    Lookup,
}

impl Target {
    /// What is at a place of [`ALL`].
    #[inline(always)]
    pub(crate) const fn at(place: usize) -> Option<Self> {
        Some(match place {
            0 => Self::Arp,
            1 => Self::Input,
            2 => Self::Validate,
            3 => Self::Output,
            4 => Self::Lookup,
            _ => return None,
        })
    }
}

/// A probed function.
pub(crate) struct Description {
    pub(crate) target: Target,
    /// Its event, and what users call it.
    pub(crate) event: &'static str,
    /// The function of the kernel.
    pub(crate) function: &'static CStr,
    /// Are its arguments where its source says?
    pub(crate) is_as_declared: bool,
}

pub(crate) const ALL: [Description; 5] = [
    Description {
        target: Target::Arp,
        event: "arp_process",
        function: c"arp_process",
        is_as_declared: cfg!(kernel_has = "arp_process_as_declared"),
    },
    Description {
        target: Target::Input,
        event: "ip_route_input",
        function: c"ip_route_input_noref",
        is_as_declared: true,
    },
    Description {
        target: Target::Validate,
        event: "fib_validate_source",
        function: c"fib_validate_source",
        is_as_declared: true,
    },
    Description {
        target: Target::Output,
        event: "route_output",
        function: c"ip_route_output_key_hash_rcu",
        is_as_declared: true,
    },
    Description {
        target: Target::Lookup,
        event: "fib_lookup",
        function: c"fib_table_lookup",
        is_as_declared: true,
    },
];

/// The functions, in the order of the targets.
pub(crate) const FUNCTIONS: [&CStr; ALL.len()] = {
    let mut functions = [c""; ALL.len()];
    let mut i = 0;
    while i < ALL.len() {
        assert!(
            ALL[i].target as usize == i
                && matches!(Target::at(i), Some(target) if target as usize == i),
            "a target is at its own place"
        );
        functions[i] = ALL[i].function;
        i += 1;
    }
    functions
};

/// The set of events that `list` names, as bits; `None` if it names another.
pub(crate) fn parse(list: &str) -> Option<u32> {
    match list {
        "all" => return Some((1 << ALL.len()) - 1),
        "none" => return Some(0),
        _ => (),
    }
    Parts::of(list.as_bytes(), b',').try_fold(0, |events, name| {
        let known = ALL.iter().find(|known| known.event.as_bytes() == name)?;
        Some(events | 1 << known.target as u32)
    })
}
