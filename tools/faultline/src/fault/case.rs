// SPDX-License-Identifier: GPL-2.0

//! A case: a mode, and the detector expected to report it.

use super::detector::Detector;
use super::mode::{Mode, MODES};
use std::collections::BTreeSet;

/// A mode, and the detector expected to report it.
#[derive(Debug, Clone, Copy)]
pub struct Case {
    pub mode: &'static Mode,
    pub detector: &'static Detector,
}

impl Case {
    /// Returns the mode with the detector of that name, or with its usual detector.
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
                    "mode {} is not reported by '{}'; allowed: {}",
                    mode.name,
                    detector.unwrap_or_default(),
                    known.join(", ")
                )
            })
    }

    /// Returns the mode with the detector of that name, even if only another mode has that
    /// detector: a dump need not show the fault that the user insists on.
    pub fn insisting(mode: &'static Mode, detector: &str) -> Option<Self> {
        let of = |mode: &Mode| {
            let mut known = mode.detectors.iter();
            known.find(|known| known.name == detector).copied()
        };
        let detector = of(mode).or_else(|| MODES.iter().find_map(of))?;
        Some(Case { mode, detector })
    }

    /// Returns the names of all detectors.
    pub fn detectors() -> BTreeSet<&'static str> {
        let all = MODES.iter().flat_map(|mode| mode.detectors);
        all.map(|detector| detector.name).collect()
    }

    /// Returns whether the fault reports itself, as an oops does.
    pub fn is_self_reported(&self) -> bool {
        self.detector.reports.is_empty()
    }

    /// Returns the lines in the kernel log that report the fault.
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
    fn a_detector_of_other_modes_is_refused() {
        let error = Case::new(find("hung").unwrap(), Some("soft-lockup")).unwrap_err();
        assert!(error.ends_with("allowed: hung-task, nmi"), "{error}");
        let case = Case::new(find("hard").unwrap(), Some("nmi")).unwrap();
        assert_eq!(case.detector.name, "nmi");
    }
}
