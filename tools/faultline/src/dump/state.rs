// SPDX-License-Identifier: GPL-2.0

//! The state of a dump, and the facts of its headers.

use serde::Serialize;
use std::collections::BTreeMap;

/// The state of a dump.
#[derive(Debug, Clone, PartialEq)]
pub enum State {
    /// Nothing was written.
    Absent,
    /// It is not a readable dump; the reason.
    Unreadable(String),
    /// A part is missing; the part.
    Incomplete(String),
    /// It is complete.
    Complete { pages: u64 },
    /// The reading was given up, which says nothing about the dump; the reason.
    GivenUp(String),
    /// There is no dump: the input is a kernel log.
    LogAlone,
}

/// The format of a dump.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub enum Format {
    /// makedumpfile's own, filtered and compressed.
    #[serde(rename = "kdump-compressed")]
    KdumpCompressed,
    /// All memory.
    #[serde(rename = "elf")]
    Elf,
}

/// The facts of a dump's headers.
#[derive(Debug, Clone, PartialEq)]
pub struct Facts {
    pub format: Format,
    pub release: String,
    pub machine: String,
    /// makedumpfile's dump level, if it filtered.
    pub dump_level: Option<i32>,
    /// The host name in the crashed kernel.
    pub host: Option<String>,
    pub vmcoreinfo: BTreeMap<String, String>,
}
