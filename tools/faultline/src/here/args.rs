// SPDX-License-Identifier: GPL-2.0

//! The command line of `drill here`, `drill resume` and `drill status`.

use crate::fault::mode::Mode;
use crate::plan::{self, Policy, Setting};
use clap::Args;
use std::path::PathBuf;

#[derive(Debug, Args)]
pub struct HereArgs {
    /// The fault, as of 'faultline drill vm --help'
    #[arg(long, value_name = "MODE")]
    pub mode: &'static Mode,
    /// The CPUs that suffer it: 0,2-3 or all [default: the module chooses]
    #[arg(long, value_name = "LIST")]
    pub cpus: Option<String>,
    /// The countdown before the fault, in which Ctrl-C calls it off
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u32).range(0..=3600))]
    pub delay_secs: u32,
    /// When the fault ends by itself [default: 60, or as long as the detector may take]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=86400))]
    pub hold_secs: Option<u32>,
    /// What the detector's report is to be: panic, as the machine is configured, or report:
    /// its panic switch is set to 0 meanwhile, and nothing reboots
    #[arg(long, value_name = "WORD", default_value = "panic", value_parser = policy)]
    pub policy: Policy,
    /// Detector expected to report it [default: the mode's usual one]
    #[arg(long, value_name = "NAME")]
    pub detector: Option<String>,
    /// Set a sysctl (or a file, by its path) for the drill; may be given again
    #[arg(long, value_name = "KEY=VALUE")]
    pub set: Vec<Setting>,
    /// The module's file [default: lockup.ko below /lib/modules/<release>/updates, or
    /// in the directory <release> beside this program]
    #[arg(long, value_name = "PATH")]
    pub module: Option<PathBuf>,
    /// The run's id, found again in the dump [default: random]
    #[arg(long, value_name = "ID", value_parser = plan::check_drill_id)]
    pub run_id: Option<String>,
    /// Go on although the doctor finds that it would not work, or cannot tell;
    /// the module starts with force=1
    #[arg(long)]
    pub force: bool,
    /// Do not ask for the host's name
    #[arg(long)]
    pub yes: bool,
    /// Print the report, or why it was refused, as JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct ResumeArgs {
    /// The dump, or all parts of a split one, where it was saved elsewhere [default: found in
    /// the directories of this machine's kdump]
    #[arg(long, value_name = "FILE", num_args = 1..)]
    pub dump: Vec<PathBuf>,
    /// Judge without the dump that is on another machine
    #[arg(long)]
    pub without_dump: bool,
    /// Print the report as JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct StatusArgs {
    /// Print it as JSON
    #[arg(long)]
    pub json: bool,
}

/// A policy of a machine of one's own.
fn policy(word: &str) -> Result<Policy, String> {
    match word {
        "panic" => Ok(Policy::Panic),
        "report" => Ok(Policy::Report),
        _ => Err("the policies are: panic, report".into()),
    }
}

pub fn here_help() -> &'static str {
    "Provokes the fault on THIS machine: it goes down, saves its dump, and boots\n\
     again. First the doctor looks whether that would work, and the drill is\n\
     refused if not; then the host's name has to be typed. What was there is judged\n\
     at the next boot by the unit faultline-verdict.service; 'faultline drill\n\
     status' shows it. See docs/machine.md.\n\n\
     examples:\n  \
     faultline drill here --mode soft --policy report\n  \
     faultline drill here --mode soft\n  \
     faultline drill here --mode hung --set kernel.hung_task_timeout_secs=20 \\\n      \
     --set kernel.hung_task_panic=1 --yes\n\n\
     exit status, of a drill after which the machine still runs:\n  \
     0  it passed (--policy report)\n  \
     1  refused: nothing was done; or it failed\n  \
     2  wrong usage\n  \
     3  could not tell; or it was called off"
}

pub fn resume_help() -> &'static str {
    "Looks for the dump of the drill that was armed before this boot, judges it,\n\
     writes the ledger, and disarms the drill. faultline-verdict.service runs it at\n\
     the next boot; by hand it is needed where the unit could not, or where the\n\
     dump is on another machine.\n\n\
     examples:\n  \
     faultline drill resume\n  \
     faultline drill resume --dump /mnt/dumps/server-2026-11-28/vmcore\n\n\
     exit status:\n  \
     0  the drill passed, or none was armed\n  \
     1  it failed\n  \
     2  wrong usage\n  \
     3  could not tell, or the dump is on another machine"
}

pub fn status_help() -> &'static str {
    "Shows the newest proof of each fault that was drilled here, and whether what\n\
     it rests on (kernel, command line, sysctls, crash kernel and initrd, kdump's\n\
     configuration, module) is still the same.\n\n\
     examples:\n  \
     faultline drill status\n  \
     faultline drill status --json\n\n\
     exit status:\n  \
     0  all newest proofs passed, and hold\n  \
     1  one failed, or no longer holds\n  \
     2  wrong usage\n  \
     3  could not tell: nothing was drilled, or something could not be read"
}
