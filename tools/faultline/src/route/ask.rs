// SPDX-License-Identifier: GPL-2.0

//! What a user asks for.

use super::filters::Filter;
use std::time::Duration;

/// What a user asks for.
#[derive(Debug)]
pub struct Ask {
    pub filters: Vec<Filter>,
    /// Show events as they come.
    pub lines: bool,
    /// Show the summary in the end.
    pub summary: bool,
    pub duration: Option<Duration>,
    pub count: Option<u64>,
    pub buffer_kb: Option<u32>,
    pub json: bool,
    /// Show the calls that were made for each packet.
    pub tree: bool,
}
