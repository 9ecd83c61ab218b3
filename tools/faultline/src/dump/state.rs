// SPDX-License-Identifier: GPL-2.0

//! What became of a dump, and what it says of itself.

use serde::Serialize;
use std::collections::BTreeMap;

/// What became of a dump.
#[derive(Debug, Clone, PartialEq)]
pub enum State {
    /// Nothing was written.
    Absent,
    /// It is not a dump that anything can read; this is why.
    Unreadable(String),
    /// A part is missing; this part.
    Incomplete(String),
    /// It is all there.
    Complete { pages: u64 },
    /// The reading was given up, which says nothing of the dump; this is why.
    GivenUp(String),
    /// There is none: what was given is a kernel log.
    LogAlone,
}

/// How a dump is written down, which decides who can read it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub enum Format {
    /// makedumpfile's own, filtered and compressed.
    #[serde(rename = "kdump-compressed")]
    KdumpCompressed,
    /// All memory.
    #[serde(rename = "elf")]
    Elf,
}

/// What a dump says of itself.
#[derive(Debug, Clone, PartialEq)]
pub struct Facts {
    pub format: Format,
    pub release: String,
    pub machine: String,
    /// makedumpfile's, if it filtered.
    pub dump_level: Option<i32>,
    /// The host's name, as the kernel had it when it crashed.
    pub host: Option<String>,
    pub vmcoreinfo: BTreeMap<String, String>,
}
