// SPDX-License-Identifier: GPL-2.0

//! The diagnosis: which detectors have reported a run, and if none, the likely reason.

use core::fmt;

use faultline::{
    fault::watchdog::RcuStall,
    task::time::NSEC_PER_SEC, //
};

use crate::{
    evidence::Evidence,
    mode::Detector,
    plan::Plan, //
};

/// Shows which counters a run has moved, or the likely reason why none has.
pub(crate) struct Diagnosis<'a> {
    pub(crate) plan: &'a Plan,
    pub(crate) evidence: &'a Evidence,
    pub(crate) held_ms: u64,
}

impl fmt::Display for Diagnosis<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let wanted = match self.plan.mode.detector {
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
        for count in self.evidence.counts() {
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
                "{begin}this kernel has no {wanted}: look for a report in this log"
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
        self.why_not(f)
    }
}

impl Diagnosis<'_> {
    /// Writes the likeliest reason why nothing was detected.
    fn why_not(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mode = self.plan.mode;
        let decided = match mode.detector {
            Detector::SoftLockup => self.soft_lockup(f),
            Detector::HardLockup => self.hard_lockup(f),
            Detector::RcuStall => self.rcu_stall(f),
            Detector::HungTask => self.hung_task(f),
            Detector::Warning | Detector::Nothing => Ok(false),
        }?;
        if decided {
            return Ok(());
        }
        match mode.overlooked {
            Some(overlooked) => f.write_str(overlooked),
            None => f.write_str("the detector seems to be on, but did not count it"),
        }
    }
}

/// Each of these writes a reason and returns true, if it finds one.
impl Diagnosis<'_> {
    fn soft_lockup(&self, f: &mut fmt::Formatter<'_>) -> Result<bool, fmt::Error> {
        let Self { plan, evidence, .. } = self;
        let soft = &evidence.soft;

        // Without a hard lockup detector, each of the two is 0 if the other is.
        let off = match (soft.soft_is_on(), soft.is_on(), soft.thresh()) {
            (Some(false), Some(false), _) => {
                Some("kernel.soft_watchdog is 0, and so is kernel.watchdog")
            }
            (Some(false), ..) => Some("kernel.soft_watchdog is 0"),
            (_, Some(false), _) => Some("kernel.watchdog is 0"),
            (.., Some(0)) => Some("kernel.watchdog_thresh is 0"),
            _ if plan.touch_watchdog => Some("touch_watchdog kept the watchdog from reporting"),
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
        // The watchdog checks five times in twice the threshold T, and reports when more
        // than 2T units of 2^30 ns have passed, counted in whole units: at the first check
        // after 2T + 1 units, or at the next one if the CPU was idle.
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
        let hard = &self.evidence.hard;

        if hard.is_on() == Some(false) {
            f.write_str(
                "no hard lockup detector runs here (kernel.nmi_watchdog is 0); an NMI from \
                 outside, with kernel.unknown_nmi_panic=1, would have shown it",
            )?;
            return Ok(true);
        }
        if self.plan.touch_watchdog {
            f.write_str("touch_watchdog kept the watchdog from reporting")?;
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
        let rcu = &self.evidence.rcu;

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
                    write!(f, " and {DELAY} s more, with PROVE_RCU")?;
                }
                Ok(true)
            }
            _ => Ok(false),
        }
    }

    fn hung_task(&self, f: &mut fmt::Formatter<'_>) -> Result<bool, fmt::Error> {
        let hung = &self.evidence.hung;

        if hung.is_off_since_oops() == Some(true) {
            f.write_str("the hung task detector is off since an oops, until the next boot")?;
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
