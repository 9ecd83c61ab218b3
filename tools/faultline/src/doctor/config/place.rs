// SPDX-License-Identifier: GPL-2.0

//! A line of a file.

use std::fmt;

/// A file and, where it is one line of it, the line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    pub file: String,
    /// The line from 1; 0 for the whole file.
    pub line: usize,
}

impl Place {
    /// Line `line` of `file`.
    pub fn at(file: &str, line: usize) -> Self {
        Self {
            file: file.to_owned(),
            line,
        }
    }

    /// The whole of `file`.
    pub fn whole(file: &str) -> Self {
        Self::at(file, 0)
    }
}

impl fmt::Display for Place {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => out.write_str(&self.file),
            line => write!(out, "{}:{line}", self.file),
        }
    }
}
