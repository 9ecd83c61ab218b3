// SPDX-License-Identifier: GPL-2.0

//! What is known of each mode: who takes part, what ends it, and what detects it.
//!
//! The plan and the result ask this. What a mode does is in [`modes`](crate::modes).

/// Which threads a mode takes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Team {
    /// One for each CPU; they do not know of each other.
    Each,
    /// Two for each CPU, of which the second may run on any.
    Twins,
    /// One for each of two CPUs or more, each of which waits for the next.
    Ring,
    /// A single one.
    Single,
}

/// What ends it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ends {
    /// The time.
    Deadline,
    /// The time, or a request to stop.
    Stop,
    /// It is over at once.
    Once,
    /// The thread dies of it.
    Death,
    /// Only a reboot does.
    Never,
}

/// What in a kernel that is set up well reports it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Detector {
    SoftLockup,
    HardLockup,
    RcuStall,
    HungTask,
    /// A report of its own, which comes in any case.
    Warning,
    Nothing,
}

/// What is known of a fault that is to be injected.
pub(crate) struct Mode {
    /// What users call it.
    pub(crate) word: &'static str,
    pub(crate) team: Team,
    pub(crate) ends: Ends,
    pub(crate) detector: Detector,
    /// There is a loop of ours in which the watchdogs can be touched.
    pub(crate) spins: bool,
    /// That loop is in a context where nothing may sleep.
    pub(crate) atomic: bool,
    /// Nothing but an NMI is let through to each of the CPUs.
    pub(crate) deaf: bool,
    /// It can strike in the middle of any function.
    pub(crate) anywhere: bool,
    /// Why a detector that is set up well may overlook it.
    pub(crate) overlooked: Option<&'static str>,
    /// Why it is no fault where the kernel is built with `PREEMPT_RT`.
    pub(crate) harmless_on_rt: Option<&'static str>,
}

impl Mode {
    /// A CPU that spins until the time is over, where nothing may sleep.
    pub(crate) const SPINS: Self = Self {
        word: "",
        team: Team::Each,
        ends: Ends::Deadline,
        detector: Detector::SoftLockup,
        spins: true,
        atomic: true,
        deaf: false,
        anywhere: false,
        overlooked: None,
        harmless_on_rt: None,
    };

    /// One that does so with interrupts off.
    pub(crate) const DEAF: Self = Self {
        detector: Detector::HardLockup,
        deaf: true,
        ..Self::SPINS
    };

    /// A task that sleeps and cannot be woken.
    pub(crate) const SLEEPS: Self = Self {
        ends: Ends::Stop,
        detector: Detector::HungTask,
        spins: false,
        atomic: false,
        ..Self::SPINS
    };

    /// What is over as soon as it was done.
    pub(crate) const STRIKES: Self = Self {
        ends: Ends::Once,
        detector: Detector::Warning,
        spins: false,
        atomic: false,
        anywhere: true,
        ..Self::SPINS
    };

    /// Returns whether a request to stop ends it, before the time is over.
    pub(crate) fn is_stoppable(&self) -> bool {
        self.ends == Ends::Stop
    }

    /// Returns whether it can be done again after it was done.
    pub(crate) fn is_repeatable(&self) -> bool {
        !matches!(self.ends, Ends::Death | Ends::Never)
    }

    /// How many spinlocks the threads of a run on `cpus` CPUs share.
    pub(crate) fn locks(&self, cpus: usize) -> usize {
        if self.team == Team::Ring {
            cpus
        } else {
            0
        }
    }

    /// How many pairs of mutexes they share.
    pub(crate) fn mutexes(&self, cpus: usize) -> usize {
        if self.team == Team::Twins {
            cpus
        } else {
            0
        }
    }
}
