// SPDX-License-Identifier: GPL-2.0

//! Infers the injected fault and its detector from the kernel log, so that the user need not name
//! them.

use super::facts::is_panic_of;
use crate::fault::case::Case;
use crate::fault::mode::{self, Mode, MODES};
use crate::klog::line::Line;
use crate::klog::message;
use crate::klog::stack::{self, Frame};
use crate::klog::story::Story;

/// Returns the case that a log shows. A mode or detector that the user insists on is taken as it
/// is.
pub fn case(log: &str, mode: Option<&'static Mode>, detector: Option<&str>) -> Case {
    let mode = mode.or_else(|| of_log(log)).unwrap_or(&mode::UNKNOWN);
    if let Some(case) = detector.and_then(|name| Case::insisting(mode, name)) {
        return case;
    }
    let cases = mode
        .detectors
        .iter()
        .map(|detector| Case { mode, detector });
    let read: Vec<_> = cases.map(|case| (case, Story::read(case, log))).collect();
    let has_panic = |(case, story): &&(Case, Story)| {
        let panic = story.panic.as_ref();
        panic.is_some_and(|panic| is_panic_of(*case, story, &panic.message))
    };
    let has_report = |(_, story): &&(Case, Story)| !story.detections.is_empty();
    let mut panics = read.iter().filter(has_panic);
    let found = panics
        .clone()
        .find(has_report)
        .or(panics.next())
        .or(read.iter().find(has_report))
        .or(read.first());
    found.map_or(
        Case {
            mode,
            detector: mode.detectors[0],
        },
        |(case, _)| *case,
    )
}

/// Returns the mode of the last run, by the module's messages, or else by its function on a stack.
fn of_log(log: &str) -> Option<&'static Mode> {
    let mut said = None;
    let mut done = None;
    for line in log.lines().map(Line::parse) {
        let run = message::begin(line).map(|begin| begin.mode);
        let run = run.or_else(|| message::announced(line).map(|plan| plan.mode));
        said = run.or(said);
        if done.is_none() {
            done = stack::frame(line).and_then(|frame| of_frame(&frame));
        }
        if message::panic_message(line).is_some() && said.is_some() {
            break;
        }
    }
    match said {
        // A mode that this program does not know must not be taken for another one.
        Some(said) => mode::find(&said),
        None => done,
    }
}

fn of_frame(frame: &Frame) -> Option<&'static Mode> {
    let mut modes = MODES.iter();
    modes.find(|mode| frame.is(mode.module, mode.function))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(case: Case) -> (&'static str, &'static str) {
        (case.mode.name, case.detector.name)
    }

    #[test]
    fn what_is_insisted_on_is_taken() {
        let log = include_str!("../../tests/data/faults/hard.nmi.log");
        assert_eq!(names(case(log, None, None)), ("hard", "nmi"));
        assert_eq!(names(case(log, mode::find("irq"), None)), ("irq", "nmi"));
        let insisted = case(log, None, Some("hard-lockup"));
        assert_eq!(names(insisted), ("hard", "hard-lockup"));
        // One that cannot see it.
        let insisted = case(log, None, Some("hung-task"));
        assert_eq!(names(insisted), ("hard", "hung-task"));
    }

    #[test]
    fn the_last_run_counts() {
        let log = include_str!("../../tests/data/faults/hard.nmi.log");
        let earlier = include_str!("../../tests/data/faults/warn.itself.log");
        let earlier = earlier.replace("Kernel panic", "No panic");
        assert_eq!(names(case(&(earlier + log), None, None)), ("hard", "nmi"));
    }

    #[test]
    fn a_stack_tells_where_the_begin_is_gone() {
        let log = include_str!("../../tests/data/faults/softirq.soft-lockup.log");
        let rest = log.split_once("watchdog: BUG").unwrap().1;
        let log = format!("[   19.784180] [      C1] watchdog: BUG{rest}");
        assert_eq!(names(case(&log, None, None)), ("softirq", "soft-lockup"));
        let nothing = include_str!("../../tests/data/sysrq.log");
        assert_eq!(names(case(nothing, None, None)), ("unknown", "unknown"));
    }
}
