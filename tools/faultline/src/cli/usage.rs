// SPDX-License-Identifier: GPL-2.0

//! Wrong usage that clap has no rule for: a mode with a detector that cannot report it.

use crate::fault::case::Case;
use crate::fault::mode::Mode;
use std::fmt;

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
