// SPDX-License-Identifier: GPL-2.0

//! The facts of one fault in a kernel log: the injection, its report, the panic. The checks test
//! these.

use super::expected::Expected;
use crate::fault::case::Case;
use crate::fault::detector::Who;
use crate::fault::window::Window;
use crate::klog::message::{Begin, Detection};
use crate::klog::story::{Panic, Story};
use crate::template;

/// The facts of one fault in a kernel log: the injection, its report, the panic.
pub struct Facts<'a> {
    pub expected: &'a Expected,
    pub case: Case,
    pub story: &'a Story,
    /// The CPU of the fault.
    pub cpu: Option<u32>,
    pub begin: Option<&'a Begin>,
    pub detection: Option<&'a Detection>,
    pub panic: Option<&'a Panic>,
}

impl<'a> Facts<'a> {
    pub fn new(expected: &'a Expected, story: &'a Story) -> Self {
        let case = expected.case;
        let panic = story.panic.as_ref();
        let panicked = panic.and_then(|panic| panic.stack.as_ref()?.cpu);
        let cpu = match case.detector.panics_in {
            // The CPU that panicked decides which of the injected faults this is about.
            Who::Culprit if panic.is_some() => panicked,
            Who::Culprit | Who::Anybody => reported_cpu(case, story).or_else(|| {
                let mut begins = story.begins.iter();
                let goes_on = begins.clone().find(|begin| begin.ended.is_none());
                goes_on.or(begins.next()).map(|begin| begin.cpu)
            }),
        };
        let facts = Facts {
            expected,
            case,
            story,
            cpu,
            begin: story.begins.iter().find(|begin| Some(begin.cpu) == cpu),
            detection: None,
            panic,
        };
        Facts {
            detection: story
                .detections
                .iter()
                .find(|found| facts.is_about_us(found)),
            ..facts
        }
    }

    /// Returns whether a report can be of this fault: it names its CPU or its thread, or neither.
    pub fn is_about_us(&self, detection: &Detection) -> bool {
        match (detection.cpu, detection.thread.as_deref()) {
            (Some(cpu), _) => self.cpu == Some(cpu),
            (None, Some(thread)) => self.is_our_thread(thread),
            (None, None) => true,
        }
    }

    /// Returns whether it is the thread of the fault, or its twin.
    pub fn is_our_thread(&self, thread: &str) -> bool {
        let twin = self.case.mode.twin.zip(self.cpu);
        let twin = twin.map(|(twin, cpu)| template::fill(twin, "cpu", cpu));
        thread == self.thread() || Some(thread) == twin.as_deref()
    }

    /// Returns whether the log has lost its beginning, and with it the begin of the fault.
    pub fn is_begin_lost(&self) -> bool {
        self.begin.is_none()
            && self.story.announced.is_none()
            && self.story.begins.is_empty()
            && !self.story.is_whole
    }

    /// Describes what the log has lost.
    pub fn lost(&self) -> String {
        let starts = self.story.starts;
        format!(
            "the log has lost its beginning{}, and with it the begin of a fault",
            starts.map_or(String::new(), |at| format!(" (it starts at {at:.1} s)"))
        )
    }

    /// Returns whether a detector has reported the fault.
    pub fn is_detected(&self) -> bool {
        self.detection.is_some()
    }

    /// Returns whether the fault that has begun is of the expected mode.
    pub fn is_mode(&self) -> bool {
        let mode = self.case.mode.name;
        self.begin.is_some_and(|begin| begin.mode == mode)
    }

    /// Returns whether a fault has begun.
    pub fn has_begun(&self) -> bool {
        self.begin.is_some()
    }

    /// Describes the end of the fault, if it ended before the panic or the end of the log.
    pub fn over(&self) -> Option<String> {
        let begin = self.begin?;
        let ended = begin.ended.as_ref()?;
        let panic = self.panic.and_then(|panic| panic.time);
        let before = panic
            .zip(ended.time)
            .map_or(String::new(), |(panic, ended)| {
                format!(", {:.1} s before the panic", panic - ended)
            });
        Some(format!("the fault was over{before}"))
    }

    /// Returns the detector's threshold when the fault began, as the module logged it.
    pub fn threshold(&self) -> Option<u32> {
        let word = self.case.detector.threshold_word()?;
        let value = *self.begin?.numbers.get(word)?;
        u32::try_from(value).ok().filter(|value| *value > 0)
    }

