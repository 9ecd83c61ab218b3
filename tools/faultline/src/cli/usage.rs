// SPDX-License-Identifier: GPL-2.0

//! What all commands share: their exit status, and the check of a mode with its detector, for which
//! clap knows no rule.

use crate::fault::case::Case;
use crate::fault::mode::Mode;
use std::fmt;

pub const EXIT_STATUS: &str =
    "exit status:\n  0  success\n  1  the check failed\n  2  wrong usage\n  3  could not tell";

/// An error in the command line: the program prints it with the usage, and exits with 2.
#[derive(Debug)]
pub struct WrongUsage(pub String);

impl fmt::Display for WrongUsage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for WrongUsage {}

/// Returns the mode with its detector.
///
/// # Errors
///
/// Fails with a [`WrongUsage`] if that detector cannot report the mode.
pub fn case(mode: &'static Mode, detector: Option<&str>) -> Result<Case, WrongUsage> {
    Case::new(mode, detector).map_err(WrongUsage)
}
