// SPDX-License-Identifier: GPL-2.0

//! The settings: what the parameters say when a run begins.

use faultline::{
    task::cpu::CpuSet,
    text::Text, //
};

/// The longest name of a run.
pub(crate) const RUN_ID_MAX: usize = 32;

/// The longest name of a function.
pub(crate) const FUNCTION_MAX: usize = 128;

/// What begins a run.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum BegunBy {
    /// Loading the module.
    Load,
    /// A write to `trigger`.
    Trigger,
}

/// The CPUs that were asked for.
pub(crate) enum Cpus {
    /// None were: those that are usual for the mode.
    Default,
    /// All that are online.
    All,
    /// These, which may be offline.
    List(CpuSet),
}

/// What the parameters say, but for the mode. What may change while the run goes on is
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
