// SPDX-License-Identifier: GPL-2.0

//! A line of a configuration that sets a sysctl.

/// A line that sets a sysctl.
#[derive(Debug, Clone, PartialEq)]
pub struct Assignment {
    /// The name, with dots.
    pub key: String,
    pub value: String,
    pub file: String,
    /// The line; 0 for the whole file.
    pub line: usize,
    pub text: String,
    /// Whether a failure is to be ignored.
    pub may_fail: bool,
}

impl Assignment {
    /// Returns its place, for evidence.
    pub fn place(&self) -> String {
        match self.line {
            0 => self.file.clone(),
            line => format!("{}:{line}", self.file),
        }
    }
}
