// SPDX-License-Identifier: GPL-2.0

//! The verdict on two answers to the same input.

use crate::case::Case;
use crate::differences::DIFFERENCES;
use std::sync::atomic::{AtomicUsize, Ordering};

/// How often each difference showed.
pub struct Tally([AtomicUsize; DIFFERENCES.len()]);

impl Tally {
    pub fn new() -> Self {
        Self([const { AtomicUsize::new(0) }; DIFFERENCES.len()])
    }

    /// Judges a case: none if both answered the same, or differently on purpose.
    pub fn judge(&self, case: &Case<'_>) -> Option<String> {
        if case.twin == case.knobs {
            return None;
        }
        match DIFFERENCES.iter().position(|known| (known.explains)(case)) {
            Some(place) => {
                self.0[place].fetch_add(1, Ordering::Relaxed);
                None
            }
            None => Some(case.to_string()),
        }
    }

    /// How often the difference at this place showed.
    pub fn count(&self, place: usize) -> usize {
        self.0[place].load(Ordering::Relaxed)
    }
}
