// SPDX-License-Identifier: GPL-2.0

//! `faultline probe`: its command line.

mod see;

use super::guide::Guide;
use super::usage::WrongUsage;
use crate::probe::choose::Pattern;
use crate::probe::list::{self, Ask};
use crate::probe::targets::of_returns;
use clap::Args;
use see::SeeArgs;
use std::process::ExitCode;

#[derive(Args)]
pub struct ProbeArgs {
    /// Functions: kernel.function("vfs_*"), module("veth").function("*"), or a name, which may
    /// have wildcards
    #[arg(value_name = "PATTERN", required = true)]
    patterns: Vec<Pattern>,
    #[command(flatten)]
    list: ListArgs,
    #[command(flatten)]
    see: SeeArgs,
    /// Print JSON; calls as one object per line
    #[arg(short, long)]
    json: bool,
}

#[derive(Args)]
#[group(multiple = false, conflicts_with = "SeeArgs")]
struct ListArgs {
    /// List the functions that can be probed, and why the others cannot
    #[arg(short, long)]
    list: bool,
    /// The same with prototypes, from BTF
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

pub const GUIDE: Guide = Guide {
    about: "Patterns have the wildcards *, ? and [a-z]. A function is probed when it returns; with \
        '.call' after the pattern, or --call, when it is called. '.return.maxactive(N)' follows N \
        calls at once, where a kretprobe is used. Functions of a module that is not loaded are \
        probed when it is. Needs root, tracefs, debugfs, and the module func_probe; -l and -L need no \
        module. docs/func_probe.md says which functions are refused, and why.\n\n\
        Expressions of --print and --if: parameters by name, members through pointers \
        (sk->__sk_common.skc_dport, file->f_path.dentry->d_name.name), elements (a[2]), *p, and ret; \
        ns, pid, tgid, cpu, comm, function, time; $ns for a parameter of such a name; arg0 to arg11 \
        where no types are known. str(e) and ustr(e) are the text at an address of the kernel, of the \
        process; hex(e), ip(e), u8(e) to s64(e) show a number as that.\n\n\
        Conditions are evaluated in the kernel: ==, !=, <, <=, >, >=, & (any bit), with && and || \
        between them. Of several --if, all must hold. Values are numbers, errors (-ENOENT), names of \
        an enumeration, and times for ns (10us).\n\n\
        Everything is detached when this ends, however it ends.",
    exit_status: &[
        (0, "success; -l, -L: some function can be probed"),
        (1, "-l, -L: no function can be probed"),
        (2, "wrong usage"),
        (3, "could not tell"),
    ],
    files: &[
        (
            "/sys/kernel/btf/vmlinux",
            "the kernel's types, for the names and members of parameters",
        ),
        (
            "/sys/kernel/debug/kprobes/blacklist",
            "functions that the kernel does not let anybody probe",
        ),
    ],
    see_also: &[("bpftrace", "8"), ("perf-probe", "1"), ("trace-cmd", "1")],
    examples: &[
        "faultline probe -l 'kernel.function(\"tcp_v4_*\")'",
        "faultline probe -L 'module(\"veth\").function(\"*\").return'",
        "faultline probe vfs_read --comm dd --count 10",
        "faultline probe vfs_read --print '{comm} -> {ret} in {ns}' --if 'ret < 0'",
        "faultline probe vfs_open.call --stack \\\n\
         --print '{path->dentry->d_name.name}'",
        "faultline probe 'module(\"veth\").function(\"*\")' --summary --duration 10s",
    ],
    ..Guide::NEW
};
