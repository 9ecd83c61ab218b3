// SPDX-License-Identifier: GPL-2.0

//! What a verdict compares with: the fault that was injected, and how long its detection may take.

use crate::fault::case::Case;
use crate::fault::window::Window;
use serde::{Deserialize, Serialize};

/// What was injected, as far as it is known.
#[derive(Debug)]
pub struct Expected {
    pub case: Case,
    pub run_id: Option<String>,
    /// A CPU list.
    pub cpus: Option<String>,
    /// The detector's threshold, where the log does not tell the one in force; without any, the
    /// window is not judged.
    pub threshold: Option<u32>,
    /// Whether what the log tells has to be that.
    pub insists: bool,
}

/// How long detection took, beside what is documented.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Latency {
    pub secs: f64,
    /// The detector's threshold and the window that follows; null if it is not known.
    pub threshold: Option<u32>,
    pub window: Option<Window>,
}
