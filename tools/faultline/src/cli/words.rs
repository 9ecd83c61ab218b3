// SPDX-License-Identifier: GPL-2.0

//! Options that take one of a table's words. clap then lists the words in its errors, and shells
//! complete them.

use crate::fault::case::Case;
use crate::fault::mode::{Mode, MODES};
use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};

/// Parses the name of a mode.
pub fn mode() -> impl TypedValueParser<Value = &'static Mode> {
    let words = MODES
        .iter()
        .map(|mode| PossibleValue::new(mode.name).help(mode.title));
    PossibleValuesParser::new(words).try_map(|name| name.parse::<&'static Mode>())
}

/// Parses the name of a detector, of any mode.
pub fn detector() -> PossibleValuesParser {
    PossibleValuesParser::new(Case::detectors())
}
