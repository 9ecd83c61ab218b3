// SPDX-License-Identifier: GPL-2.0

//! `faultline blocked`: its command line.

use super::duration::duration;
use super::guide::Guide;
use crate::blocked::Ask;
use clap::Args;
use std::time::Duration;

#[derive(Args)]
pub struct BlockedArgs {
    /// Leave out tasks blocked for less: 500ms, 10s, 1m30s
    #[arg(long, value_name = "TIME", value_parser = duration)]
    min: Option<Duration>,
    /// Print JSON
    #[arg(short, long)]
    json: bool,
}

impl BlockedArgs {
    /// What it asks for.
    pub fn ask(self) -> Ask {
        Ask {
            min: self.min.unwrap_or_default(),
            json: self.json,
        }
    }
}

pub const GUIDE: Guide = Guide {
    about: "Shows each task in uninterruptible sleep (state D): for how long about, in which \
        function, what it waits for, which task holds that, what the holder waits for, and so on. \
        Needs root, and no module. Who holds a lock is read from the kernel's memory (/proc/kcore), \
        where the kernel notes it; what could not be told is said. A task that waits for a disk is \
        blocked for a moment: --min 1s leaves such tasks out. docs/localize.md describes the output.",
    exit_status: &[
        (0, "no task is blocked"),
        (1, "some tasks are blocked"),
        (2, "wrong usage"),
        (3, "could not tell"),
    ],
    files: &[(
        "/proc/kcore",
        "the kernel's memory, from which the owners of locks are read",
    )],
    see_also: &[("ps", "1"), ("proc", "5")],
    examples: &["faultline blocked", "faultline blocked --min 10s --json"],
    ..Guide::NEW
};
