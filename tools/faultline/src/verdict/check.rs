// SPDX-License-Identifier: GPL-2.0

//! A check of a dump, and its result.

use serde::Serialize;

/// The result of one check.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Result {
    Ok,
    Failed,
    /// The check does not apply.
    Skipped,
    /// The check has no answer, which is not a pass.
    Unknown,
}

/// One check of a dump.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Check {
    pub name: &'static str,
    /// The source: `dump`, `log` (the dump's kernel log) or `drgn`.
    pub source: &'static str,
    pub result: Result,
    /// What was found, or the reason if the check was skipped or has no answer.
    pub found: String,
    /// What was expected.
    pub expected: String,
}

pub const LATENCY: &str = "latency";
pub const PAGES: &str = "pages";
pub const STACK: &str = "stack";
pub const CAUSE: &str = "cause";
pub const THREAD: &str = "thread";
pub const CPU: &str = "cpu";
pub const RUN_ID: &str = "run id";
pub const THRESHOLD: &str = "threshold";

pub fn check(
    name: &'static str,
    source: &'static str,
    ok: bool,
    found: impl Into<String>,
    expected: impl Into<String>,
) -> Check {
    let result = if ok { Result::Ok } else { Result::Failed };
    Check {
        name,
        source,
        result,
        found: found.into(),
        expected: expected.into(),
    }
}

pub fn skipped(name: &'static str, source: &'static str, reason: impl Into<String>) -> Check {
    Check {
        result: Result::Skipped,
        ..check(name, source, true, reason, "")
    }
}

pub fn unknown(name: &'static str, source: &'static str, reason: impl Into<String>) -> Check {
    Check {
        result: Result::Unknown,
        ..check(name, source, true, reason, "")
    }
}

pub fn or_none(text: Option<String>) -> String {
    text.unwrap_or_else(|| "none".into())
}
