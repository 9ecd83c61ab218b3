// SPDX-License-Identifier: GPL-2.0

//! The checks of the kernel log: the panic, the report before it, its thread and CPU, and the
//! latency of the detection.

use super::check::{
    check, or_none, skipped, unknown, Check, CAUSE, CPU, LATENCY, RUN_ID, THREAD, THRESHOLD,
};
use super::expected::Latency;
use super::facts::{thread_of, Facts};
use crate::cpu_list;
use crate::fault::detector::Who;
use crate::fault::mode;
use crate::klog::stack::Stack;

/// Limit on the time from a report to its panic: a report shows the stacks of all CPUs, and waits
/// 10 s for a CPU that does not answer.
const REPORT_LASTS_SECS: f64 = 15.0;
/// The same for a fault that always panics.
const OOPS_LASTS_SECS: f64 = 3.0;

impl Facts<'_> {
    /// Returns the checks of the kernel log.
    pub fn by_log(&self, latency: Option<&Latency>) -> Vec<Check> {
        if self.case.mode.name == mode::UNKNOWN.name {
            return vec![self.cause()];
        }
        let mut checks = vec![
            self.cause(),
            self.log_thread(),
            self.log_cpu(),
            self.run_id(),
        ];
        checks.extend(self.stacks("log", &self.story.stacks));
        checks.extend(self.insisted_threshold());
        checks.push(self.check_latency(latency));
        checks
    }

    /// Checks that the detector panicked right after its report, while the fault was active.
    fn cause(&self) -> Check {
        let message = self.panic.map(|panic| panic.message.clone());
        let is_right = message
            .as_deref()
            .is_some_and(|message| self.is_panic(message));
        let (ok, when) = match self.begin {
            _ if self.panic.is_none() => (false, "nothing panicked".into()),
            None if self.story.announced.is_some() && self.story.begins.is_empty() => {
                (false, self.no_begin())
            }
            _ if !self.is_reported() => (false, self.no_report()),
            Some(begin) => match self.over() {
                Some(over) => (false, format!("after mode={}: {over}", begin.mode)),
                None => (self.is_mode(), format!("after mode={}", begin.mode)),
            },
            None if is_right && self.is_begin_lost() => {
                return unknown(
                    CAUSE,
                    "log",
                    format!("panic '{}': {}", or_none(message), self.lost()),
                );
            }
            None => (false, self.no_begin()),
        };
        let found = format!("panic '{}', {when}", or_none(message));
        check(CAUSE, "log", ok && is_right, found, self.wanted_cause())
    }

    /// Returns whether the panic came of a report of this fault, one of those made together right
    /// before it.
    fn is_reported(&self) -> bool {
        if self.case.reports().is_empty() {
            return true;
        }
        let lasts = match self.case.is_self_reported() {
            true => OOPS_LASTS_SECS,
            false => REPORT_LASTS_SECS,
        };
        let reports = self.story.last_reports();
        let times = reports.last().and_then(|last| last.time);
        let panicked = self.panic.and_then(|panic| panic.time);
        let is_old = times
            .zip(panicked)
            .is_some_and(|(reported, panicked)| panicked - reported > lasts);
        !is_old && reports.iter().any(|report| self.is_about_us(report))
    }

    /// Describes what the log has instead of a report of this fault.
    fn no_report(&self) -> String {
        let title = self.case.detector.title;
        let last = self.story.last_reports().last();
        match (last, last.is_some_and(|last| self.is_about_us(last))) {
            (None, _) => format!("no report of the {title}"),
            (Some(_), true) => format!("long after the report of the {title}"),
            (Some(last), false) => {
                let about = last.thread.clone().unwrap_or_else(|| {
                    last.cpu
                        .map_or("another".into(), |cpu| format!("CPU {cpu}"))
                });
                format!("the {title} reported {about}")
            }
        }
    }

    /// Describes why there is no begin.
    fn no_begin(&self) -> String {
        if !self.story.begins.is_empty() {
            return "faultline began no fault on that CPU".into();
        }
        match &self.story.announced {
            Some(plan) => format!("mode={} was planned but had not begun", plan.mode),
            None if self.is_begin_lost() => self.lost(),
            None => "no fault of faultline's in this log".into(),
        }
    }

    fn wanted_cause(&self) -> String {
        if self.case.mode.name == mode::UNKNOWN.name {
            return "a panic of a fault that the module lockup began".into();
        }
        format!(
            "panic '{}', while mode={} is active",
            self.panics().join("' or '"),
            self.case.mode.name
        )
    }

    fn log_thread(&self) -> Check {
        let wanted = self.thread();
        let panicked = self.panic.and_then(|panic| panic.stack.as_ref());
        let reports = self.story.last_reports().iter();
        let reported: Vec<_> = reports
            .filter_map(|found| found.thread.as_deref())
            .collect();
        let named = |stack: &Stack| format!("{} (PID {})", stack.thread, stack.pid);
        let is_ours = |stack: &&Stack| stack.thread == wanted;
        let shown = self.story.stacks.iter().find(is_ours);
        let wrong = |found: String| check(THREAD, "log", false, found, wanted.clone());
        if !reported.is_empty() && !reported.iter().any(|thread| self.is_our_thread(thread)) {
            return wrong(format!("{} reported", reported.join(", ")));
        }
        if let Some(stranger) = panicked.filter(|stack| self.is_stranger(stack)) {
            return wrong(named(stranger));
        }
        match self.case.detector.panics_in {
            Who::Culprit if self.panic.is_some() => {
                let ok = panicked.is_some_and(|stack| stack.thread == wanted);
                check(THREAD, "log", ok, or_none(panicked.map(named)), wanted)
            }
            _ if reported.is_empty() && self.is_silent(&self.story.stacks) => {
                skipped(THREAD, "log", self.silent())
            }
            _ => {
                let ok = shown.is_some() || !reported.is_empty();
                let found = shown
                    .map(named)
                    .or(reported.first().map(|thread| thread.to_string()));
                check(THREAD, "log", ok, or_none(found), wanted)
            }
        }
    }

    /// Returns whether this ran on a CPU that a fault kept for itself.
    fn is_stranger(&self, stack: &Stack) -> bool {
        let mut begins = self.story.begins.iter();
        self.case.mode.keeps_cpu
            && begins.any(|begin| {
                Some(begin.cpu) == stack.cpu
                    && stack.thread != thread_of(self.case, Some(begin.cpu))
            })
    }

    fn log_cpu(&self) -> Check {
        if self.is_begin_lost() {
            let found = self.cpu.map_or("?".into(), |cpu| cpu.to_string());
            return unknown(CPU, "log", format!("CPU {found}: {}", self.lost()));
        }
        let announced = self.story.announced.as_ref();
        let cpus = self
            .expected
            .cpus
            .as_deref()
            .or(announced.map(|announced| announced.cpus.as_str()));
        // Without its plan, the begin of a fault still names its CPU.
        let is_in = |cpu| cpus.is_none_or(|cpus| cpu_list::has(cpus, cpu));
        let ok = self.cpu.is_some_and(is_in) && self.begin.is_some();
        let found = self.cpu.map(|cpu| match self.begin {
            Some(_) => format!("CPU {cpu}"),
            None => format!("CPU {cpu}, where nothing was injected"),
        });
        let wanted = format!("CPU {}", cpus.unwrap_or("of an injection"));
        check(CPU, "log", ok, or_none(found), wanted)
    }

    fn run_id(&self) -> Check {
        let announced = self.story.announced.as_ref();
        let found = self
            .begin
            .map(|begin| begin.run_id.clone())
            .or(announced.map(|announced| announced.run_id.clone()));
        match (&self.expected.run_id, self.begin) {
            (_, None) if self.is_begin_lost() => unknown(RUN_ID, "log", self.lost()),
            (Some(wanted), _) => {
                let ok = found.as_ref() == Some(wanted);
                check(RUN_ID, "log", ok, or_none(found), wanted)
            }
            (None, Some(begin)) => {
                let reason = format!("{}; no --run-id to compare with", begin.run_id);
                skipped(RUN_ID, "log", reason)
            }
            (None, None) => check(RUN_ID, "log", false, "none", "a run id"),
        }
    }

    /// Compares the user's threshold with the one in the log.
    fn insisted_threshold(&self) -> Option<Check> {
        let wanted = self.expected.threshold.filter(|_| self.expected.insists)?;
        let found = self.threshold()?;
        let told = |secs| format!("{secs} s");
        let ok = found == wanted;
        Some(check(THRESHOLD, "log", ok, told(found), told(wanted)))
    }

    fn check_latency(&self, latency: Option<&Latency>) -> Check {
        match latency {
            None if self.is_begin_lost() => unknown(LATENCY, "log", self.lost()),
            None => self.no_latency(),
            Some(Latency {
                secs, window: None, ..
            }) => {
                let known = self.case.detector.threshold_word();
                let why = match known
                    .zip(self.begin)
                    .map(|(word, begin)| begin.numbers.get(word))
                {
                    Some(Some(0)) => "the threshold at the begin was 0: off",
                    Some(None) => "the threshold is unknown: it is not in the begin's line",
                    None => "the threshold is unknown",
                    Some(Some(_)) => "the window is unknown",
                };
                skipped(LATENCY, "log", format!("{secs:.1} s; {why}"))
            }
            Some(Latency {
                secs,
                window: Some(window),
                ..
            }) => {
                let wanted = format!("{window}, +/- {:.0} s", window.tolerance_secs);
                let found = format!("{secs:.1} s");
                check(LATENCY, "log", window.contains(*secs), found, wanted)
            }
        }
    }

    /// Describes why there is no latency: no report, or no report with a time.
    fn no_latency(&self) -> Check {
        let is_untimed = self.begin.is_some_and(|begin| begin.time.is_none())
            && (self.detection.is_some() || self.case.reports().is_empty());
        if is_untimed {
            return skipped(
                LATENCY,
                "log",
                "its lines have no time stamps of the kernel",
            );
        }
        check(
            LATENCY,
            "log",
            false,
            "no time from a fault to a report",
            "a time",
        )
    }
}
