// SPDX-License-Identifier: GPL-2.0

//! The diagnosis: which detectors have seen a run, and if none, why that may be.

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

/// Shows what the counters say of a run, or why they say nothing.
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
        self.why_not(f)
    }
}

impl Diagnosis<'_> {
    /// Writes the best reason why nothing was detected.
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
            None => f.write_str("the detector seems to be set up for it, but did not count it"),
        }
    }
}

/// Each of these writes the reason and returns true, if it knows one.
impl Diagnosis<'_> {
    fn soft_lockup(&self, f: &mut fmt::Formatter<'_>) -> Result<bool, fmt::Error> {
        let Self { plan, evidence, .. } = self;
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
        let hard = &self.evidence.hard;

        if hard.is_on() == Some(false) {
            f.write_str(
                "no hard lockup detector runs here (kernel.nmi_watchdog is 0); an NMI from \
                 outside, with kernel.unknown_nmi_panic=1, would have shown it",
            )?;
            return Ok(true);
        }
        if self.plan.touch_watchdog {
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
                    write!(f, " and {DELAY} s more, as PROVE_RCU has it")?;
                }
                Ok(true)
            }
            _ => Ok(false),
        }
    }

    fn hung_task(&self, f: &mut fmt::Formatter<'_>) -> Result<bool, fmt::Error> {
        let hung = &self.evidence.hung;

        if hung.is_off_since_oops() == Some(true) {
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
