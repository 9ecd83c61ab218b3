// SPDX-License-Identifier: GPL-2.0

//! The result: what the kernel has counted meanwhile, and if nothing, why that
//! may be.

use core::{
    fmt,
    sync::atomic::{
        AtomicU64,
        Ordering::SeqCst, //
    }, //
};

use faultline::{
    fault::watchdog::{
        Counters,
        HardLockup,
        HungTask,
        RcuStall,
        SoftLockup, //
    },
    prelude::*,
    task::time::NSEC_PER_SEC, //
};

use crate::{
    modes::Detector,
    run::{
        BegunBy,
        Run,
        Shared, //
    },
    session,
    state::{
        self,
        State, //
    }, //
};

/// The kernel's counters, before and after, and how its detectors are set.
pub(crate) struct Evidence {
    counters: Counters,
    before: Counts,
    after: Counts,
    soft: SoftLockup,
    hard: HardLockup,
    rcu: RcuStall,
    hung: HungTask,
    pub(crate) thresholds: Thresholds,
}

/// The thresholds of the detectors, as they were read last. Shown, each that is known is a
/// ` name=value`: whoever reads the log can tell when a report was due.
pub(crate) struct Thresholds([AtomicU64; 3]);

impl Thresholds {
    /// What the kernel calls them.
    const NAMES: [&'static str; 3] = [
        "watchdog_thresh",
        "rcu_cpu_stall_timeout",
        "hung_task_timeout_secs",
    ];

    /// It was not read, or cannot be.
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

/// What counters showed once.
struct Counts([AtomicU64; Counters::COUNT]);

impl Counts {
    /// The kernel has no such counter, or it was not looked at yet.
    const NONE: u64 = u64::MAX;

    const fn none() -> Self {
        Self([const { AtomicU64::new(Self::NONE) }; Counters::COUNT])
    }

    /// Takes what they show, unless they showed less before.
    fn take(&self, counts: [Option<u64>; Counters::COUNT]) {
        for (place, count) in self.0.iter().zip(counts) {
            if let Some(count) = count {
                place.fetch_min(count, SeqCst);
            }
        }
    }

    /// Takes what they show, in the place of what they showed before.
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

/// A counter that both times showed something.
#[derive(Clone, Copy)]
struct Count {
    name: &'static str,
    before: u64,
    after: u64,
}

impl Count {
    fn has_moved(&self) -> bool {
        self.before != self.after
    }
}

impl Evidence {
    /// Opens all that there is.
    ///
    /// A write to a parameter, in sysfs, must not read a file of sysfs: the thresholds that are
    /// there are left out then. Those of `/proc` may be read.
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

    /// A hold is about to begin. The first one counts; the thresholds are those of now.
    ///
    /// # Context
    ///
    /// Process context of a task that has no lock of the module's; sleeps. The same holds for the
    /// rest.
    pub(crate) fn before(&self) {
        self.before.take(self.counters.read());
        self.read_thresholds(true);
    }

    /// A hold is over. The last one counts.
    pub(crate) fn after(&self) {
        self.after.set(self.counters.read());
    }

    /// The counters that were looked at, as soon as a hold is over. If threads have died, they
    /// are looked at now: nobody else will. (A read of a parameter should not read another file
    /// of sysfs, as lockdep has one class for the locks of both. After an oops it is off.)
    fn counts(&self) -> impl Iterator<Item = Count> + '_ {
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

