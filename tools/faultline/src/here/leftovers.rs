// SPDX-License-Identifier: GPL-2.0

//! The stage that a drill without a complete dump reached, judged from what it left: the kernel's
//! log in the places where it may have been saved, the log of the program that saves dumps, the
//! dump's directory, the watchdog's boot status.

use super::find::runs;
use super::state::Armed;
use crate::dump::{Dump, State};
use crate::fault::case::Case;
use crate::klog::story::Story;
use crate::run::seen::OUT_OF_MEMORY;
use crate::verdict::expected::Expected;
use crate::verdict::stage::Stage;
use crate::verdict::{self, Verdict};

/// The evidence.
#[derive(Debug, Default)]
pub struct Leftovers {
    /// Whether the machine has not rebooted since the fault.
    pub same_boot: bool,
    /// The source and text of each kernel log that may show the fault, the best first.
    pub logs: Vec<(String, String)>,
    /// Whether the crash kernel's user space left a file.
    pub saved_something: Option<String>,
    /// Lines of the crash kernel, or of the program that saves dumps.
    pub saver: Vec<String>,
    /// A line that shows that a crash kernel ran.
    pub crash_kernel: Option<String>,
    /// A sentence that says how long after the drill was armed this boot began.
    pub back: Option<String>,
    /// Why no dump fits into the target.
    pub full: Option<String>,
    /// A line on the reset by a hardware watchdog.
    pub watchdog: Option<String>,
    /// A line that shows that the machine was shut down in order.
    pub shutdown: Option<String>,
    /// Files that are new but belong to no dump of this run.
    pub others: Vec<String>,
    /// Sources that could not be read.
    pub unseen: Vec<String>,
}

/// The stages between the panic and the dump.
const AFTER_PANIC: &[Stage] = &[
    Stage::PanicNoCrashKernel,
    Stage::CrashKernelOutOfMemory,
    Stage::CrashKernelDied,
    Stage::DumpFailed,
    Stage::DumpIncomplete,
];

/// Messages of the programs that save dumps when no space is left.
const NO_ROOM: &[&str] = &["No space left", "no space left", "Disk quota exceeded"];

/// Judges the evidence.
pub fn judge(armed: &Armed, expected: &Expected, left: &Leftovers) -> Verdict {
    let case = expected.case;
    let ours = left.logs.iter().filter(|(_, text)| {
        let runs = runs(text);
        runs.contains(&armed.run_id.as_str())
    });
    let read = ours.map(|(source, text)| (source, text, Story::read(case, text)));
    let mut read: Vec<_> = read.collect();
    // A log that shows the panic is preferred to one that ends before it.
    read.sort_by_key(|(.., story)| story.panic.is_none());
    let best = read.first();
    let told = best.map(|(source, text, _)| {
        let mut dump = Dump {
            log: Some((*text).clone()),
            ..Dump::only(State::LogAlone)
        };
        dump.question(case, source.as_ref(), None);
        verdict::dump::judge(expected, &dump)
    });
    let story = best.map(|(.., story)| story);
    let mut verdict = match (left.same_boot, told) {
        (true, told) => same_boot(armed, case, told),
        (false, told) => rebooted(armed, case, left, story, told),
    };
    if let Some((source, ..)) = best {
        verdict
            .evidence
            .push(format!("the kernel's log is from {source}"));
    }
    verdict.evidence.extend(left.crash_kernel.clone());
    verdict.evidence.extend(left.watchdog.clone());
    verdict.evidence.extend(left.back.clone());
    verdict.evidence.extend(left.others.iter().cloned());
    verdict.evidence.extend(left.unseen.iter().cloned());
    verdict
}

fn same_boot(armed: &Armed, case: Case, told: Option<Verdict>) -> Verdict {
    told.unwrap_or_else(|| {
        let summary = format!(
            "the machine has not rebooted since, and its log does not mention run {}",
            armed.run_id
        );
        Verdict::of(case, Stage::CouldNotTell, summary, Vec::new())
    })
}

