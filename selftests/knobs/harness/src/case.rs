// SPDX-License-Identifier: GPL-2.0

//! One input to one parameter, and what both modules answer.

use crate::inputs;
use crate::params::Param;
use rustix::io::Errno;
use std::fmt;

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