    /// Returns the seconds from the fault to the report, or to a panic that is the report.
    pub fn latency(&self) -> Option<f64> {
        let panic = self.panic.filter(|_| self.case.reports().is_empty());
        let time = self
            .detection
            .and_then(|detection| detection.time)
            .or(panic.and_then(|panic| panic.time));
        Story::since(self.begin?, time)
    }

    /// Returns the window in which the report is due. RCU's report of a stall touches the watchdogs
    /// (`kernel/rcu/tree_stall.h`), which then count from there. So does a serial console those of the
    /// CPU that writes to it (`serial8250_console_write()`), for a message of an interrupt there.
    pub fn window(&self, threshold: Option<u32>) -> Option<Window> {
        let mut window = self.case.detector.window(threshold)?;
        let begin = self.begin.and_then(|begin| begin.time);
        let due = self.detection.and_then(|detection| detection.time);
        if let Some((begin, due)) = begin.zip(due).filter(|_| self.case.detector.is_watchdog()) {
            let of_cpu = |(at, cpu): &(f64, u32)| (Some(*cpu) == self.cpu).then_some(*at);
            let interrupts = self.story.interrupts.iter().filter_map(of_cpu);
            let touched = self.story.stalls.iter().copied().chain(interrupts);
            let between = touched.filter(|at| (begin..due).contains(at));
            window.latest_secs += between.fold(0.0, |latest, at| (at - begin).max(latest));
        }
        Some(window)
    }

    /// Returns the thread that the fault was injected into.
    pub fn thread(&self) -> String {
        thread_of(self.case, self.cpu)
    }

    /// Returns the possible messages of its panic.
    pub fn panics(&self) -> Vec<String> {
        panics_of(self.case, self.begin.map_or("", |begin| &begin.run_id))
    }

    /// Returns whether this is a message of its panic, or the oops that stands for it.
    pub fn is_panic(&self, message: &str) -> bool {
        is_panic_by(self.case, &self.panics(), message)
    }
}

impl std::fmt::Display for Facts<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let cpu = self.cpu.map_or("?".into(), |cpu| cpu.to_string());
        let run_id = self.begin.map_or("", |begin| &begin.run_id);
        write!(
            f,
            "{} on CPU {cpu} in {}, run id {run_id}",
            self.case.mode.title,
            self.thread()
        )
    }
}

/// Returns the name of a mode's thread on a CPU.
pub fn thread_of(case: Case, cpu: Option<u32>) -> String {
    let thread = case.mode.thread;
    let cpu = cpu.map_or("<cpu>".into(), |cpu| cpu.to_string());
    template::fill(thread, "cpu", cpu)
}

/// Returns the CPU of the last reports that an injected fault caused.
fn reported_cpu(case: Case, story: &Story) -> Option<u32> {
    story.last_reports().iter().find_map(|detection| {
        let begins = || story.begins.iter().map(|begin| begin.cpu);
        let thread = detection.thread.as_deref();
        let is_of = |cpu: &u32| {
            let twin = case.mode.twin.map(|twin| template::fill(twin, "cpu", cpu));
            thread.is_some_and(|thread| {
                thread == thread_of(case, Some(*cpu)) || Some(thread) == twin.as_deref()
            })
        };
        detection.cpu.or_else(|| begins().find(is_of))
    })
}

/// Returns the possible panic messages of a case in that run.
fn panics_of(case: Case, run: &str) -> Vec<String> {
    let panics = case.detector.panic.iter();
    let in_run = panics.map(|text| template::fill(text, "run", run));
    in_run
        .map(|text| template::fill(&text, "mode", case.mode.name))
        .collect()
}

/// Returns whether it is one of these, or the oops that stands for a panic.
fn is_panic_by(case: Case, panics: &[String], message: &str) -> bool {
    let is = |text: &str| template::is(text, message);
    panics.iter().any(|text| is(text))
        || (case.is_self_reported() && case.mode.reports.iter().any(|text| is(text)))
}

/// Returns whether a panic with that message is of that case, in any run.
pub fn is_panic_of(case: Case, story: &Story, message: &str) -> bool {
    let mut runs = story.begins.iter().map(|begin| begin.run_id.as_str());
    is_panic_by(case, &panics_of(case, ""), message)
        || runs.any(|run| is_panic_by(case, &panics_of(case, run), message))
}
