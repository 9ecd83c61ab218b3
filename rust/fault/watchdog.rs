// SPDX-License-Identifier: GPL-2.0

//! How the machine's lockup detectors are set, and what they have counted.
//!
//! Modules have no C interface to this, so it is read where users read it. The
//! files are opened once, by the task that loads the module, since a kernel
//! thread may see another root than its user.
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

/// Tells both lockup detectors that this CPU is not stuck, as drivers do that
/// keep it busy on purpose (`touch_nmi_watchdog()`).
///
/// # Context
///
/// Any.
#[inline]
pub fn touch() {
    // SAFETY: The function may be called from any context.
    unsafe { bindings::faultline_helper_touch_nmi_watchdog() };
}

/// What the kernel counts of faults that it has seen since boot, ready to be
/// read.
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
    /// How many there are.
    pub const COUNT: usize = 6;

    /// What they are called.
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

    /// What they show, in the order of the [`NAMES`](Self::NAMES); `None` for
    /// what this kernel does not count.
    ///
    /// # Context
    ///
    /// Process context; sleeps.
    pub fn read(&self) -> [Option<u64>; Self::COUNT] {
        self.0.each_ref().map(number)
    }
}

/// The settings of the soft lockup detector, ready to be read.
///
/// Each answer is `None` where it cannot be had: the kernel has no such file,
/// or it was not to be seen by whoever opened it.
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

    /// Are the lockup detectors on (`kernel.watchdog`)?
    ///
    /// # Context
    ///
    /// Process context; sleeps. The same holds for the other questions.
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

/// The settings of the hard lockup detector, ready to be read.
///
/// Each answer is `None` where it cannot be had, as for the others here.
pub struct HardLockup {
    nmi_watchdog: Option<File>,
    thresh: Option<File>,
}

impl HardLockup {
    /// Opens the files.
    ///
    /// # Context
    ///
    /// As for [`SoftLockup::open`], and so for the questions.
    pub fn open() -> Self {
        Self {
            nmi_watchdog: open(c"/proc/sys/kernel/nmi_watchdog"),
            thresh: open(c"/proc/sys/kernel/watchdog_thresh"),
        }
    }

    /// Is it on, and able to run here (`kernel.nmi_watchdog`)?
    pub fn is_on(&self) -> Option<bool> {
        Some(number(&self.nmi_watchdog)? != 0)
    }

    /// The seconds after which a hard lockup is one (`kernel.watchdog_thresh`).
    pub fn thresh(&self) -> Option<u64> {
        number(&self.thresh)
    }
}

/// The settings of RCU's stall detector, ready to be read.
pub struct RcuStall {
    suppressed: Option<File>,
    timeout: Option<File>,
}

impl RcuStall {
    /// The seconds that it waits on top of [`timeout_secs`](Self::timeout_secs):
    /// `RCU_STALL_DELAY_DELTA` of `kernel/rcu/tree_stall.h`.
    pub const DELAY_SECS: u64 = if cfg!(CONFIG_PROVE_RCU) { 5 } else { 0 };

    /// Opens the files.
    ///
    /// # Context
    ///
    /// As for [`SoftLockup::open`], and so for the questions.
    pub fn open() -> Self {
        Self {
            suppressed: open(c"/sys/module/rcupdate/parameters/rcu_cpu_stall_suppress"),
            timeout: open(c"/sys/module/rcupdate/parameters/rcu_cpu_stall_timeout"),
        }
    }

    /// Is it on (`rcupdate.rcu_cpu_stall_suppress`)? It switches itself off when
    /// the kernel panics.
    pub fn is_on(&self) -> Option<bool> {
        Some(number(&self.suppressed)? == 0)
    }

    /// The seconds that a grace period may take
    /// (`rcupdate.rcu_cpu_stall_timeout`).
    pub fn timeout_secs(&self) -> Option<u64> {
        number(&self.timeout)
    }
}

/// The settings of the hung task detector, ready to be read.
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
    /// As for [`SoftLockup::open`], and so for the questions.
    pub fn open() -> Self {
        Self {
            timeout: open(c"/proc/sys/kernel/hung_task_timeout_secs"),
            tainted: open(c"/proc/sys/kernel/tainted"),
        }
    }

    /// The seconds for which a task may hang (`kernel.hung_task_timeout_secs`);
    /// 0 is off. It looks once in so many seconds.
    pub fn timeout_secs(&self) -> Option<u64> {
        number(&self.timeout)
    }

    /// Was there an oops? Then it does not look any more, until the next boot.
    pub fn is_over(&self) -> Option<bool> {
        Some(number(&self.tainted)? & Self::DIED != 0)
    }
}

/// Opens a file that may not be there.
fn open(path: &CStr) -> Option<File> {
    File::open(path).ok()
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
