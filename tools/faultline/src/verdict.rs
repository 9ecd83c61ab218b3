// SPDX-License-Identifier: GPL-2.0

//! The verdict: the stage that a fault reached on its way to a dump that names it. It is judged
//! from evidence alone, so that recorded evidence can be judged again.
//!
//! [`facts`] gathers the facts of one fault from the [`expected`] case and the kernel log;
//! [`infer`] finds the case if the user names none. Each [`check`] tests the facts: of the [`log`],
//! of its [`stacks`], of the dump's [`memory`]. The checks give the verdict on a [`dump`]; what was
//! seen before there was a dump gives the verdict on a [`drill`]. A verdict names a [`stage`].

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

/// The verdict on one fault.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Verdict {
    pub stage: Stage,
    /// One sentence: what was seen.
    pub summary: String,
    /// What to do next; empty for a pass.
    pub advice: String,
    /// The lines of the logs that show it.
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
