// SPDX-License-Identifier: GPL-2.0

//! The faults that a drill can provoke. A mode is one row of [`MODES`]; the rest of the program
//! reads the row and knows no mode by its name.

use super::detector::{self, Detector};

/// A fault, the detectors that report it, and what a dump shows of it.
#[derive(Debug)]
pub struct Mode {
    /// Its word in the module's parameter `mode=`.
    pub name: &'static str,
    /// Its name in texts.
    pub title: &'static str,
    /// The module that provokes it, named as in a stack trace.
    pub module: &'static str,
    /// The name of its thread; `{cpu}` stands for the CPU.
    pub thread: &'static str,
    /// The name of a second thread on the same CPU.
    pub twin: Option<&'static str>,
    /// Whether it takes two or more CPUs, and by default the first two.
    pub takes_two: bool,
    /// Whether nothing else runs on its CPU meanwhile, except interrupts if they are on.
    pub keeps_cpu: bool,
    /// What its thread does.
    pub doing: &'static str,
    /// The module's function on the stack of its thread.
    pub function: &'static str,
    /// The detectors that can report it, its usual one first.
    pub detectors: &'static [&'static Detector],
    /// The kernel's messages on it, if the detector has no lines of its own.
    pub reports: &'static [&'static str],
    /// What a dump must show besides the culprit's stack.
    pub proofs: &'static [Proof],
    /// The module's parameters that it needs.
    pub parameters: &'static [(&'static str, &'static str)],
    /// The settings that make its reports complete.
    pub settings: &'static [(&'static str, &'static str)],
}

