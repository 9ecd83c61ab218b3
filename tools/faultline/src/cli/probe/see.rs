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
    /// Only calls by the thread with this number
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(..=i32::MAX as i64))]
    pid: Option<u32>,
    /// Only calls by the process with this number
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(..=i32::MAX as i64))]
    tgid: Option<u32>,
    /// Only calls by threads of this name
    #[arg(long, value_name = "NAME", value_parser = comm)]
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
    /// Show totals and times instead of calls; =also: after them
    #[arg(long, value_name = "also", num_args = 0..=1, require_equals = true, default_missing_value = "only", hide_possible_values = true)]
    summary: Option<SummaryArg>,
    /// Show all functions in the summary, not the 20 with the most calls
    #[arg(long, requires = "summary")]
    all: bool,
    /// End after this time: 500ms, 10s, 1m30s, 2h
    #[arg(long, value_name = "TIME", value_parser = duration)]
    duration: Option<Duration>,
    /// End after so many calls
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    count: Option<u64>,
    /// Disable a function that has more calls a second; 0: none [default: 100000]
    #[arg(long, value_name = "N")]
    max_rate: Option<u64>,
    /// Calls that a kretprobe can follow at once
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=4096))]
    maxactive: Option<u32>,
    /// The trace buffer of each CPU [default: the kernel's, 1408]
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

/// What `--help` says of it.
pub const HELP: &str = "\
    Expressions: parameters by name, members through pointers (sk->__sk_common.skc_dport, \
    file->f_path.dentry->d_name.name), elements (a[2]), *p, ret; ns, pid, tgid, cpu, comm, \
    function, time; $ns for a parameter of such a name; arg0 to arg11 where no types are known. \
    str(e), ustr(e): the text at an address of the kernel, of the process; hex(e), ip(e), u8(e) to \
    s64(e): a number as that.\n\n\
    Conditions are evaluated in the kernel: ==, !=, <, <=, >, >=, & (any bit), with && and || between, \
    of several --if all hold; values are numbers, errors (-ENOENT), names of an enumeration, times for ns (10us).\n\n\
    Everything is detached when this ends, however it ends.";
