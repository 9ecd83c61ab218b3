// SPDX-License-Identifier: GPL-2.0

//! `faultline probe`: its command line.

mod see;

use super::usage::WrongUsage;
use crate::probe::choose::Pattern;
use crate::probe::list::{self, Ask};
use crate::probe::targets::of_returns;
use clap::Args;
use see::SeeArgs;
use std::process::ExitCode;

#[derive(Args)]
pub struct ProbeArgs {
    /// Functions: kernel.function("vfs_*"), module("veth").function("*"), or a name
    #[arg(value_name = "PATTERN", required = true)]
    patterns: Vec<Pattern>,
    #[command(flatten)]
    list: ListArgs,
    #[command(flatten)]
    see: SeeArgs,
    /// Print JSON; of calls, an object a line
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
#[group(multiple = false, conflicts_with = "SeeArgs")]
struct ListArgs {
    /// List what can be probed, and why the rest cannot
    #[arg(short, long)]
    list: bool,
    /// List it with prototypes, from BTF
    #[arg(short = 'L', long)]
    list_prototypes: bool,
}

impl ProbeArgs {
    /// Does it.
    pub fn run(self) -> anyhow::Result<ExitCode> {
        if self.list.list || self.list.list_prototypes {
            return list::run(&self.list());
        }
        let patterns = of_returns(self.patterns, self.see.call);
        let ask = self.see.ask(self.json);
        crate::probe::see::run(&ask, &patterns, |wrong| WrongUsage(wrong).into())
    }

    /// What is to be listed.
    pub fn list(self) -> Ask {
        Ask {
            patterns: self.patterns,
            prototypes: self.list.list_prototypes,
            json: self.json,
        }
    }
}

pub fn help() -> String {
    format!(
        "Patterns have *, ? and [a-z]. A function is probed when it returns; with '.call' \
         after the pattern, or --call, when it is called. '.return.maxactive(N)' is of N calls \
         at once, where a kretprobe is used. Functions of a module that is not loaded are probed \
         when it comes. Needs root, tracefs, debugfs, and the module func_probe; -l and -L need \
         no module. docs/func_probe.md says what is refused, and why.\n\n\
         {}\n\n\
         examples:\n  \
         faultline probe -l 'kernel.function(\"tcp_v4_*\")'\n  \
         faultline probe -L 'module(\"veth\").function(\"*\").return'\n  \
         faultline probe vfs_read --comm dd --count 10\n  \
         faultline probe vfs_read --print '{{comm}} -> {{ret}} in {{ns}}' --if 'ret < 0'\n  \
         faultline probe vfs_open.call --print '{{path->dentry->d_name.name}}' --stack\n  \
         faultline probe 'module(\"veth\").function(\"*\")' --summary --duration 10s\n\n\
         exit status:\n  0  success; of -l and -L: something can be probed\n  \
         1  of -l and -L: nothing can\n  2  wrong usage\n  3  could not tell",
        see::HELP
    )
}
