// SPDX-License-Identifier: GPL-2.0

//! The progress of the matrix on stderr: on a terminal a live line for each running drill, else a
//! line for each drill that ended.

use super::outcome::{Outcome, Verdict};
use crate::terminal::escape;
use crate::terminal::tell::tell;
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use std::collections::HashMap;
use std::io::IsTerminal;
use std::time::{Duration, Instant};

/// The way of showing it.
enum Way {
    Quiet,
    Lines,
    Live {
        screen: MultiProgress,
        whole: ProgressBar,
        drills: HashMap<&'static str, ProgressBar>,
    },
}

/// The progress.
pub struct Watch {
    way: Way,
    began: Instant,
    rows: usize,
    done: usize,
    failed: usize,
}

fn bar(template: &str) -> ProgressBar {
    let bar = ProgressBar::new_spinner();
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style);
    }
    bar
}

impl Watch {
    /// Makes the progress of this many rows, in the way that suits stderr.
    pub fn new(rows: usize, is_quiet: bool) -> Self {
        let way = if is_quiet {
            Way::Quiet
        } else if std::io::stderr().is_terminal() {
            let screen = MultiProgress::new();
            let whole = screen.add(bar("{elapsed:>6}  {wide_msg}"));
            whole.enable_steady_tick(Duration::from_millis(500));
            Way::Live {
                screen,
                whole,
                drills: HashMap::new(),
            }
        } else {
            Way::Lines
        };
        let mut watch = Watch {
            way,
            began: Instant::now(),
            rows,
            done: 0,
            failed: 0,
        };
        watch.sum_up();
        watch
    }

    /// Shows a drill that has started.
    pub fn began(&mut self, name: &'static str) {
        if let Way::Live { screen, drills, .. } = &mut self.way {
            let drill = screen.add(bar("{spinner} {elapsed:>4}  {wide_msg}"));
            drill.set_message(name);
            drill.enable_steady_tick(Duration::from_millis(100));
            drills.insert(name, drill);
        }
    }

    /// Shows a drill without a result, which will be run again.
    pub fn again(&mut self, outcome: &Outcome) {
        let news = format!("{}: running it again: {}", outcome.row.name, outcome.reason);
        match &mut self.way {
            Way::Quiet => {}
            Way::Lines => {
                let secs = self.began.elapsed().as_secs_f64();
                tell(format_args!("{secs:6.1} s  {news}"));
            }
            Way::Live { screen, drills, .. } => {
                if let Some(drill) = drills.remove(outcome.row.name) {
                    drill.finish_and_clear();
                }
                let _ = screen.println(escape::line(&news));
            }
        }
    }

    /// Shows the outcome of a row.
    pub fn ended(&mut self, outcome: &Outcome) {
        self.done += 1;
        self.failed += usize::from(outcome.verdict == Verdict::Failed);
        let (name, verdict) = (outcome.row.name, outcome.verdict.word());
        let mut news = format!("{name}: {verdict}");
        if outcome.is_reused {
            news += ", as before";
        }
        if !outcome.reason.is_empty() {
            news += &format!(": {}", outcome.reason);
        }
        match &mut self.way {
            Way::Quiet => {}
            Way::Lines => tell(format_args!(
                "{:6.1} s  [{}/{}] {news}",
                self.began.elapsed().as_secs_f64(),
                self.done,
                self.rows
            )),
            Way::Live { screen, drills, .. } => {
                if let Some(drill) = drills.remove(name) {
                    drill.finish_and_clear();
                }
                // The rows that passed are in the table at the end.
                if outcome.verdict == Verdict::Failed {
                    let _ = screen.println(escape::line(&news));
                }
            }
        }
        self.sum_up();
    }

    fn sum_up(&mut self) {
        if let Way::Live { whole, .. } = &self.way {
            let failed = match self.failed {
                0 => String::new(),
                failed => format!(", {failed} failed"),
            };
            whole.set_message(format!("{} of {} rows{failed}", self.done, self.rows));
        }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        if let Way::Live { whole, drills, .. } = &self.way {
            drills.values().for_each(ProgressBar::finish_and_clear);
            whole.finish_and_clear();
        }
    }
}
