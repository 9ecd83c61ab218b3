// SPDX-License-Identifier: GPL-2.0

//! Two answers to the same input, and the verdict on them.

use crate::differences::DIFFERENCES;
use crate::inputs;
use crate::params::Param;
use rustix::io::Errno;
use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};

/// How an input comes to a parameter.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Way {
    Load,
    Sysfs,
}

/// What a module answers.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// What it read before, where that can be read.
    pub before: Option<Vec<u8>>,
    /// How much it took, or why it refused.
    pub taken: Result<usize, Errno>,
    /// What is read afterwards; none if there is nothing to read.
    pub value: Option<Result<Vec<u8>, Errno>>,
}

/// One input to one parameter, and both answers.
pub struct Case<'a> {
    pub way: Way,
    pub param: &'a Param,
    pub input: &'a [u8],
    pub twin: &'a Answer,
    pub knobs: &'a Answer,
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.taken {
            Ok(length) => write!(f, "takes {length}")?,
            Err(error) => write!(f, "{error}")?,
        }
        match &self.value {
            Some(Ok(value)) => write!(f, ", reads {}", inputs::show(value)),
            Some(Err(error)) => write!(f, ", read: {error}"),
            None => Ok(()),
        }
    }
}

impl fmt::Display for Case<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:?}: {}={}: C {}; Rust {}",
            self.way,
            self.param.name,
            inputs::show(self.input),
            self.twin,
            self.knobs
        )
    }
}

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
