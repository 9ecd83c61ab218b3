// SPDX-License-Identifier: GPL-2.0

//! A check: a row of the doctor's table.

use super::facts::Facts;
use super::finding::Finding;

/// A check.
pub struct Check {
    /// Its word, which never changes.
    pub name: &'static str,
    /// What it reads.
    pub reads: &'static str,
    /// Why it matters.
    pub why: &'static str,
    /// How what it finds is mended.
    pub mend: &'static str,
    /// What it finds: one finding or more, also where all is well.
    pub run: fn(&Facts) -> Vec<Finding>,
}
