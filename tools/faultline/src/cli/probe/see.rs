// SPDX-License-Identifier: GPL-2.0

//! `faultline probe`: the part of its command line that says what is seen of a call, of which calls, and
//! how it is shown.

use crate::cli::duration::duration;
use crate::probe::ask::Ask;
use crate::probe::fields::condition::{self, Condition};
use crate::probe::fields::is_comm;
use crate::probe::fields::template::Template;
use clap::Args;
use std::time::Duration;

#[derive(Args)]
pub struct SeeArgs {
    /// What to show of a call, with expressions in braces: '{comm} {count} -> {ret}'
    #[arg(long, value_name = "TEXT", value_parser = Template::parse)]
    print: Option<Template>,
    /// Only calls for which comparisons hold: 'ret < 0 || count > 4096 && ns > 1ms'
    #[arg(long = "if", value_name = "CONDITION", value_parser = condition::parse)]
    conditions: Vec<Condition>,
    /// Only calls by this thread
    #[arg(short, long, value_name = "N", value_parser = clap::value_parser!(u32).range(..=i32::MAX as i64))]
    pid: Option<u32>,
    /// Only calls by the threads of this process
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(..=i32::MAX as i64))]
    tgid: Option<u32>,
    /// Only calls by threads of this name
    #[arg(short, long, value_name = "NAME", value_parser = comm)]
    comm: Option<String>,
    /// Only calls on this CPU
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(..=i32::MAX as i64))]
    cpu: Option<u32>,
    /// Show calls when they begin, without result and time
    #[arg(long)]
    pub call: bool,
    /// Show the kernel stack of each call
    #[arg(long, conflicts_with = "summary")]
    stack: bool,
    /// Show totals and times instead of calls; with =also, after the calls
    #[arg(long, value_name = "also", num_args = 0..=1, require_equals = true, default_missing_value = "only", hide_possible_values = true)]
    summary: Option<SummaryArg>,
    /// Show all functions in the summary, not the 20 with the most calls
    #[arg(long, requires = "summary")]
    all: bool,
    /// End after this time: 500ms, 10s, 1m30s, 2h
    #[arg(short, long, value_name = "TIME", value_parser = duration)]
    duration: Option<Duration>,
    /// End after N calls
    #[arg(short = 'n', long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    count: Option<u64>,
    /// Disable a function that has more than N calls per second; 0: never [default: 100000]
    #[arg(long, value_name = "N")]
    max_rate: Option<u64>,
    /// Number of calls that a kretprobe can follow at once
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=4096))]
    maxactive: Option<u32>,
    /// Size of the trace buffer of each CPU [default: the kernel's, 1408]
    #[arg(long, value_name = "KIB", value_parser = clap::value_parser!(u32).range(1..=1 << 20))]
    buffer_kb: Option<u32>,
}

fn comm(text: &str) -> Result<String, String> {
    is_comm(text).map(|()| text.into())
}

#[derive(Clone, Copy, PartialEq, clap::ValueEnum)]
enum SummaryArg {
    Only,
    Also,
}

impl SeeArgs {
    /// What it asks for.
    pub fn ask(self, json: bool) -> Ask {
        Ask {
            print: self.print,
            conditions: self.conditions,
            pid: self.pid,
            tgid: self.tgid,
            comm: self.comm,
            cpu: self.cpu,
            stack: self.stack,
            json,
            lines: self.summary != Some(SummaryArg::Only),
            summary: self.summary.is_some(),
            all: self.all,
            duration: self.duration,
            count: self.count,
            max_rate: self.max_rate,
            maxactive: self.maxactive,
            buffer_kb: self.buffer_kb,
        }
    }
}
