// SPDX-License-Identifier: GPL-2.0

//! The checks of a dump: whether it shows the fault that was injected. The same questions
//! go to its kernel log, and to its memory where drgn can read it.

use crate::detector::Who;
use crate::drgn::Witness;
use crate::dump::{Dump, State};
use crate::klog::{Begin, Detection, Locks, Panic, Stack, Story};
use crate::mode::{Case, Proof};
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
    Skipped,
}

/// One check of a dump.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Check {
    pub name: &'static str,
    /// Who says so: `dump`, `log` (the dump's kernel log) or `drgn`.
    pub source: &'static str,
    pub result: Result,
    /// What was found; the reason if the check was skipped.
    pub found: String,
    /// What should have been found.
    pub expected: String,
}

pub const LATENCY: &str = "latency";
pub const PAGES: &str = "pages";
pub const STACK: &str = "stack";

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

fn or_none(text: Option<String>) -> String {
    text.unwrap_or_else(|| "none".into())
}

/// Whether all of a dump is in its file.
pub fn complete(dump: &Dump) -> Check {
    let (ok, found) = match &dump.state {
        State::Complete { pages } => (true, format!("complete, {pages} pages")),
        State::Incomplete(missing) => (false, missing.clone()),
        State::Unreadable(why) | State::GivenUp(why) => (false, why.clone()),
        State::Absent => (false, "absent".into()),
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
            Who::Culprit => panicked,
            Who::Anybody => {
                reported_cpu(case, story).or(story.begins.first().map(|begin| begin.cpu))
            }
        };
        let about = |detection: &&Detection| detection.cpu.is_none() || detection.cpu == cpu;
        Facts {
            expected,
            case,
            story,
            cpu,
            begin: story.begins.iter().find(|begin| Some(begin.cpu) == cpu),
            detection: story.detections.iter().find(about),
            panic,
        }
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

    /// The checks that the dump's kernel log allows.
    pub fn by_log(&self, latency: Option<&Latency>) -> Vec<Check> {
        let mut checks = vec![
            self.cause(),
            self.log_thread(),
            self.log_cpu(),
            self.run_id(),
        ];
        checks.extend(self.stacks("log", &self.story.stacks));
        checks.push(check_latency(latency));
        checks
    }

    /// A panic of the detector, after its report, after our fault.
    fn cause(&self) -> Check {
        let message = self.panic.map(|panic| panic.message.clone());
        let is_reported = self.detection.is_some() || self.case.reports().is_empty();
        let ok = is_reported
            && message
                .as_deref()
                .is_some_and(|message| self.is_panic(message))
            && self
                .begin
                .is_some_and(|begin| begin.mode == self.case.mode.name);
        let found = format!(
            "panic '{}', {}",
            or_none(message),
            match self.begin {
                _ if !is_reported => format!("no report of the {}", self.case.detector.title),
                None => "no fault of ours on that CPU".into(),
                Some(begin) => format!("after mode={}", begin.mode),
            }
        );
        check("cause", "log", ok, found, self.wanted_cause())
    }

    fn wanted_cause(&self) -> String {
        format!(
            "panic '{}', after mode={}",
            self.panics().join("' or '"),
            self.case.mode.name
        )
    }

    /// What its panic may say.
    fn panics(&self) -> Vec<String> {
        let run = self.begin.map_or("", |begin| begin.run_id.as_str());
        let panics = self.case.detector.panic.iter();
        panics
            .map(|text| {
                template::fill(
                    &template::fill(text, "run", run),
                    "mode",
                    self.case.mode.name,
                )
            })
            .collect()
    }

    /// Is this what the panic should say, or the oops that stands for it?
    fn is_panic(&self, message: &str) -> bool {
        let is = |text: &str| template::is(text, message);
        self.panics().iter().any(|text| is(text))
            || (self.case.is_self_reported() && self.case.mode.reports.iter().any(|text| is(text)))
    }

    fn log_thread(&self) -> Check {
        let wanted = self.thread();
        let panicked = self.panic.and_then(|panic| panic.stack.as_ref());
        let reported: Vec<_> = self
            .story
            .detections
            .iter()
            .filter_map(|detection| detection.thread.as_deref())
            .collect();
        let named = |stack: &Stack| format!("{} (PID {})", stack.thread, stack.pid);
        let shown = self
            .story
            .stacks
            .iter()
            .find(|stack| stack.thread == wanted);
        let is_reported = reported.is_empty() || reported.contains(&wanted.as_str());
        if !is_reported {
            return check(
                "thread",
                "log",
                false,
                format!("{} reported", reported.join(", ")),
                wanted,
            );
        }
        match self.case.detector.panics_in {
            Who::Culprit => {
                let ok = panicked.is_some_and(|stack| stack.thread == wanted);
                check("thread", "log", ok, or_none(panicked.map(named)), wanted)
            }
            Who::Anybody if reported.is_empty() && self.is_silent(&self.story.stacks) => {
                skipped("thread", "log", self.silent())
            }
            Who::Anybody => {
                let ok = shown.is_some() || !reported.is_empty();
                let found = shown
                    .map(named)
                    .or(reported.first().map(|_| wanted.clone()));
                check("thread", "log", ok, or_none(found), wanted)
            }
        }
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
        let announced = self.story.announced.as_ref();
        let cpus = self
            .expected
            .cpus
            .as_deref()
            .or(announced.map(|announced| announced.cpus.as_str()));
        let is_in = |cpu| cpus.is_some_and(|cpus| cpu_list_has(cpus, cpu));
        let ok = self.cpu.is_some_and(is_in) && self.begin.is_some();
        let found = self.cpu.map(|cpu| match self.begin {
            Some(_) => format!("CPU {cpu}"),
            None => format!("CPU {cpu}, where nothing was injected"),
        });
        let wanted = format!("CPU {}", cpus.unwrap_or("of an injection"));
        check("cpu", "log", ok, or_none(found), wanted)
    }

    fn run_id(&self) -> Check {
        let announced = self.story.announced.as_ref();
        let found = self
            .begin
            .map(|begin| begin.run_id.clone())
            .or(announced.map(|announced| announced.run_id.clone()));
        match (&self.expected.run_id, self.begin) {
            (Some(wanted), _) => {
                let ok = found.as_ref() == Some(wanted);
                check("run id", "log", ok, or_none(found), wanted)
            }
            (None, Some(begin)) => {
                let reason = format!("{}; none to compare with was given", begin.run_id);
                skipped("run id", "log", reason)
            }
            (None, None) => check("run id", "log", false, "none", "a run id"),
        }
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

    /// The checks that drgn allows: the same questions, to the dump's memory.
    pub fn by_drgn(&self, answer: &std::result::Result<Witness, String>) -> Vec<Check> {
        let witness = match answer {
            Ok(witness) => witness,
            Err(error) => return vec![skipped("all", "drgn", format!("drgn failed: {error}"))],
        };
        let message = witness
            .panic_message
            .strip_prefix("Kernel panic - not syncing: ")
            .unwrap_or(&witness.panic_message);
        let crashed = &witness.crashed;
        let mut checks = vec![check(
            "cause",
            "drgn",
            self.is_panic(message),
            format!("panic '{message}'"),
            format!("panic '{}'", self.panics().join("' or '")),
        )];
        if self.case.detector.panics_in == Who::Culprit {
            let wanted = self.thread();
            checks.push(check(
                "thread",
                "drgn",
                crashed.thread == wanted,
                format!("{} (PID {})", crashed.thread, crashed.pid),
                wanted,
            ));
            checks.push(check(
                "cpu",
                "drgn",
                crashed.cpu == self.cpu,
                or_none(crashed.cpu.map(|cpu| format!("CPU {cpu}"))),
                self.cpu.map_or("the CPU that the log names".into(), |cpu| {
                    format!("CPU {cpu}")
                }),
            ));
        }
        checks.extend(self.stacks("drgn", &witness.threads));
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
    cpu.map_or(thread.into(), |cpu| template::fill(thread, "cpu", cpu))
}

/// The CPU of the first report that is about one of ours.
fn reported_cpu(case: Case, story: &Story) -> Option<u32> {
    story.detections.iter().find_map(|detection| {
        let begins = story.begins.iter().map(|begin| begin.cpu);
        let is_about = |cpu: &u32| match (detection.cpu, detection.thread.as_deref()) {
            (Some(at), _) => at == *cpu,
            (None, Some(thread)) => thread == thread_of(case, Some(*cpu)),
            (None, None) => false,
        };
        detection.cpu.or(begins.clone().find(is_about))
    })
}

fn check_latency(latency: Option<&Latency>) -> Check {
    match latency {
        None => check(
            LATENCY,
            "log",
            false,
            "no time from a fault to a report",
            "a time",
        ),
        Some(Latency {
            secs, window: None, ..
        }) => skipped(
            LATENCY,
            "log",
            format!("{secs:.1} s; the threshold is not known"),
        ),
        Some(Latency {
            secs,
            window: Some(window),
            ..
        }) => {
            let wanted = format!("{window}, give or take {:.0} s", window.tolerance_secs);
            check(
                LATENCY,
                "log",
                window.contains(*secs),
                format!("{secs:.1} s"),
                wanted,
            )
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mode::{self, Mode, MODES};
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
