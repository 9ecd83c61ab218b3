// SPDX-License-Identifier: GPL-2.0

//! The table of modes, and their functions.
//!
//! A mode is a row of the table below. Its function enters a context and spins
//! or sleeps there until the [`Timer`](crate::timer::Timer) is over, or injects a fatal
//! fault. These functions appear in stack traces, so they are not inlined and have
//! descriptive names. There is a file for each family.

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
    mode::{
        Detector,
        Ends,
        Mode,
        Team, //
    }, //
};

/// A mode and its function.
pub(crate) struct Fault {
    pub(crate) mode: Mode,
    /// Injects the fault, in the thread of a CPU or in the call at a crash point.
    pub(crate) inject: fn(&Hold<'_>) -> Result,
}

impl Fault {
    /// Makes a row of the table.
    const fn new(
        word: &'static str,
        inject: fn(&Hold<'_>) -> Result,
        mode: Mode,
    ) -> (&'static str, Self) {
        let mode = Mode { word, ..mode };
        (word, Self { mode, inject })
    }
}

impl Words for Fault {
    const WORDS: &'static [(&'static str, Self)] = &FAULTS;
}

/// All faults, by the names of their modes.
static FAULTS: [(&str, Fault); 22] = [
    Fault::new(
        "soft",
        cpu::spin_preemption_off,
        Mode {
            anywhere: true,
            ..Mode::SPINS
        },
    ),
    Fault::new(
        "spin",
        cpu::spin_preemptible,
        Mode {
            ends: Ends::Stop,
            atomic: false,
            overlooked: Some(
                "mode=spin leaves preemption on, so the watchdog's own thread gets the CPU",
            ),
            ..Mode::SPINS
        },
    ),
    Fault::new(
        "softirq",
        cpu::spin_softirqs_off,
        Mode {
            harmless_on_rt: Some(
                "softirqs are threads, and a thread that disables them can be preempted",
            ),
            ..Mode::SPINS
        },
    ),
    Fault::new(
        "hard",
        cpu::spin_interrupts_off,
        Mode {
            anywhere: true,
            ..Mode::DEAF
        },
    ),
    Fault::new("irq", cpu::spin_in_interrupt, Mode::DEAF),
    Fault::new(
        "rcu",
        cpu::spin_in_rcu_reader,
        Mode {
            detector: Detector::RcuStall,
            spins: false,
            ..Mode::SPINS
        },
    ),
    Fault::new("hung", tasks::hang_uninterruptible, Mode::SLEEPS),
    Fault::new(
        "mutex",
        locks::wait_for_mutex,
        Mode {
            team: Team::Twins,
            ..Mode::SLEEPS
        },
    ),
    Fault::new(
        "deadlock",
        locks::spin_on_lock,
        Mode {
            team: Team::Ring,
            ..Mode::SPINS
        },
    ),
    Fault::new(
        "deadlock_irq",
        locks::spin_on_lock_irqs_off,
        Mode {
            team: Team::Ring,
            ..Mode::DEAF
        },
    ),
    Fault::new("self_deadlock", locks::spin_on_own_lock, Mode::DEAF),
    Fault::new(
        "smp_call",
        cpu::call_cpu_that_never_answers,
        Mode {
            team: Team::Ring,
            spins: false,
            atomic: false,
            ..Mode::SPINS
        },
    ),
    Fault::new("workqueue", tasks::flush_stuck_work, Mode::SLEEPS),
    Fault::new(
        "stop_machine",
        cpu::stop_machine_and_spin,
        Mode {
            team: Team::Single,
            deaf: false, // it always affects all CPUs, so the check of `cpus` does not apply
            ..Mode::DEAF
        },
    ),
    Fault::new(
        "panic",
        death::panic_in_thread,
        Mode {
            ends: Ends::Never,
            ..Mode::STRIKES
        },
    ),
    Fault::new(
        "panic_irq",
        death::panic_in_interrupt,
        Mode {
            ends: Ends::Never,
            anywhere: false,
            ..Mode::STRIKES
        },
    ),
    Fault::new(
        "oops",
        death::write_to_null,
        Mode {
            ends: Ends::Death,
            ..Mode::STRIKES
        },
    ),
    Fault::new(
        "bug",
        death::hit_bug,
        Mode {
            ends: Ends::Death,
            ..Mode::STRIKES
        },
    ),
    Fault::new("warn", death::warn_once, Mode::STRIKES),
    Fault::new(
        "stack_overflow",
        death::overflow_stack,
        Mode {
            ends: Ends::Never,
            anywhere: false,
            ..Mode::STRIKES
        },
    ),
    Fault::new(
        "double_free",
        memory::free_twice,
        Mode {
            anywhere: false,
            ..Mode::STRIKES
        },
    ),
    Fault::new(
        "oom",
        memory::exhaust_memory,
        Mode {
            team: Team::Single,
            ends: Ends::Stop,
            detector: Detector::Nothing,
            spins: false,
            atomic: false,
            overlooked: Some(
                "see oom_kill in /proc/vmstat, or this log, for whether memory ran out",
            ),
            ..Mode::SPINS
        },
    ),
];
