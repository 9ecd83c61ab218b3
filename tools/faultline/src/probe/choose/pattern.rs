// SPDX-License-Identifier: GPL-2.0

//! The words for functions, which are SystemTap's:
//!
//! ```text
//! kernel.function("PATTERN")        functions of the kernel itself
//! module("M").function("PATTERN")   of the modules whose names fit
//! PATTERN                           of the kernel and of all modules
//! ```
//!
//! where PATTERN may be `NAME@FILE`, functions of the kernel that were compiled from that file;
//! each with `.call` (the same as without), `.return`, and `.return.maxactive(N)`. What is wrong is
//! said with the column, and with what would be right.

use super::glob::Glob;
use std::fmt;

/// Which functions, and where in them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern {
    /// As the user wrote it.
    pub text: String,
    pub place: Place,
    pub function: Glob,
    /// The source file that it was compiled from: its path, or the end of it.
    pub file: Option<Glob>,
    pub point: Point,
    /// Of a return: how many calls at once a kretprobe follows.
    pub maxactive: Option<u32>,
}

/// Whose functions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    Kernel,
    Module(Glob),
    Anywhere,
}

/// When a call is seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Point {
    Entry,
    Return,
}

impl Point {
    pub fn word(self) -> &'static str {
        match self {
            Point::Entry => "entry",
            Point::Return => "return",
        }
    }
}

/// What is wrong with a pattern.
#[derive(Debug, PartialEq, Eq)]
pub struct Wrong {
    /// Counted from 1.
    pub column: usize,
    pub says: String,
}

impl fmt::Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "column {}: {}", self.column, self.says)
    }
}

impl std::error::Error for Wrong {}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}
