// SPDX-License-Identifier: GPL-2.0

//! Whether the kernel's detectors exist, are switched on, and are armed on every CPU.

use crate::cpu_list::{self, in_ranges};
use crate::doctor::check::Check;
use crate::doctor::checks::panics::{cause, set, COMMAND_LINE};
use crate::doctor::facts::Facts;
use crate::doctor::finding::{Finding, Link, State};
use crate::fault::class::{Class, Classes};
use crate::system::{sysctl_path, Seen};
use crate::verdict::stage::Stage;

const WATCHED: Classes = Classes::of(&[Class::Soft, Class::Hard]);

pub const CHECKS: &[Check] = &[
    Check {
        name: "soft_watchdog",
        reads: "/proc/sys/kernel/watchdog, soft_watchdog",
        why: "it detects that a CPU runs no other thread",
        mend: "kernel.watchdog = 1, kernel.soft_watchdog = 1; no nowatchdog, nosoftlockup on the command line",
        run: soft_watchdog,
    },
    Check {
        name: "hard_watchdog",
        reads: "/proc/sys/kernel/nmi_watchdog, the kernel log, /sys/bus/event_source/devices, the kernel's configuration",
        why: "it detects that a CPU takes no interrupt; it needs a counter of the PMU, which most virtual machines lack, or a kernel with the buddy detector",
        mend: "kernel.nmi_watchdog = 1; give the virtual machine a PMU",
        run: hard_watchdog,
    },
    Check {
        name: "watchdog_thresh",
        reads: "/proc/sys/kernel/watchdog_thresh",
        why: "0 stops both watchdogs, while kernel.watchdog is still 1",
        mend: "kernel.watchdog_thresh = 10",
        run: watchdog_thresh,
    },
    Check {
        name: "watchdog_cpumask",
        reads: "/proc/sys/kernel/watchdog_cpumask, /sys/devices/system/cpu/online, nohz_full",
        why: "a CPU outside of the mask is not watched; CPUs of nohz_full= are left out",
        mend: "set kernel.watchdog_cpumask to all CPUs",
        run: watchdog_cpumask,
    },
    Check {
        name: "hung_task_timeout",
        reads: "/proc/sys/kernel/hung_task_timeout_secs, hung_task_check_count",
        why: "0 switches the hung-task detector off",
        mend: "kernel.hung_task_timeout_secs = 120",
        run: hung_task_timeout,
    },
    Check {
        name: "hung_task_died",
        reads: "/proc/sys/kernel/tainted",
        why: "after an oops (taint D) the kernel no longer checks for hung tasks",
        mend: "reboot",
        run: hung_task_died,
    },
    Check {
        name: "hung_task_warnings",
        reads: "/proc/sys/kernel/hung_task_warnings",
        why: "at 0 hung tasks are no longer reported; with hung_task_panic they still panic",
        mend: "kernel.hung_task_warnings = -1",
        run: hung_task_warnings,
    },
    Check {
        name: "rcu_stall_suppress",
        reads: "/sys/module/rcupdate/parameters/rcu_cpu_stall_suppress",
        why: "any other value than 0 suppresses the reports of RCU stalls",
        mend: "echo 0 > /sys/module/rcupdate/parameters/rcu_cpu_stall_suppress",
        run: rcu_stall_suppress,
    },
];

/// Checks a setting of a detector that must not be 0; `off` says what 0 means.
fn setting(
    facts: &Facts,
    sysctl: &str,
    classes: impl Into<Classes>,
    off: &str,
    want: &str,
) -> Finding {
    let (value, path, classes) = (
        facts.system.sysctl(sysctl),
        sysctl_path(sysctl),
        classes.into(),
    );
    let link = Link::Detector;
    let finding = match value.as_ref().map(|text| text.parse::<u64>()) {
        Seen::Is(Ok(0)) => set(
            Finding::wrong(
                classes,
                link,
                Stage::NotDetected,
                format!("{sysctl} is 0: {off}"),
            ),
            sysctl,
            want,
        ),
        Seen::Is(Ok(number)) => Finding::fine(classes, link, format!("{sysctl} is {number}")),
        Seen::Is(Err(_)) => Finding::unknown(classes, link, format!("{sysctl} is not a number")),
        Seen::Absent => {
            let says = format!("this kernel has no {sysctl}: the detector is not built in");
            Finding::wrong(classes, link, Stage::NotDetected, says)
        }
        Seen::Unseen(why) => {
            Finding::unknown(classes, link, format!("cannot read {sysctl}: {why}"))
        }
    };
    cause(facts, finding.seen(&path, &value), sysctl)
}

/// Adds the words of the command line that switch a detector off, as evidence.
fn with_words(facts: &Facts, mut finding: Finding, words: &[&str]) -> Finding {
    let Seen::Is(command_line) = &facts.command_line else {
        return finding;
    };
    if finding.state == State::Wrong {
        for word in command_line.words().filter(|word| words.contains(word)) {
            if finding
                .evidence
                .iter()
                .any(|line| line.place == COMMAND_LINE && line.text == word)
            {
                continue;
            }
            finding = finding.evidence(COMMAND_LINE, word).mend(format!(
                "# and remove {word} from the kernel's command line"
            ));
        }
    }
    finding
}

