// SPDX-License-Identifier: GPL-2.0

//! The evidence: the kernel's counters before and after the holds of a run, and the settings of its
//! detectors.

use core::{
    fmt,
    sync::atomic::{
        AtomicU64,
        Ordering::SeqCst, //
    }, //
};

use faultline::fault::watchdog::{
    Counters,
    HardLockup,
    HungTask,
    RcuStall,
    SoftLockup, //
};

use crate::{
    settings::BegunBy,
    state::State, //
};

/// The kernel's counters, before and after, and the settings of its detectors.
pub(crate) struct Evidence {
    counters: Counters,
    before: Counts,
    after: Counts,
    pub(crate) soft: SoftLockup,
    pub(crate) hard: HardLockup,
    pub(crate) rcu: RcuStall,
    pub(crate) hung: HungTask,
    pub(crate) thresholds: Thresholds,
}

/// The thresholds of the detectors, as last read. Each known threshold is shown as ` name=value`,
/// so that a reader of the log can tell when a report was due.
pub(crate) struct Thresholds([AtomicU64; 3]);

impl Thresholds {
    /// The names of the thresholds in the kernel.
    const NAMES: [&'static str; 3] = [
        "watchdog_thresh",
        "rcu_cpu_stall_timeout",
        "hung_task_timeout_secs",
    ];

    /// A threshold that was not read, or cannot be.
    const UNKNOWN: u64 = u64::MAX;

    fn set(&self, values: [Option<u64>; 3]) {
        for (place, value) in self.0.iter().zip(values) {
            place.store(value.unwrap_or(Self::UNKNOWN), SeqCst);
        }
    }
}

impl fmt::Display for Thresholds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, value) in Self::NAMES.iter().zip(&self.0) {
            match value.load(SeqCst) {
                Self::UNKNOWN => {}
                value => write!(f, " {name}={value}")?,
            }
        }
        Ok(())
    }
}

/// Values of the counters at one time.
struct Counts([AtomicU64; Counters::COUNT]);

impl Counts {
    /// A counter that the kernel does not have, or that was not read yet.
    const NONE: u64 = u64::MAX;

    const fn none() -> Self {
        Self([const { AtomicU64::new(Self::NONE) }; Counters::COUNT])
    }

    /// Stores the values that are less than those stored before.
    fn take(&self, counts: [Option<u64>; Counters::COUNT]) {
        for (place, count) in self.0.iter().zip(counts) {
            if let Some(count) = count {
                place.fetch_min(count, SeqCst);
            }
        }
    }

    /// Stores the values, replacing those stored before.
    fn set(&self, counts: [Option<u64>; Counters::COUNT]) {
        for (place, count) in self.0.iter().zip(counts) {
            if let Some(count) = count {
                place.store(count, SeqCst);
            }
        }
    }

    fn iter(&self) -> impl Iterator<Item = Option<u64>> + '_ {
        self.0.iter().map(|count| {
            let count = count.load(SeqCst);
            (count != Self::NONE).then_some(count)
        })
    }
}

/// A counter whose values before and after are known.
#[derive(Clone, Copy)]
pub(crate) struct Count {
    pub(crate) name: &'static str,
    pub(crate) before: u64,
    pub(crate) after: u64,
}

impl Count {
    pub(crate) fn has_moved(&self) -> bool {
        self.before != self.after
    }
}

impl Evidence {
    /// Opens the counters and settings that this kernel has, and reads the thresholds.
    ///
    /// A write to a parameter in sysfs must not read another file of sysfs. So thresholds in sysfs
    /// are left out if the run was started by such a write. Those in `/proc` may be read.
    ///
    /// # Context
    ///
    /// Process context of a task that sees `/proc` and `/sys`; sleeps.
    pub(crate) fn open(by: BegunBy) -> Self {
        let evidence = Self {
            counters: Counters::open(),
            before: Counts::none(),
            after: Counts::none(),
            soft: SoftLockup::open(),
            hard: HardLockup::open(),
            rcu: RcuStall::open(),
            hung: HungTask::open(),
            thresholds: Thresholds([const { AtomicU64::new(Thresholds::UNKNOWN) }; 3]),
        };
        evidence.read_thresholds(by == BegunBy::Load);
        evidence
    }

    fn read_thresholds(&self, sysfs_is_free: bool) {
        let rcu = sysfs_is_free.then(|| self.rcu.timeout_secs());
        self.thresholds
            .set([self.soft.thresh(), rcu.flatten(), self.hung.timeout_secs()]);
    }

    /// Reads the counters before a hold, of which the first one counts, and the current thresholds.
    ///
    /// # Context
    ///
    /// Process context of a task that holds no lock of the module; sleeps. The same holds for the
    /// other functions.
    pub(crate) fn before(&self) {
        self.before.take(self.counters.read());
        self.read_thresholds(true);
    }

    /// Reads the counters after a hold, of which the last one counts.
    pub(crate) fn after(&self) {
        self.after.set(self.counters.read());
    }

    /// Returns the counters, after the first hold. If threads have died, the counters are read now,
    /// since no thread reads them any more. (Normally a read of a parameter must not read another
    /// file of sysfs, since lockdep has one class for the locks of both. After an oops lockdep is
    /// off.)
    pub(crate) fn counts(&self) -> impl Iterator<Item = Count> + '_ {
        let now = if State::Died.is_any() {
            self.counters.read()
        } else {
            [None; Counters::COUNT]
        };
        Counters::NAMES
            .iter()
            .zip(self.before.iter())
            .zip(self.after.iter().zip(now))
            .filter_map(|((name, before), (after, now))| {
                Some(Count {
                    name,
                    before: before?,
                    after: after.or(now)?,
                })
            })
    }

    /// Returns whether the counter of this name has moved.
    pub(crate) fn has_moved(&self, name: &str) -> bool {
        self.counts()
            .any(|count| count.name == name && count.has_moved())
    }
}
