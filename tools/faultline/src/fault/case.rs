// SPDX-License-Identifier: GPL-2.0

//! What one drill is about: a mode, and the detector that is to report it.

use super::detector::Detector;
use super::mode::{Mode, MODES};
use std::collections::BTreeSet;

/// A mode, and the detector that is to report it.
#[derive(Debug, Clone, Copy)]
pub struct Case {
    pub mode: &'static Mode,
    pub detector: &'static Detector,
}

impl Case {
    /// The mode with the detector of that name, or with the one that should report it.
    pub fn new(mode: &'static Mode, detector: Option<&str>) -> Result<Self, String> {
        let found = match detector {
            None => mode.detectors.first(),
            Some(name) => mode.detectors.iter().find(|known| known.name == name),
        };
        let known = || mode.detectors.iter().map(|known| known.name);
        found
            .map(|detector| Case { mode, detector })
            .ok_or_else(|| {
                let known: Vec<_> = known().collect();
                format!(
                    "mode {} is not seen by '{}'; what may see it: {}",
                    mode.name,
                    detector.unwrap_or_default(),
                    known.join(", ")
                )
            })
    }

    /// The mode with the detector of that name, or, where that cannot see the mode, the one of
    /// another mode that has this name: what is asked for need not be what there is.
    pub fn insisting(mode: &'static Mode, detector: &str) -> Option<Self> {
        let of = |mode: &Mode| {
            let mut known = mode.detectors.iter();
            known.find(|known| known.name == detector).copied()
        };
        let detector = of(mode).or_else(|| MODES.iter().find_map(of))?;
        Some(Case { mode, detector })
    }

    /// The names of all detectors.
    pub fn detectors() -> BTreeSet<&'static str> {
        let all = MODES.iter().flat_map(|mode| mode.detectors);
        all.map(|detector| detector.name).collect()
    }

    /// Is the fault its own report?
    pub fn is_self_reported(&self) -> bool {
        self.detector.reports.is_empty()
    }

    /// Lines that report the fault.
    pub fn reports(&self) -> &'static [&'static str] {
        match self.detector.reports {
            [] => self.mode.reports,
            reports => reports,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::mode::find;

    #[test]
    fn names_are_unique_and_each_mode_can_be_seen() {
        for (at, mode) in MODES.iter().enumerate() {
            assert!(MODES[at + 1..].iter().all(|other| other.name != mode.name));
            let case = Case::new(mode, None).unwrap();
            assert!(
                !case.detector.panic.is_empty(),
                "{}: what does its panic say?",
                mode.name
            );
            assert!(
                !case.reports().is_empty() || case.detector.panics.is_none(),
                "{}: a report that need not be a panic has lines",
                mode.name
            );
        }
    }

    #[test]
    fn a_detector_that_cannot_see_the_mode_is_refused_with_those_that_can() {
        let error = Case::new(find("hung").unwrap(), Some("soft-lockup")).unwrap_err();
        assert!(
            error.ends_with("what may see it: hung-task, nmi"),
            "{error}"
        );
        let case = Case::new(find("hard").unwrap(), Some("nmi")).unwrap();
        assert_eq!(case.detector.name, "nmi");
    }
}