fn soft_watchdog(facts: &Facts) -> Vec<Finding> {
    let of = |sysctl, classes: Classes, words: &[&str]| {
        let off = "nothing is watched";
        with_words(facts, setting(facts, sysctl, classes, off, "1"), words)
    };
    vec![
        of("kernel.watchdog", WATCHED, &["nowatchdog"]),
        of(
            "kernel.soft_watchdog",
            Class::Soft.into(),
            &["nowatchdog", "nosoftlockup"],
        ),
    ]
}

fn hard_watchdog(facts: &Facts) -> Vec<Finding> {
    const SYSCTL: &str = "kernel.nmi_watchdog";
    let finding = setting(facts, SYSCTL, Class::Hard, "no CPU is watched", "1");
    let (config, is_buddy) = facts.kernel_option("CONFIG_HARDLOCKUP_DETECTOR_BUDDY");
    if let Seen::Is(_) = is_buddy {
        let finding = with_words(facts, finding, &["nowatchdog", "nmi_watchdog=0"]);
        return vec![finding.evidence(config, "CONFIG_HARDLOCKUP_DETECTOR_BUDDY=y")];
    }
    let (config, detector) = facts.kernel_option("CONFIG_HARDLOCKUP_DETECTOR");
    let wrong = |says: &str| Finding::wrong(Class::Hard, Link::Detector, Stage::NotDetected, says);
    if detector == Seen::Absent {
        let says = "this kernel was built without the hard-lockup detector";
        return vec![wrong(says).evidence(config, "CONFIG_HARDLOCKUP_DETECTOR is not set")];
    }
    const GIVEN_UP: &[&str] = &[
        "Perf NMI watchdog permanently disabled",
        "Hard watchdog permanently disabled",
        "NMI watchdog: disabled (cpu0): hardware events not enabled",
    ];
    let said = GIVEN_UP.iter().map(|text| facts.logged(text));
    let said = said
        .reduce(|one, other| one.or_else(|| other))
        .unwrap_or(Seen::Absent);
    let instead = |finding: Finding| {
        finding
            .mend("# give the virtual machine a PMU (libvirt: <pmu state='on'/>, QEMU: -cpu host,pmu=on)")
            .mend("# or rely on kernel.panic_on_rcu_stall=1, or on an NMI from outside")
    };
    if let Seen::Is(line) = said {
        let finding = wrong("the hard-lockup detector found no PMU: a hard lockup goes undetected");
        return vec![instead(finding.evidence("the kernel log", line))
            .seen(&sysctl_path(SYSCTL), &facts.system.sysctl(SYSCTL))];
    }
    const PMU: &str = "/sys/bus/event_source/devices/cpu";
    let pmu = facts.system.list("/sys/bus/event_source/devices");
    let is_pmu = |name: &String| name.starts_with("cpu") || name.starts_with("armv");
    match pmu {
        Seen::Is(names) if !names.iter().any(is_pmu) => {
            let finding = wrong("the hard-lockup detector needs a PMU, and there is none");
            vec![instead(finding.evidence(PMU, "(not there)"))]
        }
        // The watchdog may be off now, but can be switched on.
        _ => vec![with_words(
            facts,
            finding,
            &["nowatchdog", "nmi_watchdog=0"],
        )],
    }
}

fn watchdog_thresh(facts: &Facts) -> Vec<Finding> {
    vec![setting(
        facts,
        "kernel.watchdog_thresh",
        WATCHED,
        "both watchdogs are stopped",
        "10",
    )]
}

fn watchdog_cpumask(facts: &Facts) -> Vec<Finding> {
    const SYSCTL: &str = "kernel.watchdog_cpumask";
    let unknown = |why: &str| {
        let says = format!("cannot tell which CPUs are watched: {why}");
        vec![Finding::unknown(WATCHED, Link::Detector, says)]
    };
    let (mask, path) = (facts.system.sysctl(SYSCTL), sysctl_path(SYSCTL));
    let watched = match mask.as_ref().map(|text| cpu_list::parse(text)) {
        Seen::Is(Some(cpus)) => cpus,
        Seen::Is(None) => return unknown("watchdog_cpumask is not a list of CPUs"),
        // Then there is no watchdog either, which is a finding of other checks.
        Seen::Absent => return Vec::new(),
        Seen::Unseen(why) => return unknown(&why),
    };
    let online = match facts.online() {
        Seen::Is(cpus) if !cpus.is_empty() => cpus,
        Seen::Unseen(why) => return unknown(&why),
        _ => return unknown("there is no list of online CPUs"),
    };
    let left_out: Vec<_> = online
        .iter()
        .copied()
        .filter(|cpu| !watched.contains(cpu))
        .collect();
    if left_out.is_empty() {
        let finding = Finding::fine(WATCHED, Link::Detector, "every online CPU is watched");
        return vec![finding.seen(&path, &mask)];
    }
    let nohz = facts.system.text("/sys/devices/system/cpu/nohz_full").is();
    let nohz = nohz
        .and_then(|text| cpu_list::parse(&text))
        .unwrap_or_default();
    let by_nohz = left_out.iter().all(|cpu| nohz.contains(cpu));
    let because = if by_nohz {
        " because they run without a tick (nohz_full)"
    } else {
        ""
    };
    let (cpus, are) = match left_out.len() {
        1 => ("CPU", "is"),
        _ => ("CPUs", "are"),
    };
    let says = format!(
        "{cpus} {} {are} not watched{because}: a lockup there goes undetected",
        in_ranges(&left_out)
    );
    let finding = Finding::wrong(WATCHED, Link::Detector, Stage::NotDetected, says)
        .seen(&path, &mask)
        .evidence("/sys/devices/system/cpu/online", in_ranges(&online));
    vec![set(finding, SYSCTL, &in_ranges(&online))]
}

