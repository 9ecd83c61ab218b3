// SPDX-License-Identifier: GPL-2.0

//! The sysctls that the chain depends on, with their class, link and right values.

use super::finding::Link;
use crate::fault::class::{Class, Classes};
use crate::verdict::stage::Stage;

/// A sysctl that can break a link.
#[derive(Debug)]
pub struct Key {
    pub sysctl: &'static str,
    pub classes: Classes,
    pub link: Link,
    /// The stage at which a drill fails if its value is wrong.
    pub stage: Stage,
    /// The value to set.
    pub want: &'static str,
    /// The largest value that any kernel accepts.
    pub largest: u64,
    /// Whether 0 is the right value.
    pub wants_zero: bool,
    /// Whether the kernel's default is right, unless its configuration changes it.
    pub right_by_default: bool,
    /// The kernel's configuration option for its default, if any.
    pub option: Option<&'static str>,
}

impl Key {
    /// Returns whether a value is right; none if no kernel accepts it.
    pub fn is_right(&self, value: &str) -> Option<bool> {
        let number = value.trim().parse::<u64>().ok()?;
        (number <= self.largest).then_some((number == 0) == self.wants_zero)
    }

    /// Returns the row of a sysctl.
    pub fn of(sysctl: &str) -> Option<&'static Key> {
        KEYS.iter().find(|key| key.sysctl == sysctl)
    }
}

const fn panics(sysctl: &'static str, class: Class, option: Option<&'static str>) -> Key {
    Key {
        sysctl,
        classes: Classes::of(&[class]),
        link: Link::Panic,
        stage: Stage::DetectedNoPanic,
        want: "1",
        largest: 1,
        wants_zero: false,
        right_by_default: false,
        option,
    }
}

const fn arms(sysctl: &'static str, classes: &[Class], want: &'static str, largest: u64) -> Key {
    Key {
        sysctl,
        classes: Classes::of(classes),
        link: Link::Detector,
        stage: Stage::NotDetected,
        want,
        largest,
        wants_zero: false,
        right_by_default: true,
        option: None,
    }
}

const fn forbids(sysctl: &'static str, link: Link, stage: Stage) -> Key {
    Key {
        sysctl,
        classes: Classes::ALL,
        link,
        stage,
        want: "0",
        largest: 1,
        wants_zero: true,
        right_by_default: true,
        option: None,
    }
}

/// All of these sysctls.
pub const KEYS: &[Key] = &[
    Key {
        largest: u32::MAX as u64,
        ..panics(
            "kernel.softlockup_panic",
            Class::Soft,
            Some("CONFIG_BOOTPARAM_SOFTLOCKUP_PANIC"),
        )
    },
    panics(
        "kernel.hardlockup_panic",
        Class::Hard,
        Some("CONFIG_BOOTPARAM_HARDLOCKUP_PANIC"),
    ),
    Key {
        largest: u32::MAX as u64,
        ..panics(
            "kernel.hung_task_panic",
            Class::Hung,
            Some("CONFIG_BOOTPARAM_HUNG_TASK_PANIC"),
        )
    },
    panics("kernel.panic_on_rcu_stall", Class::Rcu, None),
    panics(
        "kernel.panic_on_oops",
        Class::Oops,
        Some("CONFIG_PANIC_ON_OOPS"),
    ),
    panics("kernel.panic_on_warn", Class::Warning, None),
    Key {
        largest: 2,
        ..panics("vm.panic_on_oom", Class::Oom, None)
    },
    panics("kernel.unknown_nmi_panic", Class::Nmi, None),
    arms("kernel.watchdog", &[Class::Soft, Class::Hard], "1", 1),
    arms("kernel.soft_watchdog", &[Class::Soft], "1", 1),
    arms("kernel.nmi_watchdog", &[Class::Hard], "1", 1),
    arms(
        "kernel.watchdog_thresh",
        &[Class::Soft, Class::Hard],
        "10",
        60,
    ),
    arms(
        "kernel.hung_task_timeout_secs",
        &[Class::Hung],
        "120",
        u32::MAX as u64,
    ),
    forbids(
        "kernel.kexec_load_disabled",
        Link::CrashKernel,
        Stage::PanicNoCrashKernel,
    ),
    forbids("kernel.modules_disabled", Link::Module, Stage::Refused),
];