fn rebooted(
    armed: &Armed,
    case: Case,
    left: &Leftovers,
    story: Option<&Story>,
    told: Option<Verdict>,
) -> Verdict {
    let of = |stage, summary: String, evidence| Verdict::of(case, stage, summary, evidence);
    let panic = story.and_then(|story| story.panic.as_ref());
    let says = panic.map(|panic| format!("Kernel panic - not syncing: {}", panic.message));
    let says: Vec<_> = says.into_iter().collect();
    let matching = |words: &[&str]| {
        let lines = left.saver.iter();
        let lines = lines.filter(|line| words.iter().any(|word| line.contains(word)));
        lines.cloned().collect::<Vec<_>>()
    };
    let short = matching(OUT_OF_MEMORY);
    if !short.is_empty() {
        let summary = "the crash kernel ran out of memory".into();
        return of(
            Stage::CrashKernelOutOfMemory,
            summary,
            [says, short].concat(),
        );
    }
    let no_room = matching(NO_ROOM);
    if let Some(why) = no_room.first().or(left.full.as_ref()) {
        let summary = format!("the dump could not be saved: {why}");
        return of(Stage::DumpFailed, summary, [says, no_room.clone()].concat());
    }
    if let Some(something) = &left.saved_something {
        let summary = format!("the crash kernel saved {something}, but no dump");
        let mut verdict = of(Stage::DumpFailed, summary, says);
        verdict
            .evidence
            .extend(left.saver.iter().rev().take(10).rev().cloned());
        return verdict;
    }
    // A fault that ended by itself, or was cancelled, is judged by the log.
    let has_ended = story.is_some_and(|story| {
        let mut begins = story.begins.iter();
        !story.begins.is_empty() && begins.all(|begin| begin.ended.is_some())
    });
    if let Some(told) = told.filter(|_| panic.is_none() && has_ended) {
        return told;
    }
    let has_begun = story.is_some_and(|story| !story.begins.is_empty());
    let is_detected = story.is_some_and(|story| !story.detections.is_empty());
    if let Some(line) = left.shutdown.as_ref().filter(|_| panic.is_none()) {
        let summary = "the machine was shut down in order before the fault was reported";
        return of(Stage::CouldNotTell, summary.into(), vec![line.clone()]);
    }
    let announced = story.is_some_and(|story| story.announced.is_some());
    let has_run = left.crash_kernel.is_some();
    if panic.is_none() && !has_run && announced && !has_begun && armed.overridden.is_empty() {
        let summary = "the machine went down before its log shows the begin of the fault";
        return of(Stage::CouldNotTell, summary.into(), Vec::new());
    }
    let crashed = match (panic, is_detected) {
        (Some(panic), _) => format!("the machine panicked ({})", panic.message),
        (None, true) => "the fault was reported".into(),
        (None, false) => "the machine went down".into(),
    };
    let crashed = match has_run {
        true => format!("{crashed}, and the crash kernel started"),
        false => crashed,
    };
    if !armed.crash_kernel_loaded {
        let summary = format!("{crashed}, but no crash kernel was loaded");
        return of(Stage::PanicNoCrashKernel, summary, says);
    }
    // Without any evidence, the doctor's findings before the drill name the stage.
    let predicted = armed.overridden.iter().find(|finding| {
        let stages = finding.stage.as_ref();
        stages.is_some_and(|stage| AFTER_PANIC.contains(stage))
    });
    if let Some((finding, stage)) = predicted.and_then(|found| Some((found, found.stage?))) {
        let summary = format!(
            "{crashed} and left neither a dump nor a log; the doctor had predicted: {}",
            finding.says
        );
        let mut verdict = of(stage, summary, says);
        verdict.advice = format!(
            "Fix it as 'faultline doctor --only {}' says, and drill again.",
            case.detector.class.name()
        );
        return verdict;
    }
    if has_run {
        let summary = format!("{crashed}, but ended before it saved a dump");
        let mut verdict = of(Stage::CrashKernelDied, summary, says);
        verdict
            .evidence
            .extend(left.saver.iter().rev().take(10).rev().cloned());
        return verdict;
    }
    let summary = format!("{crashed} and left neither a dump nor a log of the crash kernel");
    match panic.is_some() || is_detected {
        true => of(Stage::CrashKernelDied, summary, says),
        false => of(Stage::CouldNotTell, summary, says),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::here::state::tests::armed;
    use crate::here::state::Overridden;

    const PLAN: &str = "[  100.0] lockup: run x: plan: mode=soft cpus=1 delay_secs=10 hold_secs=60 force=0 watchdog_thresh=10\n";
    const BEGIN: &str = "[  110.0] lockup: run x: cpu 1: begin: mode=soft hold_secs=60 watchdog_thresh=10 mono_ns=110000000000\n";
    const REPORT: &str = "\
[  136.6] watchdog: BUG: soft lockup - CPU#1 stuck for 26s! [lockup/1:143]
[  136.6] CPU: 1 UID: 0 PID: 143 Comm: lockup/1 Kdump: loaded Tainted: G           OE       6.12 #1
[  136.6] RIP: 0010:spin_preemption_off+0x3a/0x80 [lockup]
[  136.6] Call Trace:
[  136.6]  spin_preemption_off+0x45/0xf0 [lockup]
";
    const PANIC: &str = "[  136.7] Kernel panic - not syncing: softlockup: hung tasks\n";
    const END: &str = "[  170.0] lockup: run x: cpu 1: end: held_ms=60000 mono_ns=170000000000\n\
                       [  170.0] lockup: run x: released after 60 s: no detector stopped it\n";

    fn stage(armed: &Armed, log: &[&str], left: Leftovers) -> (Stage, String) {
        let expected = Expected {
            case: armed.case().unwrap(),
            run_id: Some(armed.run_id.clone()),
            cpus: armed.cpus.clone(),
            threshold: armed.threshold,
            insists: false,
        };
        let logs = match log {
            [] => Vec::new(),
            log => vec![("the journal".into(), log.concat())],
        };
        let verdict = judge(armed, &expected, &Leftovers { logs, ..left });
        (verdict.stage, verdict.summary)
    }

    fn left() -> Leftovers {
        Leftovers::default()
    }

    #[test]
    fn without_a_reboot() {
        let left = || Leftovers {
            same_boot: true,
            ..Leftovers::default()
        };
        let x = armed("x");
        assert_eq!(stage(&x, &[PLAN, BEGIN, END], left()).0, Stage::NotDetected);
        let detected = stage(&x, &[PLAN, BEGIN, REPORT, END], left());
        assert_eq!(detected.0, Stage::DetectedNoPanic, "{}", detected.1);
        assert_eq!(stage(&x, &[], left()).0, Stage::CouldNotTell);
        // Another run whose name begins alike says nothing of this one.
        let (other, summary) = stage(&armed("xy"), &[PLAN, BEGIN, END], left());
        assert_eq!(other, Stage::CouldNotTell);
        assert!(summary.ends_with("does not mention run xy"), "{summary}");
    }

    #[test]
    fn between_the_panic_and_the_dump() {
        let x = armed("x");
        let crash = [PLAN, BEGIN, REPORT, PANIC];
        assert_eq!(stage(&x, &crash, left()).0, Stage::CrashKernelDied);
        let mut unloaded = armed("x");
        unloaded.crash_kernel_loaded = false;
        assert_eq!(
            stage(&unloaded, &crash, left()).0,
            Stage::PanicNoCrashKernel
        );
        let saver = |line: &str| Leftovers {
            saver: vec!["kdump: saving".into(), line.into()],
            ..left()
        };
        let short = saver("systemd invoked oom-killer: gfp_mask=0x0");
        assert_eq!(stage(&x, &crash, short).0, Stage::CrashKernelOutOfMemory);
        let (failed, summary) = stage(&x, &crash, saver("makedumpfile: No space left on device"));
        assert_eq!(failed, Stage::DumpFailed);
        assert!(summary.contains("No space left"), "{summary}");
        let full = Leftovers {
            full: Some("/var/crash has 0 MB left".into()),
            ..left()
        };
        assert_eq!(stage(&x, &crash, full).0, Stage::DumpFailed);
        let saved = Leftovers {
            saved_something: Some("a log".into()),
            ..left()
        };
        let (failed, summary) = stage(&x, &crash, saved);
        assert_eq!(failed, Stage::DumpFailed);
        assert_eq!(summary, "the crash kernel saved a log, but no dump");
    }

    #[test]
    fn where_the_log_ends_before_the_panic() {
        let x = armed("x");
        let reported = stage(&x, &[PLAN, BEGIN, REPORT], left());
        assert_eq!(reported.0, Stage::CrashKernelDied, "{}", reported.1);
        // It may have been anything.
        assert_eq!(stage(&x, &[PLAN, BEGIN], left()).0, Stage::CouldNotTell);
        assert_eq!(stage(&x, &[PLAN], left()).0, Stage::CouldNotTell);
        assert_eq!(stage(&x, &[], left()).0, Stage::CouldNotTell);
        // The doctor knew.
        let mut warned = armed("x");
        warned.overridden = vec![
            Overridden {
                says: "softlockup_panic is 0".into(),
                stage: Some(Stage::DetectedNoPanic),
            },
            Overridden {
                says: "the crash kernel has 16 MB".into(),
                stage: Some(Stage::CrashKernelOutOfMemory),
            },
        ];
        let (predicted, summary) = stage(&warned, &[PLAN, BEGIN], left());
        assert_eq!(predicted, Stage::CrashKernelOutOfMemory);
        assert!(summary.ends_with("the crash kernel has 16 MB"), "{summary}");
        let expected = Expected {
            case: warned.case().unwrap(),
            run_id: Some("x".into()),
            cpus: None,
            threshold: None,
            insists: false,
        };
        let advice = judge(&warned, &expected, &left()).advice;
        assert!(
            advice.contains("'faultline doctor --only soft'"),
            "{advice}"
        );
        // What was over before somebody booted the machine.
        let over = stage(&x, &[PLAN, BEGIN, END], left());
        assert_eq!(over.0, Stage::NotDetected);
        let shut = Leftovers {
            shutdown: Some("systemd-shutdown[1]: Rebooting.".into()),
            ..left()
        };
        assert_eq!(
            stage(&x, &[PLAN, BEGIN, REPORT], shut).0,
            Stage::CouldNotTell
        );
    }

    #[test]
    fn a_crash_kernel_that_came_to_no_end() {
        let x = armed("x");
        let ran = || Leftovers {
            crash_kernel: Some("a crash kernel ran".into()),
            ..left()
        };
        // That it ran tells that it was no loss of power.
        for log in [&[][..], &[PLAN], &[PLAN, BEGIN], &[PLAN, BEGIN, REPORT]] {
            let (died, summary) = stage(&x, log, ran());
            assert_eq!(died, Stage::CrashKernelDied, "{summary}");
            assert!(
                summary.ends_with("ended before it saved a dump"),
                "{summary}"
            );
        }
        let mut warned = armed("x");
        warned.overridden = vec![Overridden {
            says: "the watchdog bites after 10 s".into(),
            stage: Some(Stage::DumpIncomplete),
        }];
        assert_eq!(stage(&warned, &[PLAN], ran()).0, Stage::DumpIncomplete);
    }

    #[test]
    fn the_log_with_the_panic_is_the_one() {
        let x = armed("x");
        let journal = ("the journal".to_string(), [PLAN, BEGIN].concat());
        let pstore = ("pstore".to_string(), [BEGIN, REPORT, PANIC].concat());
        let left = Leftovers {
            logs: vec![journal, pstore],
            ..left()
        };
        let expected = Expected {
            case: x.case().unwrap(),
            run_id: Some("x".into()),
            cpus: None,
            threshold: None,
            insists: false,
        };
        let verdict = judge(&x, &expected, &left);
        assert_eq!(verdict.stage, Stage::CrashKernelDied);
        let source = "the kernel's log is from pstore".to_string();
        assert!(verdict.evidence.contains(&source), "{:?}", verdict.evidence);
    }
}