fn hung_task_timeout(facts: &Facts) -> Vec<Finding> {
    const SYSCTL: &str = "kernel.hung_task_timeout_secs";
    let mut found = vec![setting(
        facts,
        SYSCTL,
        Class::Hung,
        "hung tasks are not checked for",
        "120",
    )];
    let count = facts.system.sysctl("kernel.hung_task_check_count");
    if let Seen::Is(Ok(0)) = count.as_ref().map(|text| text.parse::<u64>()) {
        let says = "kernel.hung_task_check_count is 0: no task is checked";
        let finding = Finding::wrong(Class::Hung, Link::Detector, Stage::NotDetected, says);
        let finding = finding.seen(&sysctl_path("kernel.hung_task_check_count"), &count);
        found.push(set(finding, "kernel.hung_task_check_count", "4194304"));
    }
    found
}

fn hung_task_died(facts: &Facts) -> Vec<Finding> {
    const DIE: u64 = 1 << 7;
    let tainted = facts.system.sysctl("kernel.tainted");
    let finding = match tainted.as_ref().map(|text| text.parse::<u64>()) {
        Seen::Is(Ok(taints)) if taints & DIE != 0 => {
            let says = "an oops happened (taint D): the kernel no longer checks for hung tasks";
            Finding::wrong(Class::Hung, Link::Detector, Stage::NotDetected, says)
                .mend("# reboot: only this removes the taint")
        }
        Seen::Is(Ok(_)) => Finding::fine(Class::Hung, Link::Detector, "no oops happened"),
        Seen::Unseen(why) => Finding::unknown(
            Class::Hung,
            Link::Detector,
            format!("cannot tell whether an oops happened: {why}"),
        ),
        _ => Finding::unknown(
            Class::Hung,
            Link::Detector,
            "kernel.tainted is not a number",
        ),
    };
    vec![finding.seen(&sysctl_path("kernel.tainted"), &tainted)]
}

fn hung_task_warnings(facts: &Facts) -> Vec<Finding> {
    let warnings = facts.system.sysctl("kernel.hung_task_warnings");
    let panics = facts.system.sysctl("kernel.hung_task_panic").is();
    let finding = match (&warnings, panics.as_deref()) {
        (Seen::Is(left), Some("0")) if left == "0" => Finding::wrong(
            Class::Hung,
            Link::Detector,
            Stage::NotDetected,
            "kernel.hung_task_warnings is 0: hung tasks are no longer reported",
        ),
        (Seen::Is(left), _) if left == "0" => Finding::note(
            Class::Hung,
            Link::Detector,
            "kernel.hung_task_warnings is 0: hung tasks are no longer reported, except the one that panics",
        ),
        _ => return Vec::new(),
    };
    let finding = finding.seen(&sysctl_path("kernel.hung_task_warnings"), &warnings);
    vec![set(finding, "kernel.hung_task_warnings", "-1")]
}

fn rcu_stall_suppress(facts: &Facts) -> Vec<Finding> {
    const FILE: &str = "/sys/module/rcupdate/parameters/rcu_cpu_stall_suppress";
    let value = facts.system.text(FILE);
    let finding = match value.as_ref().map(|text| text.trim().parse::<i64>()) {
        Seen::Is(Ok(0)) => Finding::fine(Class::Rcu, Link::Detector, "RCU stalls are reported"),
        Seen::Is(Ok(_)) => {
            let says = "the reports of RCU stalls are suppressed";
            Finding::wrong(Class::Rcu, Link::Detector, Stage::NotDetected, says)
                .mend(format!("echo 0 > {FILE}"))
                .mend("# and remove rcupdate.rcu_cpu_stall_suppress from the kernel's command line")
        }
        Seen::Is(Err(_)) => Finding::unknown(
            Class::Rcu,
            Link::Detector,
            "rcu_cpu_stall_suppress is not a number",
        ),
        Seen::Absent => Finding::unknown(
            Class::Rcu,
            Link::Detector,
            "this kernel has no rcu_cpu_stall_suppress",
        ),
        Seen::Unseen(why) => Finding::unknown(
            Class::Rcu,
            Link::Detector,
            format!("cannot tell whether RCU stalls are reported: {why}"),
        ),
    };
    vec![finding.seen(FILE, &value)]
}

#[cfg(test)]
mod tests;
