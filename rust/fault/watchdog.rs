// SPDX-License-Identifier: GPL-2.0

//! Settings and counters of the kernel's lockup detectors.
//!
//! Modules have no C interface to them, so they are read from `/proc` and `/sys`. The files are
//! opened once, by the task that loads the module, since the root directory of a kernel thread may
//! differ.
//!
//! Documentation:
//! [`admin-guide/lockup-watchdogs.rst`](srctree/Documentation/admin-guide/lockup-watchdogs.rst)\
//! C header: [`include/linux/nmi.h`](srctree/include/linux/nmi.h)

use core::ffi::CStr;

use crate::{
    bindings,
    file::File,
    task::cpu::CpuSet, //
};

/// Tells both lockup detectors that this CPU is not stuck (`touch_nmi_watchdog()`), as drivers do
/// that keep it busy on purpose.
///
/// # Context
///
/// Any.
#[inline]
pub fn touch() {
    // SAFETY: The function may be called from any context.
    unsafe { bindings::faultline_helper_touch_nmi_watchdog() };
}

/// The kernel's counters of faults since boot.
///
/// # Examples
///
/// ```no_run
/// use faultline::fault::watchdog::Counters;
///
/// let counters = Counters::open();
/// for (name, count) in Counters::NAMES.iter().zip(counters.read()) {
///     if let Some(count) = count {
///         faultline::pr_info!("{name} is {count}");
///     }
/// }
/// ```
pub struct Counters([Option<File>; Self::COUNT]);

impl Counters {
    /// The number of counters.
    pub const COUNT: usize = 6;

    /// The names of the counters.
    pub const NAMES: [&'static str; Self::COUNT] = [
        "softlockup_count",
        "hardlockup_count",
        "rcu_stall_count",
        "oops_count",
        "warn_count",
        "hung_task_detect_count",
    ];

    /// Opens the files.
    ///
    /// # Context
    ///
    /// Process context of a task that sees `/proc` and `/sys`; sleeps.
    pub fn open() -> Self {
        Self([
            open(c"/sys/kernel/softlockup_count"),
            open(c"/sys/kernel/hardlockup_count"),
            open(c"/sys/kernel/rcu_stall_count"),
            open(c"/sys/kernel/oops_count"),
            open(c"/sys/kernel/warn_count"),
            open(c"/proc/sys/kernel/hung_task_detect_count"),
        ])
    }

    /// Reads the counters, in the order of the [`NAMES`](Self::NAMES); `None` for those that this
    /// kernel does not have.
    ///
    /// # Context
    ///
    /// Process context; sleeps.
    pub fn read(&self) -> [Option<u64>; Self::COUNT] {
        self.0.each_ref().map(number)
    }
}

/// The settings of the soft lockup detector.
///
/// A setting is `None` if it cannot be read: the kernel has no such file, or it could not be
/// opened.
///
/// # Examples
///
/// ```no_run
/// use faultline::fault::watchdog::SoftLockup;
///
/// let detector = SoftLockup::open();
/// if detector.is_on() == Some(false) {
///     faultline::pr_warn!("the detector is off");
/// }
/// ```
pub struct SoftLockup {
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
        Self {
            watchdog: open(c"/proc/sys/kernel/watchdog"),
            soft_watchdog: open(c"/proc/sys/kernel/soft_watchdog"),
            thresh: open(c"/proc/sys/kernel/watchdog_thresh"),
            cpumask: open(c"/proc/sys/kernel/watchdog_cpumask"),
        }
    }

    /// Returns whether the lockup detectors are on (`kernel.watchdog`).
    ///
    /// # Context
    ///
    /// Process context; sleeps. The same holds for the other settings.
    pub fn is_on(&self) -> Option<bool> {
        Some(number(&self.watchdog)? != 0)
    }

    /// Returns whether the soft lockup detector is enabled (`kernel.soft_watchdog`).
    pub fn soft_is_on(&self) -> Option<bool> {
        Some(number(&self.soft_watchdog)? != 0)
    }

    /// Returns half of the seconds after which a soft lockup is reported
    /// (`kernel.watchdog_thresh`); 0 is off.
    pub fn thresh(&self) -> Option<u64> {
        number(&self.thresh)
    }

    /// Returns the CPUs that are watched (`kernel.watchdog_cpumask`).
    pub fn cpus(&self) -> Option<CpuSet> {
        let text = self.cpumask.as_ref()?.read_text::<{ CpuSet::TEXT_MAX }>();
        CpuSet::parse(line(&text.ok()?)).ok()
    }
}

