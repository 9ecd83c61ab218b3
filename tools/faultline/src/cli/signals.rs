// SPDX-License-Identifier: GPL-2.0

//! `faultline signals`: its command line.

use super::duration::duration;
use super::guide::Guide;
use crate::signals::{names, Ask};
use clap::Args;
use std::time::Duration;

#[derive(Args)]
pub struct SignalsArgs {
    /// Only signals that this process or thread sends or gets; may be repeated
    #[arg(short, long, value_name = "PID", value_parser = clap::value_parser!(i32).range(1..))]
    pid: Vec<i32>,
    /// Only signals that a program of this name sends or gets; may be repeated
    #[arg(short, long, value_name = "NAME", value_parser = comm)]
    comm: Vec<String>,
    /// Only these signals: TERM, SIGSEGV, 9, RTMIN+3
    #[arg(short, long, value_name = "SIGNAL", value_delimiter = ',', value_parser = names::parse)]
    signal: Vec<i32>,
    /// Also show each SIGCHLD that tells a parent of its child
    #[arg(long)]
    children: bool,
    /// Show counts instead of signals; with =also, after the signals
    #[arg(long, value_name = "also", num_args = 0..=1, require_equals = true, default_missing_value = "only", hide_possible_values = true)]
    summary: Option<SummaryArg>,
    /// End after this time: 500ms, 10s, 1m30s, 2h
    #[arg(short, long, value_name = "TIME", value_parser = duration)]
    duration: Option<Duration>,
    /// End after N signals
    #[arg(short = 'n', long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    count: Option<u64>,
    /// Size of the trace buffer of each CPU [default: the kernel's, 1408]
    #[arg(long, value_name = "KIB", value_parser = clap::value_parser!(u32).range(1..=1 << 20))]
    buffer_kb: Option<u32>,
    /// Print JSON, one object per line
    #[arg(short, long)]
    json: bool,
}

#[derive(Clone, Copy, PartialEq, clap::ValueEnum)]
enum SummaryArg {
    Only,
    Also,
}

/// The name of a thread, which the kernel cuts to 15 bytes.
fn comm(text: &str) -> Result<String, String> {
    match text.len() {
        1..=15 => Ok(text.into()),
        length => Err(format!(
            "a program's name has 1 to 15 bytes in the kernel, this one has {length}: see /proc/PID/comm"
        )),
    }
}

impl SignalsArgs {
    /// What it asks for.
    pub fn ask(self) -> Ask {
        Ask {
            pids: self.pid,
            comms: self.comm,
            signals: self.signal,
            children: self.children,
            lines: self.summary != Some(SummaryArg::Only),
            summary: self.summary.is_some(),
            duration: self.duration,
            count: self.count,
            buffer_kb: self.buffer_kb,
            json: self.json,
        }
    }
}

pub const GUIDE: Guide = Guide {
    about: "Each line tells when a signal was sent, by whom (or 'kernel', and in which task that \
        happened), to whom, by which system call or for which reason, and what came of it. A signal \
        that waits is told after 0.2 s, and again when it is taken. Of several --pid and --comm, one \
        is enough. Needs root and tracefs, and no module: the events are those of the kernel's own \
        tracepoints, through a trace buffer of its own. docs/localize.md describes the output.",
    see_also: &[("kill", "1"), ("signal", "7"), ("trace-cmd", "1")],
    examples: &[
        "faultline signals",
        "faultline signals --comm postgres --signal TERM,KILL,ABRT",
        "faultline signals --pid 812 --duration 1m30s --json",
        "faultline signals --summary --duration 10s",
    ],
    ..Guide::WATCHES
};
