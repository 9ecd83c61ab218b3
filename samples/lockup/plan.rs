// SPDX-License-Identifier: GPL-2.0

//! The plan: what the parameters mean, with every contradiction refused.

use faultline::{
    cpu::CpuSet,
    crash,
    prelude::*,
    text::Text, //
};

use crate::{
    modes::Mode,
    params::{
        self,
        RUN_ID_MAX, //
    },
    run, //
};

/// What is going to happen. What may change while it does (`delay_secs`,
/// `hold_secs`) is left to the parameters.
pub(crate) struct Plan {
    pub(crate) run_id: Text<RUN_ID_MAX>,
    /// The word for the mode, and the mode.
    pub(crate) mode: (&'static str, &'static Mode),
    /// The CPUs to hold; there is at least one, and all were online.
    pub(crate) cpus: CpuSet,
    pub(crate) force: bool,
}

impl Plan {
    /// Makes a plan of the parameters, or refuses with a line in the log.
    ///
    /// # Errors
    ///
    /// `EINVAL` for what contradicts itself or the machine, `EPERM` without a crash kernel, `ENOMEM`.
    pub(crate) fn from_params() -> Result<Self> {
        let run_id = params::run_id.copy();
        let force = params::force.get();

        let Some(mode) = params::mode.get() else {
            pr_err!(
                "run {run_id}: refused: mode=: one of {} is required",
                params::mode.words()
            );
            return Err(EINVAL);
        };
        let cpus = resolve_cpus(&run_id)?;
        if run::take_hold_secs()? == 0 && !force {
            pr_err!("run {run_id}: refused: hold_secs=0: to hold for ever needs force=1");
            return Err(EINVAL);
        }
        if !crash::kernel_is_loaded() && !force {
            pr_err!(
                "run {run_id}: refused: no crash kernel is loaded, so a panic would leave no \
                 dump: load one (kexec -p, or kdump-config load), or set force=1"
            );
            return Err(EPERM);
        }
        Ok(Self {
            run_id,
            mode,
            cpus,
            force,
        })
    }
}

/// The CPUs that the parameter means. From then on it reads back as their list.
fn resolve_cpus(run_id: &Text<RUN_ID_MAX>) -> Result<CpuSet> {
    let online = CpuSet::online()?;
    // A set is allocated, which must not be done while the list is read.
    let (is_all, is_empty) = {
        let given = params::cpus.read();
        (given.is_all(), given.is_empty())
    };

    let cpus = if is_empty {
        let first = online.iter().find(|&cpu| cpu != 0).unwrap_or(0);
        CpuSet::of(|cpu| cpu == first)?
    } else if is_all {
        CpuSet::of(|cpu| online.contains(cpu))?
    } else {
        CpuSet::of(|cpu| params::cpus.read().contains(cpu))?
    };
    if !cpus.iter().all(|cpu| online.contains(cpu)) {
        pr_err!("run {run_id}: refused: cpus={cpus}: a list of online CPUs is allowed: {online}");
        return Err(EINVAL);
    }
    params::cpus.store(&cpus)?;
    Ok(cpus)
}
