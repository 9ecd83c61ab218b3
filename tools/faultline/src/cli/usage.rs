// SPDX-License-Identifier: GPL-2.0

//! What all commands have in common: their exit status, and what is wrong with a command line that
//! only the tables of modes and detectors tell.

use crate::fault::case::Case;
use crate::fault::mode::Mode;
use std::fmt;

pub const EXIT_STATUS: &str = "exit status:\n  0  as it should be\n  1  the check failed\n  2  wrong usage\n  3  could not tell";

/// The command line is wrong. The program ends with what is right.
#[derive(Debug)]
pub struct WrongUsage(pub String);

impl fmt::Display for WrongUsage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for WrongUsage {}

/// The mode with its detector.
///
/// # Errors
///
/// Fails with a [`WrongUsage`] where that detector cannot see the mode.
pub fn case(mode: &'static Mode, detector: Option<&str>) -> Result<Case, WrongUsage> {
    Case::new(mode, detector).map_err(WrongUsage)
}
