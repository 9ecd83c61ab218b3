// SPDX-License-Identifier: GPL-2.0

//! The table of checks. A family of them is a file in `checks/`, which has a row for each; a new
//! check is a function and a row.

use super::checks;
use super::facts::Facts;
use super::finding::Finding;

/// A check.
pub struct Check {
    /// Its word, which never changes.
    pub name: &'static str,
    /// What it reads.
    pub reads: &'static str,
    /// Why it matters.
    pub why: &'static str,
    /// How what it finds is mended.
    pub mend: &'static str,
    /// What it finds: one finding or more, also where all is well.
    pub run: fn(&Facts) -> Vec<Finding>,
}

/// Checks that belong together.
pub struct Family {
    pub name: &'static str,
    pub checks: &'static [Check],
}

/// Every family, in the order of the chain.
pub const FAMILIES: &[Family] = &[
    Family {
        name: "detectors",
        checks: checks::detectors::CHECKS,
    },
    Family {
        name: "hardware watchdogs",
        checks: checks::hardware::CHECKS,
    },
    Family {
        name: "panic switches",
        checks: checks::panics::CHECKS,
    },
    Family {
        name: "settings",
        checks: checks::settings::CHECKS,
    },
    Family {
        name: "crash memory",
        checks: checks::reserved::CHECKS,
    },
    Family {
        name: "crash kernel",
        checks: checks::crash_kernel::CHECKS,
    },
    Family {
        name: "crash kernel's initrd",
        checks: checks::initrd::CHECKS,
    },
    Family {
        name: "encrypted disks",
        checks: checks::unlock::CHECKS,
    },
    Family {
        name: "what the crash kernel starts",
        checks: checks::starts::CHECKS,
    },
    Family {
        name: "service",
        checks: checks::service::CHECKS,
    },
    Family {
        name: "makedumpfile",
        checks: checks::collector::CHECKS,
    },
    Family {
        name: "dump target",
        checks: checks::target::CHECKS,
    },
    Family {
        name: "dump host",
        checks: checks::host::CHECKS,
    },
    Family {
        name: "cut short",
        checks: checks::cut_short::CHECKS,
    },
    Family {
        name: "after the dump",
        checks: checks::after::CHECKS,
    },
    Family {
        name: "module",
        checks: checks::module::CHECKS,
    },
    Family {
        name: "analysis",
        checks: checks::analyser::CHECKS,
    },
];

/// Every check.
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
