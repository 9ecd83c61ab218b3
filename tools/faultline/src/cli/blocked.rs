// SPDX-License-Identifier: GPL-2.0

//! `faultline blocked`: its command line.

use super::duration::duration;
use crate::blocked::Ask;
use clap::Args;
use std::time::Duration;

#[derive(Args)]
pub struct BlockedArgs {
    /// Leave out tasks blocked for less: 500ms, 10s, 1m30s
    #[arg(long, value_name = "TIME", value_parser = duration)]
    min: Option<Duration>,
    /// Print JSON
    #[arg(long)]
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

pub fn help() -> &'static str {
    "Needs root, and no module. Shows each task in uninterruptible sleep (state D): for how\n\
     long about, in which function, what it waits for, and who holds that, and what the\n\
     holder waits for, and so on. Tasks that wait for a disk are blocked for a moment:\n\
     --min 1s leaves them out. Who holds a lock is read from the kernel's memory\n\
     (/proc/kcore), where the kernel notes it; what could not be told is said.\n\
     docs/localize.md describes it.\n\n\
     examples:\n  \
     faultline blocked\n  \
     faultline blocked --min 10s --json\n\n\
     exit status:\n  0  no task is blocked\n  1  some are\n  2  wrong usage\n  3  could not tell"
}
