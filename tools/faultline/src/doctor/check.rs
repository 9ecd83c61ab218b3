// SPDX-License-Identifier: GPL-2.0

//! A check: a row of the doctor's table.

use super::facts::Facts;
use super::finding::Finding;

/// A check.
pub struct Check {
    /// Its name, which never changes.
    pub name: &'static str,
    /// What it reads.
    pub reads: &'static str,
    /// Why it matters.
    pub why: &'static str,
    /// How to fix its findings.
    pub mend: &'static str,
    /// Returns its findings: at least one, even if all is right.
    pub run: fn(&Facts) -> Vec<Finding>,
}
