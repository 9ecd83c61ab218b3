// SPDX-License-Identifier: GPL-2.0

//! The plan: what the parameters mean, with every contradiction refused.

use faultline::{
    cpu::CpuSet,
    crash,
    params::locked,
    prelude::*,
    text::{
        Printable,
        Text, //
    }, //
};

use crate::{
    modes::Mode,
    params::{
        self,
        CPUS_MAX,
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
        let run_id = locked(|lock| Text::format(format_args!("{}", params::run_id.get(lock))))?;
        let force = params::force.get();

        let Some(mode) = params::mode.get() else {
            pr_err!(
                "run {run_id}: refused: mode=: one of {} is required",
                params::mode.words()
            );
            return Err(EINVAL);
        };
        let cpus = resolve_cpus(&run_id)?;
        if run::take_hold_secs() == 0 && !force {
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
    let given: Text<CPUS_MAX> =
        locked(|lock| Text::format(format_args!("{}", params::cpus.get(lock))))?;
    let online = CpuSet::online()?;
    let refuse = |error: Error| {
        pr_err!(
            "run {run_id}: refused: cpus={}: a list of online CPUs is allowed: {online}",
            Printable(given.as_bytes())
        );
        error
    };

    let cpus = match &*given {
        "" => {
            let first = online.iter().find(|&cpu| cpu != 0).unwrap_or(0);
            CpuSet::of(|cpu| cpu == first)?
        }
        "all" => CpuSet::of(|cpu| online.contains(cpu))?,
        list => match CpuSet::parse(list) {
            Err(error) if error == ENOMEM => return Err(error),
            // A number that no CPU can have is as wrong as one that is offline.
            parsed => parsed.map_err(|_| refuse(EINVAL))?,
        },
    };
    if cpus.is_empty() || !cpus.iter().all(|cpu| online.contains(cpu)) {
        return Err(refuse(EINVAL));
    }
    locked(|lock| params::cpus.replace(format_args!("{cpus}"), lock)).map_err(refuse)?;
    Ok(cpus)
}
