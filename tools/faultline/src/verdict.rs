// SPDX-License-Identifier: GPL-2.0

//! The verdict: how far the way from the fault to a dump that names it was gone. It
//! is judged from evidence alone, so that recorded evidence can be judged again.
//!
//! Of what was [`expected`] and what a kernel log tells come the [`facts`] of one fault, or, where
//! nobody says what was injected, [`infer`] does. Each [`check`] is asked of the facts: of the [`log`],
//! of its [`stacks`], of the dump's [`memory`]. The verdict on a [`dump`] comes of the checks, that on a
//! [`drill`] of what was seen before there was a dump. It ends in a [`stage`].

pub mod check;
pub mod drill;
pub mod dump;
pub mod expected;
mod facts;
pub mod infer;
mod log;
mod memory;
mod stacks;
pub mod stage;
#[cfg(test)]
mod tests;

use crate::fault::case::Case;
use check::Check;
use expected::Latency;
use serde::Serialize;
use stage::Stage;

/// The verdict.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Verdict {
    pub stage: Stage,
    /// One sentence: what was seen.
    pub summary: String,
    /// What to do next; empty for a pass.
    pub advice: String,
    /// Lines that show it.
    pub evidence: Vec<String>,
    pub checks: Vec<Check>,
    pub latency: Option<Latency>,
}

impl Verdict {
    pub fn of(case: Case, stage: Stage, summary: impl Into<String>, evidence: Vec<String>) -> Self {
        let advice = stage.advice(case);
        Verdict {
            stage,
            summary: summary.into(),
            advice,
            evidence,
            checks: Vec::new(),
            latency: None,
        }
    }
}
