// SPDX-License-Identifier: GPL-2.0

//! The table of checks. Each family of checks is a file here with one row per check; a new check is
//! a function and a row.

pub mod after;
pub mod analyser;
pub mod collector;
pub mod crash_kernel;
pub mod cut_short;
pub mod detectors;
pub mod hardware;
pub mod host;
pub mod initrd;
pub mod kdump;
pub mod module;
pub mod panics;
pub mod reserved;
pub mod service;
pub mod settings;
pub mod starts;
pub mod target;
#[cfg(test)]
mod testing;
pub mod unlock;

use super::check::Check;

/// Checks that belong together.
pub struct Family {
    pub name: &'static str,
    pub checks: &'static [Check],
}

/// Every family, in the order of the chain.
pub const FAMILIES: &[Family] = &[
    Family {
        name: "detectors",
        checks: detectors::CHECKS,
    },
    Family {
        name: "hardware watchdogs",
        checks: hardware::CHECKS,
    },
    Family {
        name: "panic switches",
        checks: panics::CHECKS,
    },
    Family {
        name: "settings",
        checks: settings::CHECKS,
    },
    Family {
        name: "crash memory",
        checks: reserved::CHECKS,
    },
    Family {
        name: "crash kernel",
        checks: crash_kernel::CHECKS,
    },
    Family {
        name: "crash kernel's initrd",
        checks: initrd::CHECKS,
    },
    Family {
        name: "encrypted disks",
        checks: unlock::CHECKS,
    },
    Family {
        name: "what the crash kernel starts",
        checks: starts::CHECKS,
    },
    Family {
        name: "service",
        checks: service::CHECKS,
    },
    Family {
        name: "makedumpfile",
        checks: collector::CHECKS,
    },
    Family {
        name: "dump target",
        checks: target::CHECKS,
    },
    Family {
        name: "dump host",
        checks: host::CHECKS,
    },
    Family {
        name: "cut short",
        checks: cut_short::CHECKS,
    },
    Family {
        name: "after the dump",
        checks: after::CHECKS,
    },
    Family {
        name: "module",
        checks: module::CHECKS,
    },
    Family {
        name: "analysis",
        checks: analyser::CHECKS,
    },
];

/// Returns every check.
pub fn all() -> impl Iterator<Item = &'static Check> {
    FAMILIES.iter().flat_map(|family| family.checks)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_check_has_a_name_of_its_own() {
        let mut names = BTreeSet::new();
        for check in all() {
            let is_word = |letter: char| {
                letter.is_ascii_lowercase() || letter == '_' || letter.is_ascii_digit()
            };
            assert!(check.name.chars().all(is_word), "{}", check.name);
            assert!(names.insert(check.name), "{}", check.name);
            for told in [check.reads, check.why, check.mend] {
                assert!(
                    !told.is_empty() && !told.contains(['|', '\n']),
                    "{}",
                    check.name
                );
            }
        }
    }
}