/// The settings of the hard lockup detector.
///
/// A setting is `None` if it cannot be read.
pub struct HardLockup {
    nmi_watchdog: Option<File>,
    thresh: Option<File>,
}

impl HardLockup {
    /// Opens the files.
    ///
    /// # Context
    ///
    /// As for [`SoftLockup::open`]; for the settings, as for [`SoftLockup::is_on`].
    pub fn open() -> Self {
        Self {
            nmi_watchdog: open(c"/proc/sys/kernel/nmi_watchdog"),
            thresh: open(c"/proc/sys/kernel/watchdog_thresh"),
        }
    }

    /// Returns whether the detector is on and works on this machine (`kernel.nmi_watchdog`).
    pub fn is_on(&self) -> Option<bool> {
        Some(number(&self.nmi_watchdog)? != 0)
    }

    /// Returns the seconds after which a hard lockup is reported (`kernel.watchdog_thresh`).
    pub fn thresh(&self) -> Option<u64> {
        number(&self.thresh)
    }
}

/// The settings of RCU's stall detector.
pub struct RcuStall {
    suppressed: Option<File>,
    timeout: Option<File>,
}

impl RcuStall {
    /// The seconds that the detector adds to [`timeout_secs`](Self::timeout_secs):
    /// `RCU_STALL_DELAY_DELTA` of `kernel/rcu/tree_stall.h`.
    pub const DELAY_SECS: u64 = if cfg!(CONFIG_PROVE_RCU) { 5 } else { 0 };

    /// Opens the files.
    ///
    /// # Context
    ///
    /// As for [`SoftLockup::open`]; for the settings, as for [`SoftLockup::is_on`].
    pub fn open() -> Self {
        Self {
            suppressed: open(c"/sys/module/rcupdate/parameters/rcu_cpu_stall_suppress"),
            timeout: open(c"/sys/module/rcupdate/parameters/rcu_cpu_stall_timeout"),
        }
    }

    /// Returns whether the detector is on (`rcupdate.rcu_cpu_stall_suppress`). It turns itself off
    /// when the kernel panics.
    pub fn is_on(&self) -> Option<bool> {
        Some(number(&self.suppressed)? == 0)
    }

    /// Returns the seconds that a grace period may take (`rcupdate.rcu_cpu_stall_timeout`).
    pub fn timeout_secs(&self) -> Option<u64> {
        number(&self.timeout)
    }
}

/// The settings of the hung task detector.
pub struct HungTask {
    timeout: Option<File>,
    tainted: Option<File>,
}

impl HungTask {
    /// `TAINT_DIE`: the kernel has had an oops.
    const DIED: u64 = 1 << 7;

    /// Opens the files.
    ///
    /// # Context
    ///
    /// As for [`SoftLockup::open`]; for the settings, as for [`SoftLockup::is_on`].
    pub fn open() -> Self {
        Self {
            timeout: open(c"/proc/sys/kernel/hung_task_timeout_secs"),
            tainted: open(c"/proc/sys/kernel/tainted"),
        }
    }

    /// Returns the seconds for which a task may hang (`kernel.hung_task_timeout_secs`); 0 is off.
    /// The detector checks once in this time.
    pub fn timeout_secs(&self) -> Option<u64> {
        number(&self.timeout)
    }

    /// Returns whether there was an oops, after which the detector does not check until the next
    /// boot.
    pub fn is_off_since_oops(&self) -> Option<bool> {
        Some(number(&self.tainted)? & Self::DIED != 0)
    }
}

/// Opens a file, if it exists.
fn open(path: &CStr) -> Option<File> {
    File::open(path).ok()
}

/// Reads the number in a file.
fn number(file: &Option<File>) -> Option<u64> {
    let text = file.as_ref()?.read_text::<32>().ok()?;
    line(&text).bytes().try_fold(0u64, |number, byte| {
        let digit = byte.is_ascii_digit().then(|| byte.wrapping_sub(b'0'))?;
        number.checked_mul(10)?.checked_add(u64::from(digit))
    })
}

/// Returns the text without a trailing newline.
fn line(text: &str) -> &str {
    text.strip_suffix('\n').unwrap_or(text)
}
