// SPDX-License-Identifier: GPL-2.0

//! What a verdict expects: the injected fault, and the window of its detection.

use crate::fault::case::Case;
use crate::fault::window::Window;
use serde::{Deserialize, Serialize};

/// The injected fault, as far as it is known.
#[derive(Debug)]
pub struct Expected {
    pub case: Case,
    pub run_id: Option<String>,
    /// A CPU list.
    pub cpus: Option<String>,
    /// The detector's threshold, if the log does not have the one in effect; without either, the
    /// window is not judged.
    pub threshold: Option<u32>,
    /// Whether the log must agree with all of these.
    pub insists: bool,
}

/// The measured latency of the detection, and its documented window.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Latency {
    pub secs: f64,
    /// The detector's threshold and the window that follows; null if it is not known.
    pub threshold: Option<u32>,
    pub window: Option<Window>,
}
