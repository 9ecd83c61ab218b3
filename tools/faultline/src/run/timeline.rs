// SPDX-License-Identifier: GPL-2.0

//! The timeline: the events of a drill or of a dump's log, in order.

use super::plan::Injection;
use super::seen::Seen;
use crate::fault::case::Case;
use crate::fault::mode;
use crate::klog::message::{Begin, Detection};
use crate::klog::story::Story;
use crate::template;
use crate::verdict::expected::Latency;
use serde::Serialize;

/// One event.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Moment {
    /// Seconds after the begin of the drill, or (from a dump alone) on the kernel's clock.
    pub at_secs: f64,
    /// A word for programs.
    pub name: &'static str,
    /// A sentence for the report.
    pub text: String,
}

fn moment(at_secs: f64, name: &'static str, text: impl Into<String>) -> Moment {
    Moment {
        at_secs,
        name,
        text: text.into(),
    }
}

/// Formats bytes as megabytes.
pub fn megabytes(bytes: u64) -> String {
    format!("{:.0} MB", bytes as f64 / 1e6)
}

/// Returns the timeline of a drill, on the host's clock; latencies are on the guest's clock.
pub fn of_drill(
    plan: &Injection,
    case: Case,
    seen: &Seen,
    dump_bytes: Option<u64>,
    latency: Option<&Latency>,
) -> Vec<Moment> {
    let mode = case.mode;
    let mut line = Vec::new();
    if let Some(up) = &seen.up {
        line.push(moment(
            up.at,
            "up",
            format!("guest up: {}, {} CPUs", up.what.0, up.what.1),
        ));
    }
    match seen
        .crash_kernel
        .as_ref()
        .map(|loaded| (loaded.at, &loaded.what))
    {
        Some((at, Ok(reserved))) => line.push(moment(
            at,
            "crash_kernel_loaded",
            format!("crash kernel loaded, {} reserved", megabytes(*reserved)),
        )),
        Some((at, Err(_))) => line.push(moment(
            at,
            "crash_kernel_failed",
            "the crash kernel could not be loaded",
        )),
        None => {}
    }
    if let Some(refused) = &seen.refused {
        line.push(moment(
            refused.at,
            "refused",
            format!("{}.ko refused to start", mode.module),
        ));
    }
    if let Some(inserted) = &seen.inserted {
        let text = format!("{}.ko inserted: {}", mode.module, plan.module_arguments());
        line.push(moment(inserted.at, "inserted", text));
    }
    for begin in &seen.begins {
        line.push(moment(begin.at, "injected", injected(&begin.what)));
    }
    for detection in &seen.detections {
        line.push(moment(
            detection.at,
            "detected",
            detected(case, seconds_to(seen, &detection.what), latency),
        ));
    }
    if let Some(nmi) = &seen.nmi {
        let (name, text) = match &nmi.what {
            Ok(()) => ("nmi_sent", "NMI sent from outside".to_string()),
            Err(error) => ("nmi_failed", format!("no NMI could be sent: {error}")),
        };
        line.push(moment(nmi.at, name, text));
    }
    if let Some(released) = &seen.released {
        line.push(moment(
            released.at,
            "released",
            format!(
                "{} after {:.1} s",
                released.what.state,
                released.what.held_ms as f64 / 1e3
            ),
        ));
    }
    if let Some(panic) = &seen.panic {
        line.push(moment(panic.at, "panic", format!("panic: {}", panic.what)));
        let crash = &seen.crash;
        if let Some(at) = crash.booted.filter(|_| crash.up.is_none()) {
            line.push(moment(at, "crash_kernel_boots", "crash kernel boots"));
        }
        if let Some(at) = crash.up {
            line.push(moment(
                at,
                "crash_kernel_up",
                format!("crash kernel up, {:.1} s after the panic", at - panic.at),
            ));
        }
        if let Some(ended) = &crash.dump_ended {
            let took = crash
                .dump_started
                .map(|started| format!(" in {:.1} s", ended.at - started))
                .unwrap_or_default();
            let text = match (ended.what, dump_bytes) {
                (0, Some(bytes)) if crash.copied => {
                    let bytes = megabytes(bytes);
                    format!("all memory copied, {bytes}{took}: makedumpfile failed")
                }
                (0, Some(bytes)) => format!("dump written, {}{took}", megabytes(bytes)),
                (0, None) => format!("makedumpfile done{took}"),
                (status, _) => format!("makedumpfile failed{took}, exit status {status}"),
            };
            line.push(moment(ended.at, "dumped", text));
        }
    }
    if let Some(end) = &seen.end {
        line.push(moment(end.at, "down", "VM down"));
    }
    line.sort_by(|a, b| a.at_secs.total_cmp(&b.at_secs));
    line
}

/// Describes the begin of a fault, of whatever mode the plan has.
fn injected(begin: &Begin) -> String {
    match mode::find(&begin.mode) {
        Some(mode) => {
            let thread = template::fill(mode.thread, "cpu", begin.cpu);
            format!("injected: {thread} {}", mode.doing)
        }
        None => format!("injected: mode={} on CPU {}", begin.mode, begin.cpu),
    }
}

/// Returns the seconds from a fault to its report, on the guest's clock.
fn seconds_to(seen: &Seen, detection: &Detection) -> Option<f64> {
    let mut begins = seen.begins.iter().map(|begin| &begin.what);
    let about = begins
        .clone()
        .find(|begin| Some(begin.cpu) == detection.cpu)
        .or(begins.next())?;
    Story::since(about, detection.time)
}

fn detected(case: Case, secs: Option<f64>, latency: Option<&Latency>) -> String {
    let after = secs
        .map(|secs| format!(" after {secs:.1} s"))
        .unwrap_or_default();
    let window = latency
        .and_then(|latency| latency.threshold.zip(latency.window.as_ref()))
        .map(|(secs, window)| match case.detector.threshold_word() {
            Some(word) => format!(" (window for {word}={secs}: {window})"),
            None => format!(" (window for {secs} s: {window})"),
        })
        .unwrap_or_default();
    format!("detected by the {}{after}{window}", case.detector.title)
}

/// Returns the timeline of a dump's kernel log, on the kernel's clock.
pub fn of_story(case: Case, story: &Story, latency: Option<&Latency>) -> Vec<Moment> {
    let mut line = Vec::new();
    for begin in &story.begins {
        line.extend(begin.time.map(|at| moment(at, "injected", injected(begin))));
        let ended = begin.ended.as_ref();
        line.extend(ended.and_then(|ended| {
            let text = format!("the hold of CPU {} ended", begin.cpu);
            Some(moment(ended.time?, "released", text))
        }));
    }
    for detection in &story.detections {
        let begin = story
            .begins
            .iter()
            .find(|begin| Some(begin.cpu) == detection.cpu)
            .or(story.begins.first());
        let secs = begin.and_then(|begin| Story::since(begin, detection.time));
        line.extend(
            detection
                .time
                .map(|at| moment(at, "detected", detected(case, secs, latency))),
        );
    }
    if let Some(panic) = &story.panic {
        line.extend(
            panic
                .time
                .map(|at| moment(at, "panic", format!("panic: {}", panic.message))),
        );
    }
    line.sort_by(|a, b| a.at_secs.total_cmp(&b.at_secs));
    line
}
