// SPDX-License-Identifier: GPL-2.0

//! The properties of each mode: its threads, its end, and its detector.
//!
//! Plan and result use them. The functions of the modes are in [`modes`](crate::modes).

/// The threads of a mode.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Team {
    /// One for each CPU, independent of each other.
    Each,
    /// Two for each CPU, of which the second may run on any CPU.
    Twins,
    /// One for each of two CPUs or more, each of which waits for the next.
    Ring,
    /// A single one.
    Single,
}

/// How a mode ends.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ends {
    /// At the deadline.
    Deadline,
    /// At the deadline, or by a request to stop.
    Stop,
    /// At once.
    Once,
    /// By the death of the thread.
    Death,
    /// Only by a reboot.
    Never,
}

/// The detector that reports a mode, in a kernel with the right settings.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Detector {
    SoftLockup,
    HardLockup,
    RcuStall,
    HungTask,
    /// A warning, which the fault itself causes.
    Warning,
    Nothing,
}

/// The properties of a mode.
pub(crate) struct Mode {
    /// The name of the mode.
    pub(crate) word: &'static str,
    pub(crate) team: Team,
    pub(crate) ends: Ends,
    pub(crate) detector: Detector,
    /// Whether it has a loop of ours, in which the watchdogs can be touched.
    pub(crate) spins: bool,
    /// Whether that loop is in atomic context.
    pub(crate) atomic: bool,
    /// Whether each of the CPUs takes no interrupts except NMIs.
    pub(crate) deaf: bool,
    /// Whether it can strike in the middle of any function.
    pub(crate) anywhere: bool,
    /// Why a detector with the right settings may not report it.
    pub(crate) overlooked: Option<&'static str>,
    /// Why it is not a fault on a kernel with `PREEMPT_RT`.
    pub(crate) harmless_on_rt: Option<&'static str>,
}

impl Mode {
    /// A CPU that spins in atomic context until the deadline.
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

    /// A CPU that does so with interrupts off.
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

    /// A fault that is over at once.
    pub(crate) const STRIKES: Self = Self {
        ends: Ends::Once,
        detector: Detector::Warning,
        spins: false,
        atomic: false,
        anywhere: true,
        ..Self::SPINS
    };

    /// Returns whether a request to stop ends it before the deadline.
    pub(crate) fn is_stoppable(&self) -> bool {
        self.ends == Ends::Stop
    }

    /// Returns whether it can be repeated.
    pub(crate) fn is_repeatable(&self) -> bool {
        !matches!(self.ends, Ends::Death | Ends::Never)
    }

    /// Returns the number of spinlocks that the threads of a run on `cpus` CPUs share.
    pub(crate) fn locks(&self, cpus: usize) -> usize {
        if self.team == Team::Ring {
            cpus
        } else {
            0
        }
    }

    /// Returns the number of pairs of mutexes that they share.
    pub(crate) fn mutexes(&self, cpus: usize) -> usize {
        if self.team == Team::Twins {
            cpus
        } else {
            0
        }
    }
}
