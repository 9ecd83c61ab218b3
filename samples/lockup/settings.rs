// SPDX-License-Identifier: GPL-2.0

//! The settings: the parameters at the start of a run.

use faultline::{
    task::cpu::CpuSet,
    text::Text, //
};

/// The longest name of a run.
pub(crate) const RUN_ID_MAX: usize = 32;

/// The longest name of a function.
pub(crate) const FUNCTION_MAX: usize = 128;

/// The cause of a run's start.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum BegunBy {
    /// Loading the module.
    Load,
    /// A write to `trigger`.
    Trigger,
}

/// The CPUs that the user has set.
pub(crate) enum Cpus {
    /// None: the mode's default.
    Default,
    /// All online CPUs.
    All,
    /// These CPUs, which may be offline.
    List(CpuSet),
}

/// The parameters, except for the mode, and for those that may change during a run, which are
/// [live](crate::live).
pub(crate) struct Settings {
    pub(crate) begun_by: BegunBy,
    pub(crate) run_id: Text<RUN_ID_MAX>,
    pub(crate) cpus: Cpus,
    pub(crate) force: bool,
    pub(crate) iterations: u32,
    pub(crate) touch_watchdog: bool,
    pub(crate) alloc_under_lock: bool,
    pub(crate) limit_mib: u32,
    /// Empty for none.
    pub(crate) at: Text<FUNCTION_MAX>,
    pub(crate) count: u32,
}
