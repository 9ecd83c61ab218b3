// SPDX-License-Identifier: GPL-2.0

//! Says on stderr what goes on: one live line on a terminal, a line for each step
//! elsewhere, nothing when asked to be quiet.

use indicatif::{ProgressBar, ProgressStyle};
use std::io::IsTerminal;
use std::time::{Duration, Instant};

/// How steps are shown.
pub enum Progress {
    Quiet,
    Lines(Instant),
    Live(ProgressBar),
}

impl Progress {
    /// The way that suits stderr.
    pub fn new(quiet: bool) -> Self {
        if quiet {
            return Self::Quiet;
        }
        if !std::io::stderr().is_terminal() {
            return Self::Lines(Instant::now());
        }
        let bar = ProgressBar::new_spinner();
        if let Ok(style) = ProgressStyle::with_template("{spinner} {elapsed:>4}  {wide_msg}") {
            bar.set_style(style);
        }
        bar.enable_steady_tick(Duration::from_millis(100));
        Self::Live(bar)
    }

    /// Tells what happened or is done now.
    pub fn step(&self, text: &str) {
        match self {
            Self::Quiet => {}
            Self::Lines(start) => {
                eprintln!("faultline: {:5.1} s  {text}", start.elapsed().as_secs_f64())
            }
            Self::Live(bar) => bar.set_message(text.to_string()),
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Self::Live(bar) = self {
            bar.finish_and_clear();
        }
    }
}
