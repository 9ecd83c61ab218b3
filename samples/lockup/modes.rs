// SPDX-License-Identifier: GPL-2.0

//! The modes: what is done, and to whom.
//!
//! A mode is a row of the table below. Its function enters a context and spins
//! or sleeps there until the [`Timer`](crate::hold::Timer) is over, or does what
//! there is no way back from. These functions are what a stack trace shows, so
//! they are not inlined and have telling names. There is a file for each family.

mod cpu;
mod death;
mod locks;
mod memory;
mod tasks;

use faultline::{
    params::Words,
    prelude::*, //
};

use crate::{
    hold::Hold,
    plan::Plan, //
};

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

/// Something to do to a CPU, or to all of the kernel.
pub(crate) struct Mode {
    /// Does it, in the thread of a CPU.
    pub(crate) hold: fn(&Hold<'_>) -> Result,
    pub(crate) team: Team,
    pub(crate) ends: Ends,
    pub(crate) detector: Detector,
    /// Is there a loop of ours in which the watchdogs can be touched?
    pub(crate) spins: bool,
    /// Is that loop in a context where nothing may sleep?
    pub(crate) atomic: bool,
    /// Is nothing but an NMI let through to each of the CPUs?
    pub(crate) deaf: bool,
    /// Can it strike in the middle of any function?
    pub(crate) anywhere: bool,
    /// Why a detector that is set up well may overlook it.
    pub(crate) overlooked: Option<&'static str>,
    /// Why it is no fault where the kernel is built with `PREEMPT_RT`.
    pub(crate) harmless_on_rt: Option<&'static str>,
}

impl Mode {
    /// A CPU that spins until the time is over, where nothing may sleep.
    const SPINS: Self = Self {
        hold: cpu::spin_preemption_off,
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
    const DEAF: Self = Self {
        detector: Detector::HardLockup,
        deaf: true,
        ..Self::SPINS
    };

    /// A task that sleeps and cannot be woken.
    const SLEEPS: Self = Self {
        ends: Ends::Stop,
        detector: Detector::HungTask,
        spins: false,
        atomic: false,
        ..Self::SPINS
    };

    /// What is over as soon as it was done.
    const STRIKES: Self = Self {
        ends: Ends::Once,
        detector: Detector::Warning,
        spins: false,
        atomic: false,
        anywhere: true,
        ..Self::SPINS
    };

    /// Does a request to stop end it, before the time is over?
    pub(crate) fn is_stoppable(&self) -> bool {
        self.ends == Ends::Stop
    }

    /// Can it be done again after it was done?
    pub(crate) fn is_repeatable(&self) -> bool {
        !matches!(self.ends, Ends::Death | Ends::Never)
    }

    /// The word for it.
    pub(crate) fn word(&'static self) -> &'static str {
        let row = Self::WORDS
            .iter()
            .find(|(_, mode)| core::ptr::eq(mode, self));
        row.map_or("?", |(word, _)| word)
    }

    /// How many spinlocks the threads of a plan share.
    pub(crate) fn locks(&self, plan: &Plan) -> usize {
        if self.team == Team::Ring {
            plan.cpus.len()
        } else {
            0
        }
    }

    /// How many pairs of mutexes they share.
    pub(crate) fn mutexes(&self, plan: &Plan) -> usize {
        if self.team == Team::Twins {
            plan.cpus.len()
        } else {
            0
        }
    }
}

impl Words for Mode {
    const WORDS: &'static [(&'static str, Self)] = &MODES;
}

/// The table.
static MODES: [(&str, Mode); 22] = [
    (
        "soft",
        Mode {
            hold: cpu::spin_preemption_off,
            anywhere: true,
            ..Mode::SPINS
        },
    ),
    (
        "spin",
        Mode {
            hold: cpu::spin_preemptible,
            ends: Ends::Stop,
            atomic: false,
            overlooked: Some(
                "mode=spin leaves preemption on, so the watchdog's own thread gets the CPU",
            ),
            ..Mode::SPINS
        },
    ),
    (
        "softirq",
        Mode {
            hold: cpu::spin_softirqs_off,
            harmless_on_rt: Some(
                "softirqs are threads there, and a thread that keeps them off is preempted",
            ),
            ..Mode::SPINS
        },
    ),
    (
        "hard",
        Mode {
            hold: cpu::spin_interrupts_off,
            anywhere: true,
            ..Mode::DEAF
        },
    ),
    (
        "irq",
        Mode {
            hold: cpu::spin_in_interrupt,
            ..Mode::DEAF
        },
    ),
    (
        "rcu",
        Mode {
            hold: cpu::spin_in_rcu_reader,
            detector: Detector::RcuStall,
            spins: false,
            ..Mode::SPINS
        },
    ),
    (
        "hung",
        Mode {
            hold: tasks::hang_uninterruptible,
            ..Mode::SLEEPS
        },
    ),
    (
        "mutex",
        Mode {
            hold: locks::wait_for_mutex,
            team: Team::Twins,
            ..Mode::SLEEPS
        },
    ),
    (
        "deadlock",
        Mode {
            hold: locks::spin_on_lock,
            team: Team::Ring,
            ..Mode::SPINS
        },
    ),
    (
        "deadlock_irq",
        Mode {
            hold: locks::spin_on_lock_irqs_off,
            team: Team::Ring,
            ..Mode::DEAF
        },
    ),
    (
        "self_deadlock",
        Mode {
            hold: locks::spin_on_own_lock,
            ..Mode::DEAF
        },
    ),
    (
        "smp_call",
        Mode {
            hold: cpu::call_cpu_that_never_answers,
            team: Team::Ring,
            spins: false,
            atomic: false,
            ..Mode::SPINS
        },
    ),
    (
        "workqueue",
        Mode {
            hold: tasks::flush_stuck_work,
            ..Mode::SLEEPS
        },
    ),
    (
        "stop_machine",
        Mode {
            hold: cpu::stop_machine_and_spin,
            team: Team::Single,
            deaf: false, // by itself for all CPUs, so that cpus says nothing about it
            ..Mode::DEAF
        },
    ),
    (
        "panic",
        Mode {
            hold: death::panic_in_thread,
            ends: Ends::Never,
            ..Mode::STRIKES
        },
    ),
    (
        "panic_irq",
        Mode {
            hold: death::panic_in_interrupt,
            ends: Ends::Never,
            anywhere: false,
            ..Mode::STRIKES
        },
    ),
    (
        "oops",
        Mode {
            hold: death::write_to_null,
            ends: Ends::Death,
            ..Mode::STRIKES
        },
    ),
    (
        "bug",
        Mode {
            hold: death::hit_bug,
            ends: Ends::Death,
            ..Mode::STRIKES
        },
    ),
    (
        "warn",
        Mode {
            hold: death::warn_once,
            ..Mode::STRIKES
        },
    ),
    (
        "stack_overflow",
        Mode {
            hold: death::overflow_stack,
            ends: Ends::Never,
            anywhere: false,
            ..Mode::STRIKES
        },
    ),
    (
        "double_free",
        Mode {
            hold: memory::free_twice,
            anywhere: false,
            ..Mode::STRIKES
        },
    ),
    (
        "oom",
        Mode {
            hold: memory::exhaust_memory,
            team: Team::Single,
            ends: Ends::Stop,
            detector: Detector::Nothing,
            spins: false,
            atomic: false,
            overlooked: Some(
                "whether memory ran out is in oom_kill of /proc/vmstat and in this log",
            ),
            ..Mode::SPINS
        },
    ),
];