/// What a dump must show besides the culprit's stack.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Proof {
    /// A circle of threads, each of which holds a lock and wants that of the next.
    Locks,
    /// All threads of the fault, each with the mode's function on its stack.
    Everybody,
    /// The culprit sleeps and cannot be woken.
    Uninterruptible,
    /// An interrupt called the culprit's function.
    Interrupt,
    /// A function of the kernel (a part of its name) on the culprit's stack.
    Through(&'static str),
    /// Another function of the module, on the stack of any thread.
    Elsewhere(&'static str),
}

const LOCKUP: Mode = Mode {
    name: "soft",
    title: "soft lockup",
    module: "lockup",
    thread: "lockup/{cpu}",
    twin: None,
    takes_two: false,
    keeps_cpu: true,
    doing: "spins with preemption off",
    function: "spin_preemption_off",
    detectors: SOFT,
    reports: &[],
    proofs: &[],
    parameters: &[],
    settings: &[],
};

/// The detectors of a CPU that takes interrupts but runs no other thread.
const SOFT: &[&Detector] = &[
    &detector::SOFT_LOCKUP,
    &detector::RCU_STALL,
    &detector::NMI,
    &detector::HARDWARE_WATCHDOG,
];
/// The detectors of a CPU that takes nothing but an NMI.
const HARD: &[&Detector] = &[
    &detector::HARD_LOCKUP,
    &detector::RCU_STALL,
    &detector::NMI,
    &detector::HARDWARE_WATCHDOG,
];
const STUCK: &[&Detector] = &[&detector::HUNG_TASK, &detector::NMI];
const FORCED: &[(&str, &str)] = &[("force", "1")];
const ALL_STACKS: (&str, &str) = ("kernel.softlockup_all_cpu_backtrace", "1");

/// Every mode.
pub const MODES: &[Mode] = &[
    LOCKUP,
    Mode {
        name: "spin",
        title: "spinning thread",
        doing: "spins, and may be preempted",
        function: "spin_preemptible",
        keeps_cpu: false,
        ..LOCKUP
    },
    Mode {
        name: "softirq",
        title: "soft lockup with bottom halves off",
        doing: "spins with bottom halves off",
        function: "spin_softirqs_off",
        ..LOCKUP
    },
    Mode {
        name: "hard",
        title: "hard lockup",
        doing: "spins with interrupts off",
        function: "spin_interrupts_off",
        detectors: HARD,
        ..LOCKUP
    },
    Mode {
        name: "irq",
        title: "stuck interrupt handler",
        doing: "is interrupted by a handler that spins",
        function: "spin_in_interrupt",
        detectors: HARD,
        proofs: &[Proof::Interrupt],
        ..LOCKUP
    },
    Mode {
        name: "rcu",
        title: "RCU stall",
        doing: "spins in an RCU read-side section",
        function: "spin_in_rcu_reader",
        keeps_cpu: false,
        detectors: &[&detector::RCU_STALL],
        ..LOCKUP
    },
    Mode {
        name: "hung",
        title: "hung task",
        doing: "sleeps uninterruptibly",
        function: "hang_uninterruptible",
        keeps_cpu: false,
        detectors: STUCK,
        proofs: &[Proof::Uninterruptible],
        ..LOCKUP
    },
    Mode {
        name: "mutex",
        title: "deadlock of two mutexes",
        doing: "waits for a mutex whose owner waits for its own",
        function: "wait_for_mutex",
        keeps_cpu: false,
        detectors: STUCK,
        twin: Some("lockup/{cpu}.b"),
        proofs: &[Proof::Uninterruptible, Proof::Locks, Proof::Everybody],
        ..LOCKUP
    },
    Mode {
        name: "deadlock",
        takes_two: true,
        title: "deadlock of two spinlocks",
        doing: "spins for a lock whose owner wants its own",
        function: "spin_on_lock",
        proofs: &[Proof::Locks, Proof::Everybody],
        settings: &[ALL_STACKS],
        ..LOCKUP
    },
    Mode {
        name: "deadlock_irq",
        takes_two: true,
        title: "deadlock of two spinlocks with interrupts off",
        doing: "spins with interrupts off for a lock whose owner wants its own",
        function: "spin_on_lock_irqs_off",
        detectors: HARD,
        proofs: &[Proof::Locks, Proof::Everybody],
        settings: &[("kernel.hardlockup_all_cpu_backtrace", "1")],
        ..LOCKUP
    },
    Mode {
        name: "self_deadlock",
        title: "deadlock with oneself",
        doing: "is interrupted by a handler that wants its spinlock",
        function: "spin_on_own_lock",
        detectors: HARD,
        proofs: &[Proof::Locks, Proof::Interrupt],
        ..LOCKUP
    },
    Mode {
        name: "smp_call",
        takes_two: true,
        title: "call to a CPU that never answers",
        doing: "waits for a CPU that never answers",
        function: "call_cpu_that_never_answers",
        proofs: &[
            Proof::Through("smp_call_function_single"),
            Proof::Elsewhere("never_answer"),
        ],
        settings: &[ALL_STACKS],
        ..LOCKUP
    },
    Mode {
        name: "workqueue",
        title: "stuck worker",
        doing: "waits for a worker that never returns",
        function: "flush_stuck_work",
        keeps_cpu: false,
        detectors: STUCK,
        proofs: &[Proof::Uninterruptible, Proof::Through("__flush_work")],
        ..LOCKUP
    },
    Mode {
        name: "stop_machine",
        title: "stopped machine",
        thread: "migration/{cpu}",
        doing: "spins while all CPUs are stopped",
        function: "spin_with_machine_stopped",
        detectors: &[&detector::NMI, &detector::HARDWARE_WATCHDOG],
        ..LOCKUP
    },
    Mode {
        name: "panic",
        title: "panic in a thread",
        doing: "panics",
        function: "panic_in_thread",
        detectors: &[&detector::PANIC],
        parameters: FORCED,
        ..LOCKUP
    },
    Mode {
        name: "panic_irq",
        title: "panic in an interrupt",
        doing: "is interrupted by a handler that panics",
        function: "panic_in_interrupt",
        detectors: &[&detector::PANIC],
        proofs: &[Proof::Interrupt],
        parameters: FORCED,
        ..LOCKUP
    },
    Mode {
        name: "oops",
        title: "oops",
        doing: "writes to address 0",
        function: "write_to_null",
        detectors: &[&detector::OOPS],
        reports: &[
            "BUG: kernel NULL pointer dereference, address: {address}",
            "Unable to handle kernel NULL pointer dereference at virtual address {address}",
        ],
        ..LOCKUP
    },
    Mode {
        name: "bug",
        title: "BUG()",
        doing: "calls BUG()",
        function: "hit_bug",
        detectors: &[&detector::OOPS],
        reports: &["kernel BUG at {place}"],
        ..LOCKUP
    },
    Mode {
        name: "warn",
        title: "warning",
        doing: "warns",
        function: "warn_once",
        detectors: &[&detector::WARNING],
        reports: &["WARNING: {place}"],
        ..LOCKUP
    },
    Mode {
        name: "stack_overflow",
        title: "stack overflow",
        doing: "calls itself until its stack ends",
        function: "recurse",
        detectors: &[&detector::STACK_END],
        reports: &[
            "BUG: TASK stack guard page was hit at {address}",
            "Oops: stack guard page: {code}",
            "Insufficient stack space to handle exception!",
        ],
        parameters: FORCED,
        ..LOCKUP
    },
    Mode {
        name: "double_free",
        title: "double free",
        doing: "frees an object twice",
        function: "free_twice",
        detectors: &[&detector::WARNING],
        reports: &["BUG faultline_free_twice {taint}: Object already free"],
        ..LOCKUP
    },
    Mode {
        name: "oom",
        title: "memory that runs out",
        doing: "takes all memory",
        function: "exhaust_memory",
        keeps_cpu: false,
        detectors: &[&detector::OUT_OF_MEMORY],
        reports: &["{thread} invoked oom-killer"],
        // More than a VM for drills has.
        parameters: &[("limit_mib", "65536"), ("force", "1")],
        ..LOCKUP
    },
];

/// The mode of a dump that names no fault of faultline's.
pub const UNKNOWN: Mode = Mode {
    name: "unknown",
    title: "fault",
    doing: "",
    function: "",
    detectors: &[&detector::UNKNOWN],
    ..LOCKUP
};

/// Returns the mode of that name.
pub fn find(name: &str) -> Option<&'static Mode> {
    MODES.iter().find(|mode| mode.name == name)
}

impl std::str::FromStr for &'static Mode {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let names: Vec<_> = MODES.iter().map(|mode| mode.name).collect();
        find(name).ok_or_else(|| format!("no such mode; allowed: {}", names.join(", ")))
    }
}
