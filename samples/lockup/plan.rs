// SPDX-License-Identifier: GPL-2.0

//! The plan: the settings, resolved and checked for contradictions.

use core::fmt;

use faultline::{
    fault::{
        crash,
        page, //
    },
    prelude::*,
    task::{
        context,
        cpu::CpuSet, //
    },
    text::Text, //
};

use crate::{
    live,
    mode::{
        Ends,
        Mode,
        Team, //
    },
    settings::{
        BegunBy,
        Cpus,
        Settings,
        FUNCTION_MAX,
        RUN_ID_MAX, //
    }, //
};

/// The plan of a run. Parameters that may change during the run are in [`live`].
pub(crate) struct Plan {
    pub(crate) begun_by: BegunBy,
    pub(crate) run_id: Text<RUN_ID_MAX>,
    pub(crate) mode: &'static Mode,
    /// The CPUs to hold: at least one, and all were online.
    pub(crate) cpus: CpuSet,
    pub(crate) force: bool,
    /// At least 1.
    pub(crate) iterations: u32,
    pub(crate) touch_watchdog: bool,
    pub(crate) alloc_under_lock: bool,
    /// Not 0 for a mode that uses it.
    pub(crate) limit_mib: u32,
    pub(crate) at: Option<At>,
}

/// The function, and the number of its call, at which the fault strikes.
pub(crate) struct At {
    pub(crate) function: Text<FUNCTION_MAX>,
    /// At least 1.
    pub(crate) count: u32,
}

/// Checks the settings of the run with this name.
struct Judge<'a>(&'a Text<RUN_ID_MAX>);

impl Judge<'_> {
    /// Fails with `error` and logs the reason, unless `is_right`.
    fn insist(&self, is_right: bool, error: Error, why: fmt::Arguments<'_>) -> Result {
        if is_right {
            return Ok(());
        }
        pr_err!("run {}: refused: {why}", self.0);
        Err(error)
    }
}

impl Plan {
    /// Makes a plan from the settings. On failure the reason is logged.
    ///
    /// # Errors
    ///
    /// `EINVAL` if the settings contradict each other or the machine, `EOPNOTSUPP` if this kernel
    /// does not support them, `EPERM` without a crash kernel, `ENOMEM`.
    pub(crate) fn new(mode: &'static Mode, settings: Settings) -> Result<Self> {
        let Settings { run_id, force, .. } = settings;
        let judge = Judge(&run_id);
        let word = mode.word;

        if let Some(why) = mode.harmless_on_rt {
            judge.insist(
                !context::PREEMPT_RT,
                EOPNOTSUPP,
                format_args!("mode={word}: this kernel is built with PREEMPT_RT: {why}"),
            )?;
        }
        let at = crash_point(&judge, mode, settings.at, settings.count)?;
        let cpus = resolve_cpus(&judge, mode, settings.cpus, at.is_some(), force)?;
        judge.insist(
            live::take_hold_secs() != 0 || force,
            EINVAL,
            format_args!("hold_secs=0: holding for ever needs force=1"),
        )?;
        judge.insist(
            mode.ends != Ends::Never || force,
            EINVAL,
            format_args!("mode={word}: needs force=1, since the kernel does not survive it"),
        )?;
        let plan = Self {
            begun_by: settings.begun_by,
            mode,
            cpus,
            force,
            iterations: settings.iterations,
            touch_watchdog: settings.touch_watchdog,
            alloc_under_lock: settings.alloc_under_lock,
            limit_mib: settings.limit_mib,
            at,
            run_id: run_id.clone(),
        };
        plan.refuse_contradictions(&judge)?;
        judge.insist(
            crash::kernel_is_loaded() || force,
            EPERM,
            format_args!(
                "no crash kernel is loaded, so a panic would leave no dump: load one (kexec -p, or \
                 kdump-config load), or set force=1"
            ),
        )?;
        Ok(plan)
    }

