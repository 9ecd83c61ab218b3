// SPDX-License-Identifier: GPL-2.0

//! The checks of a dump: whether it shows the fault that was injected. The same questions
//! go to its kernel log, and to its memory where drgn can read it.

use crate::drgn::{Silence, Witness};
use crate::dump::{Dump, State};
use crate::fault::case::Case;
use crate::fault::detector::Who;
use crate::fault::mode::{self, Proof};
use crate::fault::window::Window;
use crate::klog::message::{Begin, Detection, Locks};
use crate::klog::stack::Stack;
use crate::klog::story::{Panic, Story};
use crate::plan::cpu_list_has;
use crate::template;
use crate::verdict::{Expected, Latency};
use serde::Serialize;
use std::collections::BTreeSet;

/// How one check went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Result {
    Ok,
    Failed,
    /// There was nothing to ask.
    Skipped,
    /// It was asked, and there is no answer: that is no pass.
    Unknown,
}

/// One check of a dump.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Check {
    pub name: &'static str,
    /// Who says so: `dump`, `log` (the dump's kernel log) or `drgn`.
    pub source: &'static str,
    pub result: Result,
    /// What was found; the reason if the check was skipped, or has no answer.
    pub found: String,
    /// What should have been found.
    pub expected: String,
}

pub const LATENCY: &str = "latency";
pub const PAGES: &str = "pages";
pub const STACK: &str = "stack";
pub const CAUSE: &str = "cause";
const THREAD: &str = "thread";
const CPU: &str = "cpu";
const RUN_ID: &str = "run id";
const THRESHOLD: &str = "threshold";

/// How long after a report its panic may come: a report shows the stacks of all CPUs, and waits
/// 10 s for one that does not answer.
const REPORT_LASTS_SECS: f64 = 15.0;
/// The same of what the kernel does not survive.
const OOPS_LASTS_SECS: f64 = 3.0;

fn check(
    name: &'static str,
    source: &'static str,
    ok: bool,
    found: impl Into<String>,
    expected: impl Into<String>,
) -> Check {
    let result = if ok { Result::Ok } else { Result::Failed };
    Check {
        name,
        source,
        result,
        found: found.into(),
        expected: expected.into(),
    }
}

fn skipped(name: &'static str, source: &'static str, reason: impl Into<String>) -> Check {
    Check {
        result: Result::Skipped,
        ..check(name, source, true, reason, "")
    }
}

fn unknown(name: &'static str, source: &'static str, reason: impl Into<String>) -> Check {
    Check {
        result: Result::Unknown,
        ..check(name, source, true, reason, "")
    }
}

fn or_none(text: Option<String>) -> String {
    text.unwrap_or_else(|| "none".into())
}

/// Whether all of a dump is in its file.
pub fn complete(dump: &Dump) -> Check {
    if dump.state == State::LogAlone {
        return skipped("dump", "dump", "no dump: this is a kernel log alone");
    }
    let (ok, found) = match &dump.state {
        State::Complete { pages } => (true, format!("complete, {pages} pages")),
        State::Incomplete(missing) => (false, missing.clone()),
        State::Unreadable(why) | State::GivenUp(why) => (false, why.clone()),
        State::Absent | State::LogAlone => (false, "absent".into()),
    };
    check("dump", "dump", ok, found, "complete")
}