/// Further sysctls of the kernel, whose names are not misspellings of the above.
const OTHERS: &[&str] = &[
    "kernel.hardlockup_all_cpu_backtrace",
    "kernel.hardlockup_sys_info",
    "kernel.hung_task_all_cpu_backtrace",
    "kernel.hung_task_check_count",
    "kernel.hung_task_check_interval_secs",
    "kernel.hung_task_detect_count",
    "kernel.hung_task_sys_info",
    "kernel.hung_task_warnings",
    "kernel.max_rcu_stall_to_panic",
    "kernel.oops_all_cpu_backtrace",
    "kernel.oops_limit",
    "kernel.panic",
    "kernel.panic_on_io_nmi",
    "kernel.panic_on_stackoverflow",
    "kernel.panic_on_unrecovered_nmi",
    "kernel.panic_print",
    "kernel.panic_sys_info",
    "kernel.printk",
    "kernel.softlockup_all_cpu_backtrace",
    "kernel.softlockup_sys_info",
    "kernel.sysrq",
    "kernel.warn_limit",
    "kernel.watchdog_cpumask",
    "kernel.kexec_load_limit_panic",
    "kernel.kexec_load_limit_reboot",
];

/// Returns the sysctl that a name is probably a misspelling of, if no kernel has that name.
pub fn meant(name: &str) -> Option<&'static str> {
    let known = || {
        KEYS.iter()
            .map(|key| key.sysctl)
            .chain(OTHERS.iter().copied())
    };
    let last = |name: &str| {
        name.rsplit('.')
            .next()
            .unwrap_or("")
            .to_ascii_lowercase()
            .replace('-', "_")
    };
    if known().any(|known| known == name) || name.contains(['*', '?', '[']) {
        return None;
    }
    let word = last(name);
    let of_all = known().map(|known| (distance(&word, &last(known)), known));
    let near = of_all.filter(|(far, known)| *far <= (last(known).len() / 6).min(2));
    near.min_by_key(|(far, _)| *far).map(|(_, known)| known)
}

/// Returns the edit distance: letters changed, added, dropped, or swapped with the next.
pub fn distance(one: &str, other: &str) -> usize {
    let (one, other): (Vec<_>, Vec<_>) = (one.chars().collect(), other.chars().collect());
    // A name this long is not a misspelling.
    if one.len().abs_diff(other.len()) > 2 || one.len() > 100 {
        return usize::MAX;
    }
    let mut rows = vec![(0..=other.len()).collect::<Vec<_>>()];
    for (i, a) in one.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, b) in other.iter().enumerate() {
            let change = rows[i][j] + usize::from(a != b);
            let mut least = change.min(row[j] + 1).min(rows[i][j + 1] + 1);
            if i > 0 && j > 0 && *a == other[j - 1] && one[i - 1] == *b {
                least = least.min(rows[i - 1][j - 1] + 1);
            }
            row.push(least);
        }
        rows.push(row);
    }
    rows[one.len()][other.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn misspellings() {
        for (name, right) in [
            ("kernel.softlookup_panic", "kernel.softlockup_panic"),
            ("kernel.softlockup-panic", "kernel.softlockup_panic"),
            ("kernel.sotflockup_panic", "kernel.softlockup_panic"),
            ("kernel.panic_on_oom", "vm.panic_on_oom"),
            ("vm.hung_task_panic", "kernel.hung_task_panic"),
            ("kernel.hungtask_panic", "kernel.hung_task_panic"),
            ("kernel.panic_on_oop", "kernel.panic_on_oops"),
            ("kernel.unkown_nmi_panic", "kernel.unknown_nmi_panic"),
        ] {
            assert_eq!(meant(name), Some(right), "{name}");
        }
        for name in [
            "kernel.panic",
            "kernel.pid_max",
            "kernel.softlockup_panic",
            "vm.swappiness",
            "x",
            "kernel.*_panic",
        ] {
            assert_eq!(meant(name), None, "{name}");
        }
        assert!(KEYS.iter().all(|key| meant(key.sysctl).is_none()));
        assert_eq!(distance("ab", "ba"), 1);
        assert_eq!(distance("", "ab"), 2);
        assert_eq!(distance(&"x".repeat(1000), &"x".repeat(1000)), usize::MAX);
    }

    #[test]
    fn right_values() {
        let is_right = |key: &str, value: &str| Key::of(key).unwrap().is_right(value);
        assert_eq!(is_right("kernel.softlockup_panic", "5"), Some(true));
        assert_eq!(is_right("kernel.softlockup_panic", " 0"), Some(false));
        assert_eq!(is_right("kernel.kexec_load_disabled", "0"), Some(true));
        assert_eq!(is_right("kernel.kexec_load_disabled", "yes"), None);
    }
}
