// SPDX-License-Identifier: GPL-2.0

//! The detectors that report a fault: the kernel's own, and NMIs from outside. Each detector is one
//! constant: how it is armed, switched off and made to panic, its lines in the kernel log, and the
//! window in which it must report.

use super::class::Class;
use super::window::{self, Window};

/// Something that reports faults.
#[derive(Debug)]
pub struct Detector {
    /// Its word on the command line; `itself` for a fault that reports itself.
    pub name: &'static str,
    /// Its name in texts.
    pub title: &'static str,
    /// The setting with its threshold in seconds, and a drill's value for it.
    pub threshold: Option<(&'static str, u32)>,
    /// Further settings that switch it on.
    pub arms: &'static [Arm],
    /// The setting that switches it off.
    pub off: Option<Arm>,
    /// The settings with which its report panics, and with which it does not.
    pub panics: Option<[Arm; 2]>,
    /// A file with the number of its reports since boot, if the kernel has it.
    pub counter: Option<&'static str>,
    /// Its lines in the kernel log, in which `{cpu}`, `{thread}` and `{pid}` are the culprit's;
    /// empty if the mode has lines of its own.
    pub reports: &'static [&'static str],
    /// The messages of its panic; `{run}` and `{mode}` are those of the fault.
    pub panic: &'static [&'static str],
    /// Whether its report may start the crash kernel without a panic.
    pub skips_panic: bool,
    /// The thread that panics.
    pub panics_in: Who,
    /// Whether the culprit's stack must be in the kernel log. If not, a CPU that does not
    /// answer may have left its stack only in the dump's memory.
    pub shows_culprit: bool,
    /// Its window for a threshold; none if the time of its report is chosen from outside.
    pub window: Option<fn(u32) -> Window>,
    /// What the machine must have for it.
    pub needs: Needs,
    /// The doctor's class of the faults that it reports.
    pub class: Class,
}

/// A setting, a sysctl or a file, and its value.
pub type Arm = (&'static str, &'static str);

/// The thread that panics on the detector's report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Who {
    /// The thread that the fault was injected into.
    Culprit,
    /// Any thread in which the detector runs.
    Anybody,
}

/// What the machine must have for a detector.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Needs {
    Nothing,
    /// A host that sends an NMI, the threshold's time after the fault began.
    Nmi,
    /// A watchdog device, which a program on the faulty CPU feeds until the fault.
    HardwareWatchdog,
}

impl Detector {
    /// The values that most detectors share.
    const PLAIN: Self = Self {
        name: "itself",
        title: "kernel",
        threshold: None,
        arms: &[],
        off: None,
        panics: None,
        counter: None,
        reports: &[],
        panic: &[],
        skips_panic: false,
        panics_in: Who::Culprit,
        shows_culprit: true,
        window: Some(window::at_once),
        needs: Needs::Nothing,
        class: Class::Panic,
    };
}

/// `kernel/watchdog.c`: no other thread gets the CPU.
pub const SOFT_LOCKUP: Detector = Detector {
    name: "soft-lockup",
    title: "soft-lockup watchdog",
    threshold: Some(("kernel.watchdog_thresh", 2)),
    arms: &[("kernel.watchdog", "1"), ("kernel.soft_watchdog", "1")],
    off: Some(("kernel.soft_watchdog", "0")),
    panics: Some([
        ("kernel.softlockup_panic", "1"),
        ("kernel.softlockup_panic", "0"),
    ]),
    counter: Some("/sys/kernel/softlockup_count"),
    reports: &["BUG: soft lockup - CPU#{cpu} stuck for {secs}s! [{task}]"],
    panic: &["softlockup: hung tasks"],
    window: Some(window::soft_lockup),
    class: Class::Soft,
    ..Detector::PLAIN
};

/// `kernel/watchdog_buddy.c` and `kernel/watchdog_perf.c`: the CPU takes no timer interrupt.
pub const HARD_LOCKUP: Detector = Detector {
    name: "hard-lockup",
    title: "hard-lockup watchdog",
    threshold: Some(("kernel.watchdog_thresh", 2)),
    arms: &[("kernel.watchdog", "1"), ("kernel.nmi_watchdog", "1")],
    off: Some(("kernel.nmi_watchdog", "0")),
    panics: Some([
        ("kernel.hardlockup_panic", "1"),
        ("kernel.hardlockup_panic", "0"),
    ]),
    counter: Some("/sys/kernel/hardlockup_count"),
    reports: &["Watchdog detected hard LOCKUP on cpu {cpu}"],
    panic: &["Hard LOCKUP"],
    panics_in: Who::Anybody,
    shows_culprit: false,
    window: Some(window::hard_lockup),
    class: Class::Hard,
    ..Detector::PLAIN
};

/// `kernel/rcu/tree_stall.h`: a grace period does not end.
pub const RCU_STALL: Detector = Detector {
    name: "rcu-stall",
    title: "RCU stall detector",
    threshold: Some(("/sys/module/rcupdate/parameters/rcu_cpu_stall_timeout", 3)),
    arms: &[(
        "/sys/module/rcupdate/parameters/rcu_cpu_stall_suppress",
        "0",
    )],
    off: Some((
        "/sys/module/rcupdate/parameters/rcu_cpu_stall_suppress",
        "1",
    )),
    panics: Some([
        ("kernel.panic_on_rcu_stall", "1"),
        ("kernel.panic_on_rcu_stall", "0"),
    ]),
    counter: Some("/sys/kernel/rcu_stall_count"),
    reports: &[
        "rcu: INFO: rcu_{flavour} self-detected stall on CPU",
        "rcu: INFO: rcu_{flavour} detected stalls on CPUs/tasks:",
        "rcu: INFO: rcu_{flavour} detected expedited stalls on CPUs/tasks:",
    ],
    panic: &["RCU Stall"],
    panics_in: Who::Anybody,
    window: Some(window::rcu_stall),
    class: Class::Rcu,
    ..Detector::PLAIN
};