/// What a kernel log says of one fault: which of the injected ones it is about, who
/// reported it, who panicked.
pub struct Facts<'a> {
    expected: &'a Expected,
    case: Case,
    story: &'a Story,
    /// The CPU that it is about.
    cpu: Option<u32>,
    begin: Option<&'a Begin>,
    detection: Option<&'a Detection>,
    panic: Option<&'a Panic>,
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

    /// Whether a report can be about this fault: it names its CPU or its thread, or neither.
    fn is_about_us(&self, detection: &Detection) -> bool {
        match (detection.cpu, detection.thread.as_deref()) {
            (Some(cpu), _) => self.cpu == Some(cpu),
            (None, Some(thread)) => self.is_our_thread(thread),
            (None, None) => true,
        }
    }

    /// Whether it is the thread of the fault, or its twin.
    fn is_our_thread(&self, thread: &str) -> bool {
        let twin = self.case.mode.twin.zip(self.cpu);
        let twin = twin.map(|(twin, cpu)| template::fill(twin, "cpu", cpu));
        thread == self.thread() || Some(thread) == twin.as_deref()
    }

    /// Whether the log has lost its beginning, and with it what could tell of the fault.
    pub fn is_begin_lost(&self) -> bool {
        self.begin.is_none()
            && self.story.announced.is_none()
            && self.story.begins.is_empty()
            && !self.story.is_whole
    }

    /// What the log no longer has.
    pub fn lost(&self) -> String {
        let starts = self.story.starts;
        format!(
            "the log has lost its beginning{}, and the begin of a fault with it",
            starts.map_or(String::new(), |at| format!(" (it starts at {at:.1} s)"))
        )
    }

    /// Whether a detector has reported the fault.
    pub fn is_detected(&self) -> bool {
        self.detection.is_some()
    }

    /// Whether the fault that has begun is of the mode that it should be.
    pub fn is_mode(&self) -> bool {
        let mode = self.case.mode.name;
        self.begin.is_some_and(|begin| begin.mode == mode)
    }

    /// Whether a fault has begun.
    pub fn has_begun(&self) -> bool {
        self.begin.is_some()
    }

    /// How the fault ended before the panic, or before the log did.
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

    /// The detector's threshold when the fault began, as the module says it.
    pub fn threshold(&self) -> Option<u32> {
        let word = self.case.detector.threshold_word()?;
        let value = *self.begin?.numbers.get(word)?;
        u32::try_from(value).ok().filter(|value| *value > 0)
    }

    /// Seconds from the fault to the report, or to a panic that is the report.
    pub fn latency(&self) -> Option<f64> {
        let panic = self.panic.filter(|_| self.case.reports().is_empty());
        let time = self
            .detection
            .and_then(|detection| detection.time)
            .or(panic.and_then(|panic| panic.time));
        Story::since(self.begin?, time)
    }

    /// The window in which the report is due. RCU's report of a stall touches the watchdogs
    /// (`kernel/rcu/tree_stall.h`): after it, they count from there.
    pub fn window(&self, threshold: Option<u32>) -> Option<Window> {
        let mut window = self.case.detector.window(threshold)?;
        let begin = self.begin.and_then(|begin| begin.time);
        let due = self.detection.and_then(|detection| detection.time);
        if let Some((begin, due)) = begin.zip(due).filter(|_| self.case.detector.is_watchdog()) {
            let stalls = self.story.stalls.iter();
            let between = stalls.filter(|at| (begin..due).contains(*at));
            window.latest_secs += between.fold(0.0, |latest, at| (at - begin).max(latest));
        }
        Some(window)
    }

    /// The thread that the fault was done to.
    fn thread(&self) -> String {
        thread_of(self.case, self.cpu)
    }

    /// Whose locks make a circle, and how many they are: of all CPUs that take part, or of each
    /// CPU by itself.
    fn circles(&self) -> Vec<(usize, Vec<&Locks>)> {
        let mode = self.case.mode;
        let cpus: BTreeSet<_> = self.story.begins.iter().map(|begin| begin.cpu).collect();
        if mode.takes_two {
            return vec![(cpus.len(), self.story.locks.iter().collect())];
        }
        let size = 1 + mode.twin.iter().count();
        let of = |cpu| self.story.locks.iter().filter(move |lock| lock.cpu == cpu);
        cpus.into_iter()
            .map(|cpu| (size, of(cpu).collect()))
            .collect()
    }

    /// All threads that it was done to.
    fn threads(&self) -> BTreeSet<String> {
        let cpus = self.story.begins.iter().map(|begin| begin.cpu);
        cpus.flat_map(|cpu| {
            let twin = self.case.mode.twin;
            let twin = twin.map(|twin| template::fill(twin, "cpu", cpu));
            [Some(thread_of(self.case, Some(cpu))), twin]
        })
        .flatten()
        .collect()
    }

    /// The checks that the kernel log allows.
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

    /// A panic of the detector, right after its report, while our fault was going on.
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

    /// Whether what panicked was our fault's report: one of those that were made together right
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

    /// What is to say instead of a report of ours.
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

    /// Why there is no begin.
    fn no_begin(&self) -> String {
        if !self.story.begins.is_empty() {
            return "no fault of ours on that CPU".into();
        }
        match &self.story.announced {
            Some(plan) => format!("mode={} was planned and had not begun", plan.mode),
            None if self.is_begin_lost() => self.lost(),
            None => "no fault of ours in this log".into(),
        }
    }

    fn wanted_cause(&self) -> String {
        if self.case.mode.name == mode::UNKNOWN.name {
            return "a panic of a fault that the module lockup began".into();
        }
        format!(
            "panic '{}', while mode={} goes on",
            self.panics().join("' or '"),
            self.case.mode.name
        )
    }

    /// What its panic may say.
    fn panics(&self) -> Vec<String> {
        panics_of(self.case, self.begin.map_or("", |begin| &begin.run_id))
    }

    /// Is this what the panic should say, or the oops that stands for it?
    fn is_panic(&self, message: &str) -> bool {
        is_panic_by(self.case, &self.panics(), message)
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

    /// Whether this ran on a CPU that a fault of ours had for itself.
    fn is_stranger(&self, stack: &Stack) -> bool {
        let mut begins = self.story.begins.iter();
        self.case.mode.keeps_cpu
            && begins.any(|begin| {
                Some(begin.cpu) == stack.cpu
                    && stack.thread != thread_of(self.case, Some(begin.cpu))
            })
    }

    /// Has the CPU at fault left nothing in these stacks, and need it not have?
    fn is_silent(&self, stacks: &[Stack]) -> bool {
        let thread = self.thread();
        let is_there = |stack: &Stack| stack.thread == thread || stack.cpu == self.cpu;
        !self.case.detector.shows_culprit && !stacks.iter().any(is_there)
    }

    /// Why there is nothing of a CPU in a log.
    fn silent(&self) -> String {
        format!(
            "CPU {} answered nobody",
            self.cpu.map_or("?".into(), |cpu| cpu.to_string())
        )
    }

    /// Why there is no stack of the culprit, where there cannot be one.
    fn no_stack(&self, source: &str, stacks: &[Stack]) -> Option<String> {
        if self.is_silent(stacks) {
            return Some(self.silent());
        }
        // Its registers are on its own CPU: what another one logs are leftovers.
        let is_running = |state: &str| state.starts_with('R');
        let is_seen_from_afar = |stack: &&Stack| {
            stack.frames.is_empty() && stack.state.as_deref().is_some_and(is_running)
        };
        let mine = self.of_culprit(stacks);
        let is_unknown = source == "log" && !mine.is_empty() && mine.iter().all(is_seen_from_afar);
        is_unknown.then(|| "it was running, and another CPU showed it".into())
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
        // Without its plan, a fault still says where it begins.
        let is_in = |cpu| cpus.is_none_or(|cpus| cpu_list_has(cpus, cpu));
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
                let reason = format!("{}; none to compare with was given", begin.run_id);
                skipped(RUN_ID, "log", reason)
            }
            (None, None) => check(RUN_ID, "log", false, "none", "a run id"),
        }
    }

    /// What the user says of the threshold, beside what the log says.
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
                    Some(None) => "the threshold is not known: the begin does not carry it",
                    None => "the threshold is not known",
                    Some(Some(_)) => "the window is not known",
                };
                skipped(LATENCY, "log", format!("{secs:.1} s; {why}"))
            }
            Some(Latency {
                secs,
                window: Some(window),
                ..
            }) => {
                let wanted = format!("{window}, give or take {:.0} s", window.tolerance_secs);
                let found = format!("{secs:.1} s");
                check(LATENCY, "log", window.contains(*secs), found, wanted)
            }
        }
    }

    /// Why there is none: no report, or none of them has a time.
    fn no_latency(&self) -> Check {
        let is_untimed = self.begin.is_some_and(|begin| begin.time.is_none())
            && (self.detection.is_some() || self.case.reports().is_empty());
        if is_untimed {
            return skipped(LATENCY, "log", "its lines have no time of the kernel's");
        }
        check(
            LATENCY,
            "log",
            false,
            "no time from a fault to a report",
            "a time",
        )
    }

    /// What the stacks of a source must show: the culprit's function, and the mode's proofs.
    fn stacks(&self, source: &'static str, stacks: &[Stack]) -> Vec<Check> {
        let mut checks = vec![self.stack(source, stacks)];
        let no_stack = self.no_stack(source, stacks);
        checks.extend(self.case.mode.proofs.iter().filter_map(|proof| {
            let (name, ok, found, wanted) = self.proof(*proof, source, stacks)?;
            // Of several CPUs that take nothing but an NMI, one may be all that is seen.
            let is_partial = *proof == Proof::Everybody
                && source == "log"
                && !self.case.detector.shows_culprit
                && !ok;
            let no_stack = no_stack.as_ref().filter(|_| *proof != Proof::Locks);
            Some(if is_partial {
                skipped(
                    name,
                    source,
                    format!("{found} only: the others answered nobody"),
                )
            } else if let Some(reason) = no_stack {
                skipped(name, source, reason)
            } else {
                check(name, source, ok, found, wanted)
            })
        }));
        checks
    }

    /// The stacks of the culprit.
    fn of_culprit<'s>(&self, stacks: &'s [Stack]) -> Vec<&'s Stack> {
        let thread = self.thread();
        stacks
            .iter()
            .filter(|stack| stack.thread == thread)
            .collect()
    }

    fn stack(&self, source: &'static str, stacks: &[Stack]) -> Check {
        let mode = self.case.mode;
        if let Some(reason) = self.no_stack(source, stacks) {
            return skipped(STACK, source, reason);
        }
        let stacks = self.of_culprit(stacks);
        let ours = || {
            let frames = stacks.iter().flat_map(|stack| &stack.frames);
            frames.filter(|frame| frame.module.as_deref() == Some(mode.module))
        };
        let culprit = ours().find(|frame| frame.is(mode.module, mode.function));
        let found = match (culprit, ours().next()) {
            (Some(frame), _) => format!("{} [{}]", frame.function, mode.module),
            (None, Some(frame)) => {
                format!("{} [{}], no {}", frame.function, mode.module, mode.function)
            }
            (None, None) => format!("no frame of [{}]", mode.module),
        };
        let wanted = format!("{} of [{}]", mode.function, mode.module);
        check(STACK, source, culprit.is_some(), found, wanted)
    }

    /// One of the mode's proofs, if that source can show it: its name, whether it holds, what
    /// was found and what is wanted.
    fn proof(
        &self,
        proof: Proof,
        source: &'static str,
        stacks: &[Stack],
    ) -> Option<(&'static str, bool, String, String)> {
        let mode = self.case.mode;
        let mine = self.of_culprit(stacks);
        let frames = || mine.iter().flat_map(|stack| &stack.frames);
        Some(match proof {
            Proof::Locks => {
                // That is in the log alone.
                if source != "log" {
                    return None;
                }
                let circles = self.circles();
                let ok = !circles.is_empty()
                    && circles.iter().all(|(size, locks)| is_circle(locks, *size));
                let told = self.story.locks.iter();
                let told: Vec<_> = told
                    .map(|lock| format!("{} has {} wants {}", lock.cpu, lock.has, lock.wants))
                    .collect();
                ("locks", ok, told.join(", "), "a circle".into())
            }
            Proof::Everybody => {
                let wanted = self.threads();
                let seen: BTreeSet<_> = stacks
                    .iter()
                    .filter(|stack| {
                        stack
                            .frames
                            .iter()
                            .any(|frame| frame.is(mode.module, mode.function))
                    })
                    .map(|stack| stack.thread.clone())
                    .filter(|thread| wanted.contains(thread))
                    .collect();
                let told =
                    |threads: &BTreeSet<String>| Vec::from_iter(threads.iter().cloned()).join(", ");
                let wanted_text = format!("{} in {}", told(&wanted), mode.function);
                ("threads", seen == wanted, told(&seen), wanted_text)
            }
            Proof::Uninterruptible => {
                let states = mine.iter().filter_map(|stack| stack.state.clone());
                let states: Vec<_> = states.collect();
                let ok = states.iter().any(|state| state.starts_with('D'));
                ("state", ok, states.join(", "), "D".into())
            }
            Proof::Interrupt => {
                // drgn does not say where a stack changes.
                if source != "log" {
                    return None;
                }
                let ok = frames()
                    .any(|frame| frame.is(mode.module, mode.function) && frame.in_interrupt);
                let found = if ok {
                    "called by an interrupt"
                } else {
                    "not called by an interrupt"
                };
                ("context", ok, found.into(), "an interrupt".into())
            }
            Proof::Through(function) => {
                // Its inner half may be what is seen: `__smp_call_function_single`.
                let found = frames().find(|frame| frame.function.contains(function));
                let told = found.map(|frame| frame.function.clone());
                ("through", found.is_some(), or_none(told), function.into())
            }
            Proof::Elsewhere(function) => {
                let other = stacks.iter().find(|stack| {
                    stack
                        .frames
                        .iter()
                        .any(|frame| frame.is(mode.module, function))
                });
                let found = other.map(|stack| format!("{} in {function}", stack.thread));
                (
                    "other",
                    other.is_some(),
                    or_none(found),
                    format!("a thread in {function}"),
                )
            }
        })
    }

    /// The checks that drgn allows: the same questions, to the dump's memory. What it
    /// cannot tell is no pass.
    pub fn by_drgn(&self, answer: &std::result::Result<Witness, Silence>) -> Vec<Check> {
        let witness = match answer {
            Ok(witness) => witness,
            Err(silence) if silence.is_excused => {
                return vec![skipped("all", "drgn", &silence.reason)];
            }
            Err(silence) => return vec![unknown("all", "drgn", &silence.reason)],
        };
        let no_answer = |name, to: &str| {
            let failed = witness.failed.get(to);
            let reason = failed.map_or("drgn does not say", String::as_str);
            unknown(name, "drgn", reason)
        };
        let mut checks = vec![match witness.panic_message.as_deref() {
            None => no_answer(CAUSE, "panic_message"),
            Some(panic) => {
                let message = panic.strip_prefix("Kernel panic - not syncing: ");
                let message = message.unwrap_or(panic);
                check(
                    CAUSE,
                    "drgn",
                    self.is_panic(message),
                    format!("panic '{message}'"),
                    format!("panic '{}'", self.panics().join("' or '")),
                )
            }
        }];
        if self.case.detector.panics_in == Who::Culprit {
            checks.extend(match &witness.crashed {
                None => [THREAD, CPU].map(|name| no_answer(name, "crashed")),
                Some(crashed) => self.crashed(crashed),
            });
        }
        if witness.failed.contains_key("threads") {
            checks.push(no_answer(STACK, "threads"));
        } else {
            // A thread whose stack cannot be read may be the one that is looked for.
            let culprit = format!("{}: ", self.thread());
            let mut unread = witness.unread.iter();
            let unread = unread.find(|thread| thread.starts_with(&culprit));
            let checked = self.stacks("drgn", &witness.threads).into_iter();
            checks.extend(checked.map(|check| match (check.result, unread) {
                (Result::Failed, Some(unread)) => {
                    let found = format!("{}; not read: {unread}", check.found);
                    unknown(check.name, "drgn", found)
                }
                _ => check,
            }));
        }
        checks.push(check(
            PAGES,
            "drgn",
            witness.missing.is_empty(),
            witness
                .missing
                .first()
                .map_or("none missing", String::as_str),
            "none missing",
        ));
        checks
    }

    /// What drgn says of the thread that panicked.
    fn crashed(&self, crashed: &Stack) -> [Check; 2] {
        let wanted = self.thread();
        let ok = crashed.thread == wanted;
        let found = format!("{} (PID {})", crashed.thread, crashed.pid);
        let on = |cpu| format!("CPU {cpu}");
        [
            check(THREAD, "drgn", ok, found, wanted),
            check(
                CPU,
                "drgn",
                crashed.cpu.is_some() && crashed.cpu == self.cpu,
                or_none(crashed.cpu.map(on)),
                self.cpu.map_or("the CPU that the log names".into(), on),
            ),
        ]
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

/// Does everybody want what the next one has, of so many?
fn is_circle(locks: &[&Locks], size: usize) -> bool {
    let has: BTreeSet<_> = locks.iter().map(|lock| lock.has.as_str()).collect();
    let wants: BTreeSet<_> = locks.iter().map(|lock| lock.wants.as_str()).collect();
    has == wants && has.len() == size && locks.len() == size
}

/// The thread of a mode on a CPU.
fn thread_of(case: Case, cpu: Option<u32>) -> String {
    let thread = case.mode.thread;
    let cpu = cpu.map_or("<cpu>".into(), |cpu| cpu.to_string());
    template::fill(thread, "cpu", cpu)
}

/// The CPU of the last reports that one of ours is about.
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

/// What the panic of a case may say, in that run.
fn panics_of(case: Case, run: &str) -> Vec<String> {
    let panics = case.detector.panic.iter();
    let in_run = panics.map(|text| template::fill(text, "run", run));
    in_run
        .map(|text| template::fill(&text, "mode", case.mode.name))
        .collect()
}

/// Whether it is one of these, or the oops that stands for a panic.
fn is_panic_by(case: Case, panics: &[String], message: &str) -> bool {
    let is = |text: &str| template::is(text, message);
    panics.iter().any(|text| is(text))
        || (case.is_self_reported() && case.mode.reports.iter().any(|text| is(text)))
}

/// Whether a panic with that message is one of that case, in any of its runs.
pub fn is_panic_of(case: Case, story: &Story, message: &str) -> bool {
    let mut runs = story.begins.iter().map(|begin| begin.run_id.as_str());
    is_panic_by(case, &panics_of(case, ""), message)
        || runs.any(|run| is_panic_by(case, &panics_of(case, run), message))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::mode::{self, Mode, MODES};
    use crate::infer;
    use crate::klog::line::Line;
    use crate::klog::message;
    use crate::verdict::{judge_dump, Stage, Verdict};
    use std::path::Path;

    /// The kernel logs of the dumps of one matrix, each named after its mode, its detector, and
    /// what is special of it.
    fn faults() -> Vec<(Case, String)> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/faults");
        let files = std::fs::read_dir(folder).unwrap();
        let faults: Vec<_> = files
            .map(|file| {
                let path = file.unwrap().path();
                let name = path.file_stem().unwrap().to_str().unwrap();
                let mut words = name.split('.');
                let mode = mode::find(words.next().unwrap()).unwrap();
                let case = Case::new(mode, words.next()).unwrap();
                (case, std::fs::read_to_string(path).unwrap())
            })
            .collect();
        let recorded = |mode: &&Mode| faults.iter().any(|(case, _)| case.mode.name == mode.name);
        let missing = MODES
            .iter()
            .filter(|mode| !recorded(mode) && mode.name != "spin");
        assert_eq!(Vec::from_iter(missing.map(|mode| mode.name)), [""; 0]);
        faults
    }

    fn verdict(case: Case, log: &str) -> Verdict {
        let expected = Expected {
            case,
            run_id: None,
            cpus: None,
            threshold: case.detector.threshold.map(|(_, usual)| usual),
            insists: false,
        };
        let mut dump = Dump::only(State::Complete { pages: 3 });
        dump.story = Some(Story::read(case, log));
        judge_dump(&expected, &dump)
    }

    #[test]
    fn each_recorded_fault_passes_as_what_it_is() {
        for (case, log) in faults() {
            let verdict = verdict(case, &log);
            let failed: Vec<_> = verdict
                .checks
                .iter()
                .filter(|check| check.result == Result::Failed)
                .collect();
            assert_eq!(
                verdict.stage,
                Stage::Pass,
                "{} by {}: {failed:#?}",
                case.mode.name,
                case.detector.name
            );
        }
    }

    #[test]
    fn each_recorded_fault_fails_as_any_other() {
        for (case, log) in faults() {
            for other in MODES.iter().filter(|other| other.name != case.mode.name) {
                for detector in other.detectors {
                    let other = Case {
                        mode: other,
                        detector,
                    };
                    let verdict = verdict(other, &log);
                    assert_eq!(
                        verdict.stage,
                        Stage::WrongCause,
                        "{} judged as {} by {}",
                        case.mode.name,
                        other.mode.name,
                        detector.name
                    );
                }
            }
        }
    }

    /// Where the panic begins: its line, or, where an oops is one, that of the oops.
    fn panic_at(log: &str) -> usize {
        let marks = [
            "Kernel panic",
            "BUG: kernel NULL",
            "kernel BUG at",
            "BUG: TASK stack guard",
        ];
        let at = marks.iter().find_map(|mark| log.find(mark)).unwrap();
        log[..at].rfind('\n').unwrap() + 1
    }

    /// The module's words at the end of a hold, for each that had begun before `before`.
    fn ends(log: &str, before: usize) -> String {
        let holds = log[..before]
            .lines()
            .map(Line::parse)
            .filter_map(message::begin);
        let ends = holds.map(|begin| {
            let (run, cpu) = (begin.run_id, begin.cpu);
            format!("[   14.0] lockup: run {run}: cpu {cpu}: end: held_ms=9 mono_ns=9\n")
        });
        ends.collect()
    }

    fn inserted(log: &str, at: usize, lines: &str) -> String {
        [&log[..at], lines, &log[at..]].concat()
    }

    #[test]
    fn each_recorded_fault_finds_itself() {
        for (case, log) in faults() {
            let found = infer::case(&log, None, None);
            // Who sent an NMI, nobody can tell from a log.
            let detector = match case.detector.name {
                "hardware-watchdog" => "nmi",
                name => name,
            };
            let (mode, by) = (found.mode.name, found.detector.name);
            assert_eq!((mode, by), (case.mode.name, detector));
            let expected = Expected {
                case: found,
                run_id: None,
                cpus: None,
                threshold: None,
                insists: true,
            };
            let mut dump = Dump::only(State::Complete { pages: 3 });
            dump.story = Some(Story::read(found, &log));
            let verdict = judge_dump(&expected, &dump);
            assert_eq!(verdict.stage, Stage::Pass, "{mode}: {}", verdict.summary);
        }
    }

    #[test]
    fn each_recorded_fault_fails_when_it_was_over() {
        for (case, log) in faults() {
            let name = case.mode.name;
            let at = panic_at(&log);
            let run = Story::read(case, &log).begins[0].run_id.clone();
            for over in [
                ends(&log, at),
                format!("[   14.0] lockup: run {run}: released after 4 s: x\n"),
                format!("[   14.0] lockup: run {run}: cancelled after 1 of 2 iterations\n"),
            ] {
                let verdict = verdict(case, &inserted(&log, at, &over));
                assert_eq!(verdict.stage, Stage::WrongCause, "{name}: {over}");
                let is_said = verdict.summary.starts_with("the fault was over");
                assert!(is_said, "{name}: {}", verdict.summary);
            }
            // The end of another run, or of another CPU.
            for other in [
                "[   14.0] lockup: run other: cpu 1: end: held_ms=9 mono_ns=9\n".to_string(),
                "[   14.0] lockup: run other: released after 4 s: x\n".into(),
                format!("[   14.0] lockup: run {run}: cpu 77: end: held_ms=9 mono_ns=9\n"),
            ] {
                let stage = verdict(case, &inserted(&log, at, &other)).stage;
                assert_eq!(stage, Stage::Pass, "{name}: {other}");
            }
            // While one CPU panics, another may say that its hold is over.
            if !log.contains("Kernel panic") {
                continue;
            }
            let late = format!("{log}{}", ends(&log, at));
            assert_eq!(verdict(case, &late).stage, Stage::Pass, "{name}");
        }
    }

    #[test]
    fn each_recorded_fault_fails_when_something_else_panicked() {
        let panics: BTreeSet<_> = MODES
            .iter()
            .flat_map(|mode| mode.detectors)
            .flat_map(|detector| detector.panic)
            .chain([
                &"sysrq triggered crash",
                &"Attempted to kill init! exitcode=0x0",
            ])
            .collect();
        for (case, log) in faults() {
            let Some((before, rest)) = log.split_once("not syncing: ") else {
                continue;
            };
            let (_, after) = rest.split_once('\n').unwrap();
            let own = case.detector.panic;
            for panic in panics.iter().filter(|panic| !own.contains(panic)) {
                let log = format!("{before}not syncing: {panic}\n{after}");
                let stage = verdict(case, &log).stage;
                assert_eq!(stage, Stage::WrongCause, "{}: {panic}", case.mode.name);
            }
        }
    }

    /// An NMI from outside, 3 s after the hold.
    #[test]
    fn a_recorded_nmi_that_came_too_late() {
        let log = include_str!("../tests/data/over/hard.nmi.log");
        for mode in [None, mode::find("hard")] {
            for detector in [None, Some("nmi"), Some("hardware-watchdog")] {
                let verdict = verdict(infer::case(log, mode, detector), log);
                assert_eq!(verdict.stage, Stage::WrongCause);
                let over = "the fault was over, 3.3 s before the panic; ";
                assert!(verdict.summary.starts_with(over), "{}", verdict.summary);
            }
        }
    }

    /// The second hold was reported, and the first one did not panic.
    #[test]
    fn of_several_iterations_the_reported_one_counts() {
        let log = include_str!("../tests/data/faults/soft.soft-lockup.twice.log");
        let case = infer::case(log, None, None);
        let judged = verdict(case, log);
        assert_eq!(judged.stage, Stage::Pass, "{}", judged.summary);
        assert!((judged.latency.unwrap().secs - 6.194).abs() < 0.001);
        // What was in force at the begin decides, whatever the plan had.
        for (thresh, stage) in [(3, Stage::Pass), (5, Stage::OutsideWindow)] {
            let other = log.replace("watchdog_thresh=2", &format!("watchdog_thresh={thresh}"));
            let judged = verdict(case, &other);
            assert_eq!(judged.stage, stage, "{thresh}: {}", judged.summary);
            assert_eq!(judged.latency.unwrap().threshold, Some(thresh));
        }
        // One that the user insists on, not.
        let judge = |threshold| {
            let expected = Expected {
                case,
                run_id: None,
                cpus: None,
                threshold,
                insists: true,
            };
            let mut dump = Dump::only(State::Complete { pages: 3 });
            dump.story = Some(Story::read(case, log));
            judge_dump(&expected, &dump)
        };
        assert_eq!(judge(Some(2)).stage, Stage::Pass);
        let other = judge(Some(10));
        assert_eq!(other.stage, Stage::WrongCause);
        assert_eq!(other.summary, "failed checks: threshold (log): 2 s");
        assert_eq!(judge(None).latency.unwrap().threshold, Some(2));
    }

    /// A line of a module that does not tell thresholds.
    #[test]
    fn without_a_threshold_the_latency_is_skipped() {
        let log = include_str!("../tests/data/faults/soft.soft-lockup.log");
        let case = infer::case(log, None, None);
        let expected = Expected {
            case,
            run_id: None,
            cpus: None,
            threshold: None,
            insists: true,
        };
        let mut dump = Dump::only(State::Complete { pages: 3 });
        dump.story = Some(Story::read(case, log));
        let checks = judge_dump(&expected, &dump).checks;
        let latency = checks.iter().find(|check| check.name == LATENCY).unwrap();
        assert_eq!(latency.result, Result::Skipped);
        let found = "5.9 s; the threshold is not known: the begin does not carry it";
        assert_eq!(latency.found, found);
    }

    /// `touch` was reported and panicked, after ours had been reported.
    #[test]
    fn another_thread_that_is_reported_is_not_ours() {
        let log = include_str!("../tests/data/faults/hung.hung-task.log");
        let case = infer::case(log, None, None);
        let other = |secs: u32| {
            log.replace(
                "[   21.507704] [     T37] Kernel panic",
                &format!(
                    "[   {secs}.0] [     T37] INFO: task touch:194 blocked for more than 2 seconds.\n\
                     [   {secs}.1] [     T37] Kernel panic"
                ),
            )
        };
        // In one scan, both may be.
        assert_eq!(verdict(case, &other(22)).stage, Stage::Pass);
        let later = verdict(case, &other(40));
        assert_eq!(later.stage, Stage::WrongCause);
        let found = "panic 'hung_task: blocked tasks', the hung-task detector reported touch";
        assert_eq!(later.checks[1].found, found);
    }

    /// An oops that did not panic, and a later one of something else that did.
    #[test]
    fn a_later_oops_is_not_ours() {
        let log = include_str!("../tests/data/faults/oops.itself.log");
        let case = infer::case(log, None, None);
        let went_on = format!("{log}[   15.0] ---[ end trace 0000000000000000 ]---\n");
        assert_eq!(verdict(case, &went_on).stage, Stage::DetectedNoPanic);
        let later = "[   60.0] Oops: general protection fault\n\
                     [   60.0] CPU: 0 UID: 0 PID: 194 Comm: touch Not tainted 7.3 #1\n\
                     [   60.1] Kernel panic - not syncing: Fatal exception\n";
        let judged = verdict(case, &(went_on + later));
        assert_eq!(judged.stage, Stage::WrongCause);
        let names = ["cause", "thread", "cpu"].map(|name| {
            judged
                .checks
                .iter()
                .any(|check| check.name == name && check.result == Result::Failed)
        });
        assert_eq!(names, [true; 3]);
    }

    /// A second run had been planned when a detector panicked that had seen the first one.
    #[test]
    fn each_recorded_fault_fails_in_the_countdown_of_the_next() {
        for (case, log) in faults() {
            let at = panic_at(&log);
            let plan = "[   14.0] lockup: run next: plan: mode=soft cpus=1 delay_secs=9 hold_secs=9 force=0\n";
            let log = inserted(&log, at, &(ends(&log, at) + plan));
            for case in [case, infer::case(&log, None, None)] {
                let stage = verdict(case, &log).stage;
                assert_ne!(stage, Stage::Pass, "{}", case.mode.name);
            }
        }
    }

    /// What is older is gone, as in a log that has wrapped.
    #[test]
    fn each_recorded_fault_whose_begin_is_gone_is_no_pass_and_says_so() {
        for (case, log) in faults() {
            let (holds, _): (Vec<_>, Vec<_>) =
                log.lines().partition(|line| line.contains(": begin: "));
            let last = log.find(holds.last().unwrap()).unwrap() + holds.last().unwrap().len() + 1;
            let rest = &log[last..];
            let verdict = verdict(case, rest);
            assert_ne!(verdict.stage, Stage::Pass, "{}", case.mode.name);
            let told = verdict.checks.iter().any(|check| {
                check.result == Result::Unknown && check.found.contains("has lost its beginning")
            });
            assert!(told, "{}: {:#?}", case.mode.name, verdict.checks);
            let nowhere = verdict.checks.iter();
            let mut nowhere = nowhere.filter(|check| check.found.contains("nothing was injected"));
            assert_eq!(nowhere.next(), None);
            // A log that goes back to the boot has lost nothing.
            let whole = format!("[    0.000000] Linux version 7.3\n{rest}");
            assert_eq!(super::tests::verdict(case, &whole).stage, Stage::WrongCause);
        }
    }

    /// A thread that is not ours on the CPU that one of ours had for itself.
    #[test]
    fn each_recorded_fault_fails_with_another_thread_on_its_cpu() {
        for (case, log) in faults().into_iter().filter(|(case, _)| case.mode.keeps_cpu) {
            let story = Story::read(case, &log);
            let Some(stack) = story.panic.and_then(|panic| panic.stack) else {
                continue;
            };
            let cpu = story.begins[0].cpu;
            let at = log.find("Kernel panic").unwrap_or(0);
            let log = log[..at].to_string()
                + &log[at..]
                    .replace(
                        &format!("CPU: {} ", stack.cpu.unwrap()),
                        &format!("CPU: {cpu} "),
                    )
                    .replace(&format!("Comm: {} ", stack.thread), "Comm: touch ");
            assert_eq!(
                verdict(case, &log).stage,
                Stage::WrongCause,
                "{}",
                case.mode.name
            );
        }
    }

    /// Even where the module itself lies about what it does, the kernel's stacks tell, if the
    /// log has any of the culprit.
    #[test]
    fn each_recorded_fault_fails_as_any_other_by_the_stacks_alone() {
        for (case, log) in faults() {
            if !verdict(case, &log).summary.contains("its stack shows") {
                continue;
            }
            for other in MODES.iter().filter(|other| other.name != case.mode.name) {
                let lie = log.replace(
                    &format!("mode={} ", case.mode.name),
                    &format!("mode={} ", other.name),
                );
                for detector in other.detectors {
                    let other = Case {
                        mode: other,
                        detector,
                    };
                    let stage = verdict(other, &lie).stage;
                    assert_ne!(
                        stage,
                        Stage::Pass,
                        "{} judged as {} by {}",
                        case.mode.name,
                        other.mode.name,
                        detector.name
                    );
                }
            }
        }
    }
}
