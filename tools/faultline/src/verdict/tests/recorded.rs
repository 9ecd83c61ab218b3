// SPDX-License-Identifier: GPL-2.0

//! The kernel logs of one matrix of drills: each proves its own fault, and no other one.

use super::super::check::{Result, LATENCY};
use super::super::dump::judge as judge_dump;
use super::super::expected::Expected;
use super::super::stage::Stage;
use super::super::{infer, Verdict};
use crate::dump::{Dump, State};
use crate::fault::case::Case;
use crate::fault::mode::{self, Mode, MODES};
use crate::klog::line::Line;
use crate::klog::message;
use crate::klog::story::Story;
use std::collections::BTreeSet;
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
    let log = include_str!("../../../tests/data/over/hard.nmi.log");
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
    let log = include_str!("../../../tests/data/faults/soft.soft-lockup.twice.log");
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
    let log = include_str!("../../../tests/data/faults/soft.soft-lockup.log");
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
    let found = "5.9 s; the threshold is unknown: it is not in the begin's line";
    assert_eq!(latency.found, found);
}

/// `touch` was reported and panicked, after ours had been reported.
#[test]
fn another_thread_that_is_reported_is_not_ours() {
    let log = include_str!("../../../tests/data/faults/hung.hung-task.log");
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
    let log = include_str!("../../../tests/data/faults/oops.itself.log");
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
        let plan =
            "[   14.0] lockup: run next: plan: mode=soft cpus=1 delay_secs=9 hold_secs=9 force=0\n";
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
        let (holds, _): (Vec<_>, Vec<_>) = log.lines().partition(|line| line.contains(": begin: "));
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
        assert_eq!(
            super::recorded::verdict(case, &whole).stage,
            Stage::WrongCause
        );
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
