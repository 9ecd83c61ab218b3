// SPDX-License-Identifier: GPL-2.0

//! How the machine's lockup detectors are set.
//!
//! Modules have no C interface to this, so it is read where users read it. The
//! files are opened once, by the task that loads the module, since a kernel
//! thread may see another root than its user.
//!
//! Documentation:
//! [`admin-guide/lockup-watchdogs.rst`](srctree/Documentation/admin-guide/lockup-watchdogs.rst)

use core::ffi::CStr;

use crate::{
    cpu::CpuSet,
    file::File, //
};

/// The settings of the soft lockup detector and its counter, ready to be read.
///
/// Each answer is `None` where it cannot be had: the kernel has no such file,
/// or it was not to be seen by whoever opened it.
///
/// # Examples
///
/// ```no_run
/// use faultline::watchdog::SoftLockup;
///
/// let detector = SoftLockup::open();
/// if detector.is_on() == Some(false) {
///     faultline::pr_warn!("the detector is off");
/// }
/// ```
pub struct SoftLockup {
    count: Option<File>,
    watchdog: Option<File>,
    soft_watchdog: Option<File>,
    thresh: Option<File>,
    cpumask: Option<File>,
}

impl SoftLockup {
    /// Opens the files.
    ///
    /// # Context
    ///
    /// Process context of a task that sees `/proc` and `/sys`; sleeps.
    pub fn open() -> Self {
        let open = |path: &CStr| File::open(path).ok();
        Self {
            count: open(c"/sys/kernel/softlockup_count"),
            watchdog: open(c"/proc/sys/kernel/watchdog"),
            soft_watchdog: open(c"/proc/sys/kernel/soft_watchdog"),
            thresh: open(c"/proc/sys/kernel/watchdog_thresh"),
            cpumask: open(c"/proc/sys/kernel/watchdog_cpumask"),
        }
    }

    /// How many soft lockups the kernel has reported since boot.
    ///
    /// # Context
    ///
    /// Process context; sleeps. The same holds for the other questions.
    pub fn count(&self) -> Option<u64> {
        number(&self.count)
    }

    /// Are the lockup detectors on (`kernel.watchdog`)?
    pub fn is_on(&self) -> Option<bool> {
        Some(number(&self.watchdog)? != 0)
    }

    /// Is the soft lockup detector among them (`kernel.soft_watchdog`)?
    pub fn soft_is_on(&self) -> Option<bool> {
        Some(number(&self.soft_watchdog)? != 0)
    }

    /// Half of the seconds after which a soft lockup is one
    /// (`kernel.watchdog_thresh`); 0 is off.
    pub fn thresh(&self) -> Option<u64> {
        number(&self.thresh)
    }

    /// The CPUs that are watched (`kernel.watchdog_cpumask`).
    pub fn cpus(&self) -> Option<CpuSet> {
        let text = self.cpumask.as_ref()?.read_text::<{ CpuSet::TEXT_MAX }>();
        CpuSet::parse(line(&text.ok()?)).ok()
    }
}

/// The number that a file holds.
fn number(file: &Option<File>) -> Option<u64> {
    let text = file.as_ref()?.read_text::<32>().ok()?;
    line(&text).bytes().try_fold(0u64, |number, byte| {
        let digit = byte.is_ascii_digit().then(|| byte.wrapping_sub(b'0'))?;
        number.checked_mul(10)?.checked_add(u64::from(digit))
    })
}

/// The text without the newline at its end.
fn line(text: &str) -> &str {
    text.strip_suffix('\n').unwrap_or(text)
}