    /// Refuses contradictory settings.
    fn refuse_contradictions(&self, judge: &Judge<'_>) -> Result {
        let Self { mode, at, .. } = self;
        let word = mode.word;
        let iterations = self.iterations;
        let cooldown_secs = live::cooldown_secs();

        judge.insist(
            iterations == 1 || mode.is_repeatable(),
            EINVAL,
            format_args!("iterations={iterations}: mode={word} cannot be repeated"),
        )?;
        judge.insist(
            iterations == 1 || at.is_none(),
            EINVAL,
            format_args!("iterations={iterations}: a crash point (at=) strikes only once"),
        )?;
        judge.insist(
            cooldown_secs == 0 || iterations > 1,
            EINVAL,
            format_args!(
                "cooldown_secs={cooldown_secs}: needs iterations above 1, between which it is a \
                 pause"
            ),
        )?;
        judge.insist(
            !self.touch_watchdog || mode.spins,
            EINVAL,
            format_args!("touch_watchdog=1: mode={word} does not spin"),
        )?;
        judge.insist(
            !self.alloc_under_lock || mode.atomic,
            EINVAL,
            format_args!("alloc_under_lock=1: mode={word} does not spin in atomic context"),
        )?;
        judge.insist(
            !self.alloc_under_lock || at.is_none(),
            EINVAL,
            format_args!("alloc_under_lock=1: not allowed with at=, which may be in the allocator"),
        )?;
        judge.insist(
            !self.alloc_under_lock || !context::PREEMPT_RT,
            EOPNOTSUPP,
            format_args!(
                "alloc_under_lock=1: this kernel is built with PREEMPT_RT: the allocator's locks \
                 sleep, even for GFP_ATOMIC"
            ),
        )?;
        let limit_mib = self.limit_mib;
        judge.insist(
            limit_mib == 0 || word == "oom",
            EINVAL,
            format_args!("limit_mib={limit_mib}: mode={word} has no limit, only mode=oom has"),
        )?;
        judge.insist(
            limit_mib != 0 || word != "oom",
            EINVAL,
            format_args!("limit_mib=0: mode=oom needs a limit, in MiB"),
        )?;
        let has_mib = page::total_bytes() >> 20;
        judge.insist(
            (limit_mib as usize) < has_mib || self.force,
            EINVAL,
            format_args!(
                "limit_mib={limit_mib}: needs force=1, since this machine has {has_mib} MiB: the \
                 kernel would kill everything and panic"
            ),
        )?;
        Ok(())
    }

    /// Returns the number of threads of the run.
    pub(crate) fn threads(&self) -> usize {
        let cpus = self.cpus.len();
        match self.mode.team {
            _ if self.at.is_some() => 1,
            Team::Twins => cpus.saturating_mul(2),
            _ => cpus,
        }
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "mode={} cpus={} delay_secs={} hold_secs={} force={}",
            self.mode.word,
            self.cpus,
            live::delay_secs(),
            live::hold_secs(),
            u8::from(self.force)
        )?;
        if self.iterations > 1 {
            let pause = live::cooldown_secs();
            write!(f, " iterations={} cooldown_secs={pause}", self.iterations)?;
        }
        if self.touch_watchdog {
            f.write_str(" touch_watchdog=1")?;
        }
        if self.alloc_under_lock {
            f.write_str(" alloc_under_lock=1")?;
        }
        if self.limit_mib > 0 {
            write!(f, " limit_mib={}", self.limit_mib)?;
        }
        if let Some(At { function, count }) = &self.at {
            write!(f, " at={function} count={count}")?;
        }
        Ok(())
    }
}

/// Returns the crash point of the settings, if there is one.
fn crash_point(
    judge: &Judge<'_>,
    mode: &Mode,
    function: Text<FUNCTION_MAX>,
    count: u32,
) -> Result<Option<At>> {
    if function.is_empty() {
        judge.insist(
            count == 1,
            EINVAL,
            format_args!("count={count}: needs at=, the function whose calls are counted"),
        )?;
        return Ok(None);
    }
    judge.insist(
        mode.anywhere,
        EINVAL,
        format_args!(
            "at={function}: mode={} cannot strike in the middle of a function; soft, hard, panic, \
             oops, bug and warn can",
            mode.word
        ),
    )?;
    Ok(Some(At { function, count }))
}

/// Returns the CPUs of the settings.
fn resolve_cpus(
    judge: &Judge<'_>,
    mode: &Mode,
    wanted: Cpus,
    is_anywhere: bool,
    force: bool,
) -> Result<CpuSet> {
    let word = mode.word;
    let online = CpuSet::online()?;

    let cpus = match wanted {
        Cpus::List(cpus) => cpus,
        Cpus::All => CpuSet::of(|cpu| online.contains(cpu))?,
        Cpus::Default if is_anywhere => CpuSet::of(|cpu| online.contains(cpu))?,
        Cpus::Default if mode.team == Team::Ring => {
            let second = online.iter().nth(1).unwrap_or(0);
            CpuSet::of(|cpu| cpu <= second && online.contains(cpu))?
        }
        Cpus::Default => {
            let first = online.iter().find(|&cpu| cpu != 0).unwrap_or(0);
            CpuSet::of(|cpu| cpu == first)?
        }
    };
    judge.insist(
        cpus.iter().all(|cpu| online.contains(cpu)),
        EINVAL,
        format_args!("cpus={cpus}: only online CPUs are allowed: {online}"),
    )?;
    judge.insist(
        mode.team != Team::Ring || cpus.len() >= 2,
        EINVAL,
        format_args!("cpus={cpus}: mode={word} needs two CPUs or more, of {online}"),
    )?;
    judge.insist(
        mode.team != Team::Single || cpus.len() == 1,
        EINVAL,
        format_args!("cpus={cpus}: mode={word} needs a single CPU, of {online}"),
    )?;
    judge.insist(
        !mode.deaf || is_anywhere || force || online.iter().any(|cpu| !cpus.contains(cpu)),
        EINVAL,
        format_args!(
            "cpus={cpus}: mode={word} on all online CPUs leaves none to detect or to end it: \
             leave one out, or set force=1"
        ),
    )?;
    Ok(cpus)
}