/// `kernel/hung_task.c`: a task sleeps and cannot be woken.
pub const HUNG_TASK: Detector = Detector {
    name: "hung-task",
    title: "hung-task detector",
    threshold: Some(("kernel.hung_task_timeout_secs", 2)),
    arms: &[
        ("kernel.hung_task_check_interval_secs", "0"),
        ("kernel.hung_task_warnings", "-1"),
    ],
    off: Some(("kernel.hung_task_timeout_secs", "0")),
    panics: Some([
        ("kernel.hung_task_panic", "1"),
        ("kernel.hung_task_panic", "0"),
    ]),
    counter: Some("/proc/sys/kernel/hung_task_detect_count"),
    reports: &["INFO: task {thread}:{pid} blocked for more than {secs} seconds"],
    panic: &["hung_task: blocked tasks"],
    panics_in: Who::Anybody,
    window: Some(window::hung_task),
    class: Class::Hung,
    ..Detector::PLAIN
};

/// `arch/x86/kernel/nmi.c`: an NMI that no handler of the kernel claims, sent by the machine's
/// operator.
pub const NMI: Detector = Detector {
    name: "nmi",
    title: "NMI from outside",
    threshold: Some(("", 2)),
    panics: Some([
        ("kernel.unknown_nmi_panic", "1"),
        ("kernel.unknown_nmi_panic", "0"),
    ]),
    reports: &["Uhhuh. NMI received for unknown reason {reason} on CPU {taker}."],
    panic: &["NMI: Not continuing"],
    panics_in: Who::Anybody,
    shows_culprit: false,
    window: Some(window::nmi),
    needs: Needs::Nmi,
    class: Class::Nmi,
    ..Detector::PLAIN
};

/// The same NMI, sent by a watchdog device that is no longer fed.
pub const HARDWARE_WATCHDOG: Detector = Detector {
    name: "hardware-watchdog",
    title: "NMI of the hardware watchdog",
    threshold: Some(("", 4)),
    window: Some(window::hardware_watchdog),
    needs: Needs::HardwareWatchdog,
    class: Class::HardwareWatchdog,
    ..NMI
};

/// No detector: for a dump that names no fault of faultline's.
pub const UNKNOWN: Detector = Detector {
    name: "unknown",
    title: "detector",
    window: None,
    ..Detector::PLAIN
};

/// A panic that is itself the fault.
pub const PANIC: Detector = Detector {
    panic: &["lockup: run {run}: mode={mode}"],
    ..Detector::PLAIN
};

/// An oops: it kills the thread, and panics if `panic_on_oops` is set or in an interrupt.
pub const OOPS: Detector = Detector {
    title: "kernel's oops",
    panics: Some([("kernel.panic_on_oops", "1"), ("kernel.panic_on_oops", "0")]),
    counter: Some("/sys/kernel/oops_count"),
    panic: &[
        "Fatal exception",
        "Fatal exception in interrupt",
        "Oops: Fatal exception",
    ],
    skips_panic: true,
    class: Class::Oops,
    ..Detector::PLAIN
};

/// A stack overflow into the guard page, which always panics.
pub const STACK_END: Detector = Detector {
    title: "kernel's guard page",
    panics: None,
    counter: None,
    panic: &[
        "Fatal exception in interrupt",
        "Fatal exception",
        "kernel stack overflow",
    ],
    class: Class::Panic,
    ..OOPS
};

/// `kernel/panic.c`: a `WARN()`.
pub const WARNING: Detector = Detector {
    title: "kernel's warning",
    panics: Some([("kernel.panic_on_warn", "1"), ("kernel.panic_on_warn", "0")]),
    counter: Some("/sys/kernel/warn_count"),
    panic: &["kernel: panic_on_warn set ..."],
    class: Class::Warning,
    ..Detector::PLAIN
};

/// `mm/oom_kill.c`: no memory is left.
pub const OUT_OF_MEMORY: Detector = Detector {
    title: "OOM killer",
    panics: Some([("vm.panic_on_oom", "1"), ("vm.panic_on_oom", "0")]),
    panic: &["Out of memory: {kind} panic_on_oom is enabled"],
    panics_in: Who::Anybody,
    window: Some(window::out_of_memory),
    class: Class::Oom,
    ..Detector::PLAIN
};

impl Detector {
    /// Returns whether it is one of the lockup detectors of `kernel/watchdog.c`.
    pub fn is_watchdog(&self) -> bool {
        self.threshold_word() == Some("watchdog_thresh")
    }

    /// Returns the bare name of its threshold, as in `watchdog_thresh=2`.
    pub fn threshold_word(&self) -> Option<&'static str> {
        let (key, _) = self.threshold?;
        match key.rsplit(['.', '/']).next() {
            Some("") | None => None,
            word => word,
        }
    }

    /// Returns its window for a threshold, which is ignored if the detector has none.
    pub fn window(&self, threshold: Option<u32>) -> Option<Window> {
        let window = self.window?;
        match (self.threshold, threshold) {
            (None, _) => Some(window(0)),
            (Some(_), threshold) => threshold.map(window),
        }
    }
}