    /// Has the counter of this name moved?
    fn has_moved(&self, name: &str) -> bool {
        self.counts()
            .any(|count| count.name == name && count.has_moved())
    }
}

/// Reports what became of the run.
///
/// # Context
///
/// Process context; sleeps.
pub(crate) fn report(shared: &Shared) {
    let run_id = &shared.plan.run_id;
    let holds = shared.holds.load(SeqCst);

    if State::Died.is_any() {
        pr_info!("run {run_id}: died: {holds} threads are killed by what follows or went before");
        return;
    }
    if State::Cancelled.is_any() {
        let done = shared.iterations_done.load(SeqCst);
        match (done, holds) {
            (_, 0) if shared.plan.at.is_some() => {
                pr_info!("run {run_id}: cancelled before the call came");
            }
            (_, 0) => pr_info!("run {run_id}: cancelled during the countdown"),
            _ => pr_info!(
                "run {run_id}: cancelled after {done} of {} iterations",
                shared.plan.iterations
            ),
        }
    }
    if holds > 0 {
        shared.evidence.after();
        let secs = state::held_ms() / 1000;
        pr_info!(
            "run {run_id}: released after {secs} s: {}",
            Conclusion(shared)
        );
    }
}

/// Reports that unloading has to wait for CPUs that are held.
pub(crate) fn report_waiting(run: &Run) {
    let run_id = &run.shared.plan.run_id;
    match run.secs_left() {
        Some(left) => {
            pr_info!("run {run_id}: unloading waits for the release in at most {left} s");
        }
        None => pr_info!(
            "run {run_id}: unloading waits for the release, which never comes: write the \
             seconds after which it shall come to hold_secs"
        ),
    }
}

/// Shows the run and the counters, a `key=value` a line.
pub(crate) fn show(out: &mut dyn fmt::Write) -> fmt::Result {
    session::with_run(|shared| {
        let plan = &shared.plan;
        write!(
            out,
            "run_id={}\nmode={}\ncpus={}\nstate={}\niterations={}\nheld_ms={}",
            plan.run_id,
            plan.mode.word(),
            plan.cpus,
            State::word(),
            shared.iterations_done.load(SeqCst),
            state::held_ms()
        )?;
        if plan.alloc_under_lock {
            write!(out, "\npages={}", shared.pages.load(SeqCst))?;
        }
        for Count {
            name,
            before,
            after,
        } in shared.evidence.counts()
        {
            write!(out, "\n{name}={before}->{after}")?;
        }
        out.write_str("\nmoved=")?;
        let mut separator = "";
        for count in shared.evidence.counts().filter(Count::has_moved) {
            write!(out, "{separator}{}", count.name)?;
            separator = ",";
        }
        Ok(())
    })
    .unwrap_or_else(|| write!(out, "state={}", State::word()))
}

/// Shows what the counters say, or why they say nothing.
struct Conclusion<'a>(&'a Shared);

impl fmt::Display for Conclusion<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shared = self.0;
        let wanted = match shared.plan.mode.detector {
            Detector::SoftLockup => "softlockup_count",
            Detector::HardLockup => "hardlockup_count",
            Detector::RcuStall => "rcu_stall_count",
            Detector::HungTask => "hung_task_detect_count",
            Detector::Warning => "warn_count",
            Detector::Nothing => "",
        };
        let mut is_there = wanted.is_empty();
        let mut has_moved = false;
        let mut any = false;
        for count in shared.evidence.counts() {
            let is_wanted = count.name == wanted;
            is_there |= is_wanted;
            if count.has_moved() {
                let begin = if any {
                    "; "
                } else {
                    "no detector stopped it; "
                };
                write!(
                    f,
                    "{begin}{} went {} -> {}",
                    count.name, count.before, count.after
                )?;
                any = true;
                has_moved |= is_wanted;
            }
        }
        if has_moved {
            return Ok(());
        }
        if !is_there {
            let begin = if any {
                "; "
            } else {
                "no detector stopped it; "
            };
            return write!(
                f,
                "{begin}this kernel shows no {wanted}, so look for its report in this log"
            );
        }
        let begin = if any {
            "; but not "
        } else {
            "nothing detected it: "
        };
        f.write_str(begin)?;
        if any {
            write!(f, "{wanted}: ")?;
        }
        WhyNot {
            shared,
            held_ms: state::held_ms(),
        }
        .fmt(f)
    }
}

/// Shows the best reason why nothing was detected.
struct WhyNot<'a> {
    shared: &'a Shared,
    held_ms: u64,
}

impl fmt::Display for WhyNot<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plan = &self.shared.plan;
        let decided = match plan.mode.detector {
            Detector::SoftLockup => self.soft_lockup(f),
            Detector::HardLockup => self.hard_lockup(f),
            Detector::RcuStall => self.rcu_stall(f),
            Detector::HungTask => self.hung_task(f),
            Detector::Warning | Detector::Nothing => Ok(false),
        }?;
        if decided {
            return Ok(());
        }
        match plan.mode.overlooked {
            Some(overlooked) => f.write_str(overlooked),
            None => f.write_str("the detector seems to be set up for it, but did not count it"),
        }
    }
}

