// SPDX-License-Identifier: GPL-2.0

//! Verdicts on recorded drills, and on dumps with a recorded log.

mod recorded;

use super::check::{Check, Result};
use super::drill::judge;
use super::dump::judge as judge_dump;
use super::expected::Expected;
use super::stage::Stage;
use super::{infer, Verdict};
use crate::dump::drgn::{Silence, Witness};
use crate::dump::{Dump, State};
use crate::fault::case::Case;
use crate::fault::mode;
use crate::klog::line::Line;
use crate::klog::story::Story;
use crate::run::event::{End, Heard, What};
use crate::run::seen::Seen;

const LOG: &str = include_str!("../../tests/data/soft.log");
const SYSRQ: &str = include_str!("../../tests/data/sysrq.log");
const PASS: &str = include_str!("../../tests/data/pass.ndjson");

fn case() -> Case {
    Case::new(mode::find("soft").unwrap(), None).unwrap()
}

/// What was expected of the drill that the recorded log is from.
fn expected() -> Expected {
    Expected {
        case: case(),
        run_id: Some("t1".into()),
        cpus: Some("1".into()),
        threshold: Some(2),
        insists: false,
    }
}

fn heard(record: &str) -> Vec<Heard> {
    record
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

fn seen(heard: &[Heard]) -> Seen {
    let mut seen = Seen::default();
    for heard in heard {
        seen.add(case(), heard);
    }
    seen
}

fn dump(log: &str) -> Dump {
    let mut dump = Dump::only(State::Complete { pages: 3 });
    dump.story = Some(Story::read(case(), log));
    dump
}

/// The verdict on a recorded drill without a dump.
fn of_record(record: &str) -> Verdict {
    judge(&expected(), &seen(&heard(record)), None)
}

/// The verdict on the recorded pass, changed so that the crash kernel ends after
/// the line with `last`, in which `change` replaces it.
fn of_crash(last: &str, change: &str) -> Verdict {
    let mut record = heard(PASS);
    let is_last = |heard: &Heard| matches!(&heard.what, What::Console(line) if line.contains(last));
    let at = record.iter().position(is_last).unwrap();
    let end = record.pop().unwrap();
    record.truncate(at + 1);
    if let What::Console(line) = &mut record[at].what {
        *line = line.replace(last, change);
    }
    record.push(end);
    judge(&expected(), &seen(&record), None)
}

/// The names of the failed checks in the verdict on a dump with that log.
fn failed(expected: &Expected, log: &str) -> (Stage, Vec<&'static str>) {
    let verdict = judge_dump(expected, &dump(log));
    let failed = |check: &&Check| check.result == Result::Failed;
    let names = verdict.checks.iter().filter(failed).map(|check| check.name);
    (verdict.stage, names.collect())
}

#[test]
fn pass() {
    let verdict = judge(&expected(), &seen(&heard(PASS)), Some(&dump(LOG)));
    assert_eq!(verdict.stage, Stage::Pass);
    assert_eq!(
        verdict.summary,
        "soft lockup on CPU 1 in lockup/1, run id t1; its stack shows \
         lockup::modes::spin_preemption_off [lockup]"
    );
    assert!(verdict.advice.is_empty());
    assert!(verdict
        .checks
        .iter()
        .all(|check| check.result == Result::Ok));
}

#[test]
fn pass_needs_nothing_but_the_log() {
    let expected = Expected {
        run_id: None,
        cpus: None,
        threshold: None,
        ..expected()
    };
    let verdict = judge_dump(&expected, &dump(LOG));
    assert_eq!(verdict.stage, Stage::Pass);
    let skipped = |check: &&Check| check.result == Result::Skipped;
    let names: Vec<_> = verdict
        .checks
        .iter()
        .filter(skipped)
        .map(|check| check.name)
        .collect();
    assert_eq!(names, ["run id", "latency"]);
}

#[test]
fn refused() {
    let verdict = of_record(include_str!("../../tests/data/refused.ndjson"));
    assert_eq!(verdict.stage, Stage::Refused);
    assert!(verdict.evidence[0].contains("no crash kernel is loaded"));
}

#[test]
fn refused_since_kexec_failed() {
    let verdict = of_record(include_str!("../../tests/data/refused_kexec.ndjson"));
    assert_eq!(verdict.stage, Stage::Refused);
    assert!(verdict.evidence[1].starts_with("kexec: "));
}

#[test]
fn not_detected() {
    let verdict = of_record(include_str!("../../tests/data/not_detected.ndjson"));
    assert_eq!(verdict.stage, Stage::NotDetected);
    assert!(verdict.evidence[0].contains("nothing detected it"));
}

#[test]
fn detected_no_panic() {
    let verdict = of_record(include_str!("../../tests/data/no_panic.ndjson"));
    assert_eq!(verdict.stage, Stage::DetectedNoPanic);
    assert!(verdict.evidence[0].contains("softlockup_count went 0 -> 1"));
}

#[test]
fn panic_no_crash_kernel() {
    let verdict = of_record(include_str!("../../tests/data/no_crash_kernel.ndjson"));
    assert_eq!(verdict.stage, Stage::PanicNoCrashKernel);
    assert_eq!(verdict.summary, "panic, but no crash kernel was loaded");
}

/// The guest saw the thread die before the panic had stopped it.
#[test]
fn a_panic_counts_more_than_a_result() {
    let record = include_str!("../../tests/data/no_crash_kernel.ndjson");
    let (panics, died) = (
        "Kernel panic",
        r#"{"at": 18.6, "guest": {"event": "released", "#,
    );
    let at = record.find(panics).unwrap();
    let line = record[..at].rfind('\n').unwrap() + 1;
    let died = format!(
        r#"{died}"state": "died", "held_ms": 9, "counter": [0, 1], "reports": 1, "line": null}}}}"#
    );
    let record = format!("{}{died}\n{}", &record[..line], &record[line..]);
    assert_eq!(of_record(&record).stage, Stage::PanicNoCrashKernel);
}

#[test]
fn panic_and_the_loaded_crash_kernel_is_silent() {
    let verdict = of_crash("Kernel panic - not syncing", "Kernel panic - not syncing");
    assert_eq!(verdict.stage, Stage::PanicNoCrashKernel);
    assert!(verdict.summary.ends_with("did not start"));
}

#[test]
fn crash_kernel_out_of_memory() {
    let verdict = of_record(include_str!("../../tests/data/out_of_memory.ndjson"));
    assert_eq!(verdict.stage, Stage::CrashKernelOutOfMemory);
    assert!(verdict
        .evidence
        .iter()
        .any(|line| line.contains("oom-killer")));
}

#[test]
fn crash_kernel_died() {
    let verdict = of_crash("dump start", "dump start");
    assert_eq!(verdict.stage, Stage::CrashKernelDied);
    assert!(
        verdict.summary.contains("during the dump"),
        "{}",
        verdict.summary
    );
    let verdict = of_crash("Run /init", "Kernel panic - not syncing: oh");
    assert_eq!(verdict.stage, Stage::CrashKernelDied);
    assert!(verdict
        .summary
        .contains("before its user space ran: it panicked: oh"));
}

#[test]
fn dump_failed() {
    let verdict = of_crash("makedumpfile exit=0", "makedumpfile exit=1");
    assert_eq!(verdict.stage, Stage::DumpFailed);
    assert_eq!(verdict.summary, "makedumpfile ended with exit status 1");
    assert_eq!(
        of_crash("dump start disk=/dev/vda", "no disk").stage,
        Stage::DumpFailed
    );
    // All went well, they say, but there is nothing on the disk.
    assert_eq!(of_record(PASS).stage, Stage::DumpFailed);
}

#[test]
fn dump_incomplete() {
    let mut dump = dump(LOG);
    dump.state = State::Incomplete("1 of its 3 pages are not in the file".into());
    let verdict = judge(&expected(), &seen(&heard(PASS)), Some(&dump));
    assert_eq!(verdict.stage, Stage::DumpIncomplete);
    assert_eq!(verdict.checks[0].result, Result::Failed);
}

/// The verdict on a saved log alone.
fn of_saved(text: &str) -> Verdict {
    let mut dump = Dump::of_log(text.as_bytes()).unwrap();
    let case = infer::case(dump.log.as_deref().unwrap(), None, None);
    dump.story = Some(Story::read(case, dump.log.as_deref().unwrap()));
    let expected = Expected {
        case,
        run_id: None,
        cpus: None,
        threshold: None,
        insists: true,
    };
    judge_dump(&expected, &dump)
}

/// Each line of the recorded log, as somebody else saves it.
fn saved_as(line: impl Fn(&str, &str) -> String) -> String {
    let lines = LOG.lines().map(|text| {
        let parsed = Line::parse(text);
        line(&format!("{:.6}", parsed.time.unwrap()), parsed.text) + "\n"
    });
    lines.collect()
}

#[test]
fn a_saved_log_alone_is_no_pass_whoever_saved_it() {
    let summary = "soft lockup on CPU 1 in lockup/1, run id t1; its stack shows \
                   lockup::modes::spin_preemption_off [lockup]";
    let pstore = {
        let lines: Vec<_> = LOG.lines().map(|line| format!("<6>{line}\n")).collect();
        let (older, newer) = lines.split_at(lines.len() / 2);
        let (older, newer) = (older.concat(), newer.concat());
        format!("Panic#1 Part1\n{newer}Panic#1 Part2\n{older}")
    };
    for (saved, has_times) in [
        (LOG.to_string(), true),
        (pstore, true),
        (
            saved_as(|time, text| format!("[{time:>13}][    C1] {text}")),
            true,
        ),
        (
            saved_as(|time, text| format!("[{time:>13}] host kernel: {text}")),
            true,
        ),
        (
            saved_as(|_, text| format!("Nov 28 05:05:52 host kernel: {text}")),
            false,
        ),
        (
            saved_as(|time, text| {
                format!("2026-11-28T05:05:52+00:00 host kernel: [{time:>13}] {text}")
            }),
            true,
        ),
    ] {
        let verdict = of_saved(&saved);
        assert_eq!(verdict.stage, Stage::NoDump, "{}\n{saved}", verdict.summary);
        assert_eq!(verdict.summary, summary);
        assert_eq!(verdict.stage.outcome().exit_status(), 3);
        let dump = &verdict.checks[0];
        assert_eq!((dump.name, dump.result), ("dump", Result::Skipped));
        assert_eq!(verdict.latency.is_some(), has_times);
    }
    // What is wrong is wrong without a dump.
    let other = LOG.replace("not syncing: softlockup: hung tasks", "not syncing: x");
    assert_eq!(of_saved(&other).stage, Stage::WrongCause);
}

/// A guest that went on until somebody took its dump, or its log.
#[test]
fn without_a_panic() {
    let panic = LOG.find("Kernel panic").unwrap();
    let panic = LOG[..panic].rfind('\n').unwrap() + 1;
    let judged = |log: &str| {
        let verdict = judge_dump(&expected(), &dump(log));
        assert_eq!(of_saved(log).stage, verdict.stage);
        verdict
    };
    let verdict = judged(&LOG[..panic]);
    assert_eq!(verdict.stage, Stage::DetectedNoPanic);
    assert_eq!(
        verdict.summary,
        "nothing panicked; reported: soft lockup on CPU 1 in lockup/1, run id t1; its stack \
         shows lockup::modes::spin_preemption_off [lockup]"
    );
    let other = LOG[..panic].replace("[lockup/1:142]", "[touch:194]");
    assert_eq!(judged(&other).stage, Stage::WrongCause);
    let report = LOG.find("watchdog: BUG").unwrap();
    let report = LOG[..report].rfind('\n').unwrap() + 1;
    let begun = &LOG[..report];
    assert_eq!(judged(begun).stage, Stage::CouldNotTell);
    let end = "[   14.0] lockup: run t1: cpu 1: end: held_ms=9 mono_ns=9\n";
    assert_eq!(judged(&format!("{begun}{end}")).stage, Stage::NotDetected);
    assert_eq!(
        judge_dump(&expected(), &dump("[    0.0] Linux version 7.3\n")).stage,
        Stage::WrongCause
    );
}

#[test]
fn a_module_that_is_not_signed_is_refused_by_name() {
    let record = include_str!("../../tests/data/refused.ndjson");
    let mut seen = seen(&heard(record));
    seen.refused.as_mut().unwrap().what =
        "insmod lockup.ko mode=soft: Operation not permitted (os error 1)".into();
    let locked = Heard {
        at: 9.0,
        what: What::Console(
            "[    9.0] Lockdown: faultline: unsigned module loading is restricted; see man \
             kernel_lockdown.7"
                .into(),
        ),
    };
    let before = judge(&expected(), &seen, None);
    assert!(before.summary.ends_with("refused to start"));
    seen.add(case(), &locked);
    let verdict = judge(&expected(), &seen, None);
    assert_eq!(verdict.stage, Stage::Refused);
    assert_eq!(
        verdict.summary,
        "the kernel refused lockup.ko: it is not signed"
    );
    assert!(verdict
        .evidence
        .iter()
        .any(|line| line.starts_with("Lockdown: ")));
    assert!(verdict.advice.contains("lock") && verdict.advice.contains("MOK"));
    seen.lockdown = None;
    seen.refused.as_mut().unwrap().what =
        "insmod lockup.ko: Key was rejected by service (os error 129)".into();
    assert!(judge(&expected(), &seen, None).advice.contains("Sign"));
}

#[test]
fn no_name_of_a_template_is_shown() {
    for log in [SYSRQ, "[    0.0] Linux version 7.3\n", "[    9.0] x\n"] {
        for mode in [None, mode::find("soft"), mode::find("stop_machine")] {
            let case = infer::case(log, mode, None);
            let mut dump = dump(log);
            dump.story = Some(Story::read(case, log));
            let expected = Expected { case, ..expected() };
            let told = format!("{:?}", judge_dump(&expected, &dump));
            assert!(!told.contains("{cpu}") && !told.contains("{run}"), "{told}");
        }
    }
}

#[test]
fn unreadable() {
    let dump = Dump::only(State::Unreadable("is empty".into()));
    let verdict = judge_dump(&expected(), &dump);
    assert_eq!(
        (verdict.stage, verdict.summary.as_str()),
        (Stage::Unreadable, "the dump is empty")
    );
}

#[test]
fn could_not_tell() {
    let end = |end| {
        [Heard {
            at: 1.0,
            what: What::End(end),
        }]
    };
    for (heard, summary) in [
        (
            end(End::Status(71)),
            "the VM did not get ready: the runner's exit status is 71",
        ),
        (
            end(End::Status(124)),
            "the VM did not get ready: it timed out",
        ),
        (end(End::Interrupted), "the drill was interrupted"),
    ] {
        let verdict = judge(&expected(), &seen(&heard), None);
        assert_eq!(
            (verdict.stage, verdict.summary.as_str()),
            (Stage::CouldNotTell, summary)
        );
    }
    let dump = Dump::only(State::GivenUp("interrupted while reading the dump".into()));
    assert_eq!(judge_dump(&expected(), &dump).stage, Stage::CouldNotTell);
}

#[test]
fn wrong_cpu() {
    let expected = Expected {
        cpus: Some("0,2-3".into()),
        ..expected()
    };
    assert_eq!(failed(&expected, LOG), (Stage::WrongCause, vec!["cpu"]));
    // The panic struck on a CPU that we did nothing to.
    let log = LOG.replace("CPU: 1 ", "CPU: 0 ");
    let (stage, names) = failed(&self::expected(), &log);
    assert_eq!(stage, Stage::WrongCause);
    assert!(names.contains(&"cpu") && names.contains(&"thread"));
}

#[test]
fn wrong_run_id() {
    let expected = Expected {
        run_id: Some("other".into()),
        ..expected()
    };
    assert_eq!(failed(&expected, LOG), (Stage::WrongCause, vec!["run id"]));
}

#[test]
fn wrong_thread() {
    let log = LOG.replace("Comm: lockup/1", "Comm: kworker/1:1");
    assert_eq!(
        failed(&expected(), &log),
        (Stage::WrongCause, vec!["thread", "stack"])
    );
    let log = LOG.replace("[lockup/1:142]", "[kworker/1:1:142]");
    assert_eq!(
        failed(&expected(), &log),
        (Stage::WrongCause, vec!["thread"])
    );
}

#[test]
fn wrong_stack() {
    let log = LOG.replace("[lockup]", "[other]");
    assert_eq!(
        failed(&expected(), &log),
        (Stage::WrongCause, vec!["stack"])
    );
}

#[test]
fn wrong_cause() {
    let log = LOG.replace(
        "not syncing: softlockup: hung tasks",
        "not syncing: hung_task: blocked tasks",
    );
    assert_eq!(
        failed(&expected(), &log),
        (Stage::WrongCause, vec!["cause"])
    );
    let (stage, names) = failed(&expected(), SYSRQ);
    assert_eq!(stage, Stage::WrongCause);
    assert_eq!(
        names,
        ["cause", "thread", "cpu", "run id", "stack", "latency"]
    );
    // What it was comes first.
    let plan = "[    9.000000] [    T139] lockup: run t1: plan: mode=soft cpus=1 delay_secs=60 \
                hold_secs=60 force=0 watchdog_thresh=2\n";
    let sysrq = "[    9.397192] [    T139] sysrq:";
    let log = SYSRQ.replacen(sysrq, &format!("{plan}{sysrq}"), 1);
    let summary = judge_dump(&expected(), &dump(&log)).summary;
    assert!(
        summary.starts_with(
            "panic 'sysrq triggered crash', mode=soft was planned but had not begun; \
             failed checks: cause (log), "
        ),
        "{summary}"
    );
}

#[test]
fn outside_the_window() {
    let log = LOG.replace("[   13.959664]", "[    3.959664]");
    assert_eq!(
        failed(&expected(), &log),
        (Stage::OutsideWindow, vec!["latency"])
    );
}

#[test]
fn a_stall_touches_the_watchdog() {
    let begin = LOG.replace("[   13.959664]", "[    3.959664]");
    let with = |line: &str| {
        let report = "[   20.024886] [      C1] watchdog: BUG: soft lockup";
        let log = begin.replace(report, &format!("{line}\n{report}"));
        assert_ne!(log, begin);
        failed(&expected(), &log).0
    };
    let stall = "rcu: INFO: rcu_preempt self-detected stall on CPU";
    assert_eq!(with(&format!("[   14.5] [      C1] {stall}")), Stage::Pass);
    // One that does not explain it, and one that came before the fault.
    for early in ["5.5", "2.5"] {
        let log = with(&format!("[    {early}] [      C1] {stall}"));
        assert_eq!(log, Stage::OutsideWindow, "{early}");
    }
}

#[test]
fn a_message_of_an_interrupt_touches_the_watchdog_of_its_cpu() {
    let begin = LOG.replace("[   13.959664]", "[    3.959664]");
    let with = |line: &str| {
        let report = "[   20.024886] [      C1] watchdog: BUG: soft lockup";
        let log = begin.replace(report, &format!("{line}\n{report}"));
        assert_ne!(log, begin);
        failed(&expected(), &log).0
    };
    let slow = "hrtimer: interrupt took 65460175 ns";
    assert_eq!(with(&format!("[   14.5] [      C1] {slow}")), Stage::Pass);
    // Of another CPU, of a thread, too early to explain it, before the fault, of nobody known.
    for other in [
        "[   14.5] [      C0]",
        "[   14.5] [    T141]",
        "[    5.5] [      C1]",
        "[    2.5] [      C1]",
        "[   14.5]",
    ] {
        let log = with(&format!("{other} {slow}"));
        assert_eq!(log, Stage::OutsideWindow, "{other}");
    }
}

#[test]
fn a_stack_that_the_kernel_could_not_unwind() {
    // Interrupted at the first instruction of a retpoline.
    let lost = LOG.replace(
        "faultline_helper_cpu_relax+0xb/0x10 [lockup]",
        "__x86_indirect_thunk_array+0x0/0x20",
    );
    let lost: String = lost
        .lines()
        .map(|line| match line.split_once("[      C1]  ") {
            Some((head, entry)) if !entry.starts_with(['?', '<']) && entry.contains("+0x") => {
                format!("{head}[      C1]  ? {entry}\n")
            }
            _ => format!("{line}\n"),
        })
        .collect();
    let verdict = judge_dump(&expected(), &dump(&lost));
    assert_eq!(verdict.stage, Stage::Pass, "{verdict:?}");
    let stack = verdict
        .checks
        .iter()
        .find(|check| check.name == "stack")
        .unwrap();
    assert_eq!(stack.result, Result::Skipped);
    // Guesses of something else say nothing, and are no excuse.
    let other = lost.replace("spin_preemption_off", "spin_preemption_xxx");
    assert_eq!(
        failed(&expected(), &other),
        (Stage::WrongCause, vec!["stack"])
    );
    // Nor is one of them an excuse for a stack that could be unwound.
    let whole = lost.replace("? ret_from_fork_asm", "ret_from_fork_asm");
    assert_eq!(
        failed(&expected(), &whole),
        (Stage::WrongCause, vec!["stack"])
    );
}

#[test]
fn drgn_has_a_say() {
    let witness = Witness::read(include_str!("../../tests/data/drgn.json")).unwrap();
    let verdict_with = |witness| {
        let expected = Expected {
            threshold: None,
            ..expected()
        };
        judge_dump(
            &expected,
            &Dump {
                witness: Some(witness),
                ..dump(LOG)
            },
        )
    };
    let verdict = verdict_with(Ok(witness.clone()));
    assert_eq!(verdict.stage, Stage::Pass);
    assert_eq!(
        verdict
            .checks
            .iter()
            .filter(|check| check.source == "drgn")
            .count(),
        5
    );
    // The threshold is known from the dump.
    assert!(verdict.latency.unwrap().window.is_some());
    let verdict = verdict_with(Ok(Witness {
        panic_message: Some("Kernel panic - not syncing: x".into()),
        ..witness.clone()
    }));
    assert_eq!(
        (verdict.stage, verdict.summary.as_str()),
        (Stage::WrongCause, "failed checks: cause (drgn): panic 'x'")
    );
    let verdict = verdict_with(Ok(Witness {
        threads: Vec::new(),
        ..witness.clone()
    }));
    assert_eq!(
        verdict.summary,
        "failed checks: stack (drgn): no frame of [lockup]"
    );
    let missing = vec!["ignoring module: could not read memory".into()];
    let verdict = verdict_with(Ok(Witness {
        missing,
        ..witness.clone()
    }));
    assert_eq!(verdict.stage, Stage::DumpIncomplete);
    let silent = |is_excused| {
        let reason = "no drgn".into();
        verdict_with(Err(Silence { reason, is_excused }))
    };
    let verdict = silent(false);
    assert_eq!(verdict.stage, Stage::CouldNotTell);
    assert_eq!(verdict.summary, "no answer to all (drgn): no drgn");
    let verdict = silent(true);
    assert_eq!(verdict.stage, Stage::Pass);
    assert_eq!(verdict.checks.last().unwrap().result, Result::Skipped);
    let failed = |question: &str| Witness {
        failed: [(question.to_string(), "a reason".to_string())].into(),
        ..witness.clone()
    };
    for (witness, names) in [
        (
            Witness {
                panic_message: None,
                ..failed("panic_message")
            },
            "cause (drgn)",
        ),
        (
            Witness {
                crashed: None,
                ..failed("crashed")
            },
            "thread (drgn), cpu (drgn)",
        ),
        (
            Witness {
                threads: Vec::new(),
                ..failed("threads")
            },
            "stack (drgn)",
        ),
        (
            Witness {
                threads: Vec::new(),
                unread: vec!["lockup/1: no registers".into()],
                ..witness.clone()
            },
            "stack (drgn)",
        ),
    ] {
        let verdict = verdict_with(Ok(witness));
        assert_eq!(verdict.stage, Stage::CouldNotTell);
        let summary = format!("no answer to {names}: ");
        assert!(verdict.summary.starts_with(&summary), "{}", verdict.summary);
    }
}
