// SPDX-License-Identifier: GPL-2.0

//! `faultline probe`: its command line.

use crate::probe::choose::Pattern;
use crate::probe::list::Ask;
use clap::Args;

#[derive(Args)]
pub struct ProbeArgs {
    /// Functions: kernel.function("vfs_*"), module("veth").function("*"), or a name
    #[arg(value_name = "PATTERN", required = true)]
    patterns: Vec<Pattern>,
    #[command(flatten)]
    list: ListArgs,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
#[group(required = true, multiple = false)]
struct ListArgs {
    /// List what can be probed, and why the rest cannot
    #[arg(short, long)]
    list: bool,
    /// List it with prototypes, from BTF
    #[arg(short = 'L', long)]
    list_prototypes: bool,
}

impl ProbeArgs {
    /// What it asks for.
    pub fn ask(self) -> Ask {
        Ask {
            patterns: self.patterns,
            prototypes: self.list.list_prototypes,
            json: self.json,
        }
    }
}

pub fn help() -> String {
    "Patterns have *, ? and [a-z]. '.return' after one is of returns, and\n\
     '.return.maxactive(N)' of N of them at once, where a kretprobe is used.\n\
     Needs root, tracefs and debugfs, but no module. docs/func_probe.md says what is\n\
     refused, and why.\n\n\
     examples:\n  \
     faultline probe -l 'kernel.function(\"tcp_v4_*\")'\n  \
     faultline probe -L 'module(\"veth\").function(\"*\").return'\n  \
     faultline probe -l 'vfs_*' --json\n\n\
     exit status:\n  0  something can be probed\n  1  nothing can\n  2  wrong usage\n  3  could not tell"
        .into()
}