/// Each of these writes the reason and returns true, if it knows one.
impl WhyNot<'_> {
    fn soft_lockup(&self, f: &mut fmt::Formatter<'_>) -> Result<bool, fmt::Error> {
        let Shared { plan, evidence, .. } = self.shared;
        let soft = &evidence.soft;

        // Where there is no hard lockup detector, each of the two is 0 because
        // the other is.
        let off = match (soft.soft_is_on(), soft.is_on(), soft.thresh()) {
            (Some(false), Some(false), _) => {
                Some("kernel.soft_watchdog is 0, and so is kernel.watchdog")
            }
            (Some(false), ..) => Some("kernel.soft_watchdog is 0"),
            (_, Some(false), _) => Some("kernel.watchdog is 0"),
            (.., Some(0)) => Some("kernel.watchdog_thresh is 0"),
            _ if plan.touch_watchdog => Some("touch_watchdog told the watchdog so"),
            _ => None,
        };
        if let Some(off) = off {
            f.write_str(off)?;
            return Ok(true);
        }
        if let Some(watched) = soft.cpus() {
            let mut unwatched = plan.cpus.iter().filter(|&cpu| !watched.contains(cpu));
            if let Some(cpu) = unwatched.next() {
                write!(f, "CPU {cpu} is not in kernel.watchdog_cpumask")?;
                return Ok(true);
            }
        }
        let (None, Some(thresh)) = (plan.mode.overlooked, soft.thresh()) else {
            return Ok(false);
        };
        // It looks five times in twice the threshold T, and reports when more
        // than 2T units of 2^30 ns are over, counted in whole units: at the
        // first look after 2T + 1 of them, or the next if the CPU was idle.
        let soonest = thresh.saturating_mul(2);
        let look_ns = soonest.saturating_mul(NSEC_PER_SEC / 5);
        let over_ns = soonest.saturating_add(1).saturating_mul(1 << 30);
        let looks = over_ns.checked_div(look_ns).unwrap_or(0).saturating_add(2);
        let latest = looks.saturating_mul(look_ns).div_ceil(NSEC_PER_SEC);
        if self.held_ms / 1000 < soonest {
            write!(
                f,
                "held for less than the {soonest} s after which the watchdog \
                 (watchdog_thresh={thresh}) reports"
            )?;
            return Ok(true);
        }
        if self.held_ms / 1000 < latest {
            write!(
                f,
                "the watchdog (watchdog_thresh={thresh}) reports after {soonest} to {latest} s"
            )?;
            return Ok(true);
        }
        if evidence.has_moved("rcu_stall_count") {
            f.write_str("RCU's report of a stall came first, and touches the watchdogs")?;
            return Ok(true);
        }
        Ok(false)
    }

    fn hard_lockup(&self, f: &mut fmt::Formatter<'_>) -> Result<bool, fmt::Error> {
        let hard = &self.shared.evidence.hard;

        if hard.is_on() == Some(false) {
            f.write_str(
                "no hard lockup detector runs here (kernel.nmi_watchdog is 0); an NMI from \
                 outside, with kernel.unknown_nmi_panic=1, would have shown it",
            )?;
            return Ok(true);
        }
        if self.shared.plan.touch_watchdog {
            f.write_str("touch_watchdog told the watchdog so")?;
            return Ok(true);
        }
        match hard.thresh() {
            Some(thresh) if self.held_ms / 1000 < thresh.saturating_mul(2) => {
                write!(
                    f,
                    "the watchdog reports after watchdog_thresh={thresh} to {} s",
                    thresh.saturating_mul(2)
                )?;
                Ok(true)
            }
            _ => Ok(false),
        }
    }

    fn rcu_stall(&self, f: &mut fmt::Formatter<'_>) -> Result<bool, fmt::Error> {
        const DELAY: u64 = RcuStall::DELAY_SECS;
        let rcu = &self.shared.evidence.rcu;

        if rcu.is_on() == Some(false) {
            f.write_str("rcupdate.rcu_cpu_stall_suppress is 1")?;
            return Ok(true);
        }
        match rcu.timeout_secs() {
            Some(secs) if self.held_ms / 1000 <= secs.saturating_add(DELAY) => {
                write!(
                    f,
                    "RCU reports after rcupdate.rcu_cpu_stall_timeout={secs} s"
                )?;
                if DELAY != 0 {
                    write!(f, " and {DELAY} s more, as PROVE_RCU has it")?;
                }
                Ok(true)
            }
            _ => Ok(false),
        }
    }

    fn hung_task(&self, f: &mut fmt::Formatter<'_>) -> Result<bool, fmt::Error> {
        let hung = &self.shared.evidence.hung;

        if hung.is_over() == Some(true) {
            f.write_str("since an oops the hung task detector is off, until the next boot")?;
            return Ok(true);
        }
        match hung.timeout_secs() {
            Some(0) => {
                f.write_str("kernel.hung_task_timeout_secs is 0")?;
                Ok(true)
            }
            Some(secs) if self.held_ms / 1000 < secs.saturating_mul(2) => {
                write!(
                    f,
                    "the detector reports after kernel.hung_task_timeout_secs={secs} to {} s",
                    secs.saturating_mul(2)
                )?;
                Ok(true)
            }
            _ => Ok(false),
        }
    }
}
