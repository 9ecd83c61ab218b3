// SPDX-License-Identifier: GPL-2.0

//! A line of some configuration that sets a sysctl.

/// A line that sets a sysctl.
#[derive(Debug, Clone, PartialEq)]
pub struct Assignment {
    /// With dots.
    pub key: String,
    pub value: String,
    pub file: String,
    /// 0: the whole of it.
    pub line: usize,
    pub text: String,
    /// Whether a failure is to be ignored.
    pub may_fail: bool,
}

impl Assignment {
    /// Where it is, as evidence names it.
    pub fn place(&self) -> String {
        match self.line {
            0 => self.file.clone(),
            line => format!("{}:{line}", self.file),
        }
    }
}
