// SPDX-License-Identifier: GPL-2.0

//! The progress on stderr: one live line on a terminal, else a line for each step; nothing in quiet
//! mode.

use super::escape;
use super::tell::tell;
use indicatif::{ProgressBar, ProgressStyle};
use std::io::IsTerminal;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

/// How steps are shown.
pub enum Progress {
    Quiet,
    Lines(Instant),
    Live(ProgressBar),
    /// A live line on a terminal, for steps longer than a moment.
    Late(Instant, OnceLock<ProgressBar>),
}

/// A step shorter than this is not shown.
const MOMENT: Duration = Duration::from_secs(2);

impl Progress {
    /// Chooses the way that suits stderr.
    pub fn new(quiet: bool) -> Self {
        if quiet {
            return Self::Quiet;
        }
        if !std::io::stderr().is_terminal() {
            return Self::Lines(Instant::now());
        }
        Self::Live(line())
    }

    /// Shows only a live line on a terminal, and only for long steps.
    pub fn late() -> Self {
        match std::io::stderr().is_terminal() {
            true => Self::Late(Instant::now(), OnceLock::new()),
            false => Self::Quiet,
        }
    }

    /// Shows the progress of a long step: `done` of `of`, or of an unknown number.
    pub fn share(&self, step: &str, done: u64, of: u64) {
        let bar = match self {
            Self::Late(start, bar) if start.elapsed() > MOMENT => bar.get_or_init(line),
            Self::Live(bar) => bar,
            _ => return,
        };
        match (done * 100).checked_div(of) {
            Some(percent) => bar.set_message(format!("{step}: {percent} %")),
            None => bar.set_message(step.to_string()),
        }
    }

    /// Shows an event or a step.
    pub fn step(&self, text: &str) {
        let text = escape::line(text);
        match self {
            Self::Quiet | Self::Late(..) => {}
            Self::Lines(start) => {
                tell(format_args!(
                    "{:5.1} s  {text}",
                    start.elapsed().as_secs_f64()
                ));
            }
            Self::Live(bar) => bar.set_message(text.to_string()),
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        let bar = match self {
            Self::Live(bar) => Some(&*bar),
            Self::Late(_, bar) => bar.get(),
            _ => None,
        };
        if let Some(bar) = bar {
            bar.finish_and_clear();
        }
    }
}

fn line() -> ProgressBar {
    let bar = ProgressBar::new_spinner();
    if let Ok(style) = ProgressStyle::with_template("{spinner} {elapsed:>4}  {wide_msg}") {
        bar.set_style(style);
    }
    bar.enable_steady_tick(Duration::from_millis(100));
    bar
}
