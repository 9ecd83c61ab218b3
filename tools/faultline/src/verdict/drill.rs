// SPDX-License-Identifier: GPL-2.0

//! The verdict on a drill, from what was seen of the machine and, if there is one, its dump.

use super::expected::Expected;
use super::stage::Stage;
use super::{dump, Verdict};
use crate::dump::{Dump, State};
use crate::fault::case::Case;
use crate::run::event::End;
use crate::run::seen::Seen;

/// Judges a drill by what was seen of the machine and, if there is one, its dump.
pub fn judge(expected: &Expected, seen: &Seen, dumped: Option<&Dump>) -> Verdict {
    let case = expected.case;
    let end = |stage, summary: String, evidence| Verdict::of(case, stage, summary, evidence);
    if let Some(verdict) = judge_runner(case, seen) {
        return verdict;
    }
    if let Some(refused) = &seen.refused {
        let mut evidence = vec![refused.what.clone()];
        if let Some(Err(error)) = seen.crash_kernel.as_ref().map(|loaded| &loaded.what) {
            evidence.push(format!("kexec: {error}"));
        }
        let summary = format!("{}.ko refused to start", case.mode.module);
        let locked_down = seen.lockdown.clone();
        evidence.extend(locked_down);
        let mut verdict = end(Stage::Refused, summary, evidence);
        if let Some(advice) = verdict.evidence.iter().find_map(|line| unsigned(line)) {
            verdict.summary = format!(
                "the kernel refused {}.ko: it is not signed",
                case.mode.module
            );
            verdict.advice = advice.into();
        }
        return verdict;
    }
    // While one CPU panics, another may still report the end of the fault.
    let released = seen.released.as_ref().filter(|_| seen.panic.is_none());
    if let Some(release) = released.map(|at| &at.what) {
        let evidence = release.line.clone().into_iter().collect();
        let held = release.held_ms as f64 / 1000.0;
        return match (release.state.as_str(), release.detected()) {
            ("released" | "died", true) => {
                let summary = format!(
                    "the {} reported, but nothing panicked, in {held:.1} s",
                    case.detector.title
                );
                end(Stage::DetectedNoPanic, summary, evidence)
            }
            ("released" | "died", false) => {
                let summary = format!("the {} did not report in {held:.1} s", case.detector.title);
                end(Stage::NotDetected, summary, evidence)
            }
            (state, _) => end(
                Stage::CouldNotTell,
                format!("the fault was {state} before it began"),
                evidence,
            ),
        };
    }
    let Some(panic) = &seen.panic else {
        return end(
            Stage::CouldNotTell,
            format!(
                "the VM ended with neither a panic nor a result: {}",
                ending(seen)
            ),
            tail(&seen.stderr),
        );
    };
    judge_crash_kernel(case, seen, &panic.what)
        .unwrap_or_else(|| dump::judge(expected, dumped.unwrap_or(&Dump::only(State::Absent))))
}

/// Returns the advice for a kernel that refuses unsigned modules, if `line` is its message.
fn unsigned(line: &str) -> Option<&'static str> {
    const REFUSALS: &[&str] = &[
        "Lockdown: ",
        "Key was rejected by service",
        "Required key not available",
        "Loading of unsigned module is rejected",
        "Loading of module with unavailable key is rejected",
        "Loading of module with unsupported crypto is rejected",
    ];
    REFUSALS.iter().any(|refusal| line.contains(refusal)).then_some(
        "The kernel is locked down (Secure Boot) or enforces signatures (module.sig_enforce). Sign \
         the module with a key that this machine trusts (a MOK, see mokutil), or boot without \
         lockdown. --force changes nothing about it.",
    )
}

/// Returns a verdict if the drill itself failed, and says nothing about the fault.
fn judge_runner(case: Case, seen: &Seen) -> Option<Verdict> {
    let unknown =
        |summary: String, evidence| Some(Verdict::of(case, Stage::CouldNotTell, summary, evidence));
    if seen
        .end
        .as_ref()
        .is_some_and(|end| end.what == End::Interrupted)
    {
        return unknown("the drill was interrupted".into(), Vec::new());
    }
    if let Some(failed) = &seen.guest_failed {
        return unknown("the guest side failed".into(), vec![failed.what.clone()]);
    }
    if seen.up.is_none() {
        return unknown(
            format!("the VM did not get ready: {}", ending(seen)),
            tail(&seen.stderr),
        );
    }
    None
}

/// Describes how the machine ended.
fn ending(seen: &Seen) -> String {
    match seen.end.as_ref().map(|end| &end.what) {
        Some(End::Status(124)) | Some(End::TimedOut) => "it timed out".into(),
        Some(End::Status(status)) => format!("the runner's exit status is {status}"),
        Some(End::Signal(signal)) => format!("the runner was killed by signal {signal}"),
        Some(End::Interrupted) | None => "the drill was interrupted".into(),
    }
}

fn tail(lines: &[String]) -> Vec<String> {
    lines[lines.len().saturating_sub(10)..].to_vec()
}

/// Returns what went wrong between the panic and the end of the crash kernel.
fn judge_crash_kernel(case: Case, seen: &Seen, panic: &str) -> Option<Verdict> {
    let end = |stage, summary: String, evidence| Some(Verdict::of(case, stage, summary, evidence));
    let crash = &seen.crash;
    if crash.booted.is_none() {
        let (summary, evidence) = match seen.crash_kernel.as_ref().map(|loaded| &loaded.what) {
            Some(Ok(_)) => (
                "panic, but the loaded crash kernel did not start".into(),
                Vec::new(),
            ),
            Some(Err(error)) => (
                "panic, but no crash kernel was loaded".into(),
                vec![format!("kexec: {error}")],
            ),
            None => ("panic, but no crash kernel was loaded".into(), Vec::new()),
        };
        let evidence = [
            vec![format!("Kernel panic - not syncing: {panic}")],
            evidence,
        ]
        .concat();
        return end(Stage::PanicNoCrashKernel, summary, evidence);
    }
    let dumped = crash
        .dump_ended
        .as_ref()
        .is_some_and(|status| status.what == 0);
    if !dumped && !crash.out_of_memory.is_empty() {
        let evidence = [
            tail(&crash.out_of_memory),
            crash.panic.clone().into_iter().collect(),
        ]
        .concat();
        return end(
            Stage::CrashKernelOutOfMemory,
            "the crash kernel ran out of memory".into(),
            evidence,
        );
    }
    if crash.no_disk {
        return end(
            Stage::DumpFailed,
            "the crash kernel found no disk for the dump".into(),
            crash.last.clone(),
        );
    }
    if let Some(status) = crash.dump_ended.as_ref().filter(|status| status.what != 0) {
        let summary = format!("makedumpfile ended with exit status {}", status.what);
        return end(Stage::DumpFailed, summary, crash.last.clone());
    }
    if !dumped {
        let when = match (crash.up, crash.dump_started) {
            (None, _) => "before its user space ran",
            (_, None) => "before it started the dump",
            _ => "during the dump",
        };
        let why = match &crash.panic {
            Some(message) => format!("it panicked: {message}"),
            None => ending(seen),
        };
        return end(
            Stage::CrashKernelDied,
            format!("the crash kernel died {when}: {why}"),
            crash.last.clone(),
        );
    }
    None
}
