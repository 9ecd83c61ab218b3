// SPDX-License-Identifier: GPL-2.0

//! The command line of `drill here`, `drill resume` and `drill status`.

use crate::cli::duration::seconds_within;
use crate::cli::guide::Guide;
use crate::cli::words::{detector, mode};
use crate::fault::mode::Mode;
use crate::prometheus;
use crate::run::plan::{self, Policy, Setting};
use clap::{Args, ValueHint};
use std::path::PathBuf;

#[derive(Debug, Args)]
pub struct HereArgs {
    /// The fault to provoke; 'faultline drill vm --help' lists the modes
    #[arg(short, long, value_name = "MODE", value_parser = mode(), hide_possible_values = true)]
    pub mode: &'static Mode,
    /// CPUs on which to inject it: 0,2-3 or all [default: the module chooses]
    #[arg(long, value_name = "LIST")]
    pub cpus: Option<String>,
    /// The countdown before the fault, during which Ctrl-C cancels it; at most an hour
    #[arg(long = "delay", alias = "delay-secs", value_name = "TIME", default_value = "10s", value_parser = seconds_within(0, 3600))]
    pub delay_secs: u32,
    /// Time after which the fault ends by itself, at most a day [default: 60s, or as
    /// long as the detector may take]
    #[arg(long = "hold", alias = "hold-secs", value_name = "TIME", value_parser = seconds_within(1, 86400))]
    pub hold_secs: Option<u32>,
    /// What the detector does: panic (as the machine is configured), or report (the drill
    /// sets the panic switch to 0 while it runs, and the machine does not reboot)
    #[arg(long, value_name = "WORD", default_value = "panic", value_parser = policy)]
    pub policy: Policy,
    /// Detector expected to report it [default: the mode's usual one]
    #[arg(long, value_name = "NAME", value_parser = detector(), hide_possible_values = true)]
    pub detector: Option<String>,
    /// Set a sysctl (or a file, by its path) for the drill; may be repeated
    #[arg(long, value_name = "KEY=VALUE")]
    pub set: Vec<Setting>,
    /// File of the module [default: lockup.ko below /lib/modules/<release>/updates, or in
    /// the directory <release> beside this program]
    #[arg(long, value_name = "PATH", value_hint = ValueHint::FilePath)]
    pub module: Option<PathBuf>,
    /// Id of the run, which the dump must contain [default: random]
    #[arg(long, value_name = "ID", value_parser = plan::check_drill_id)]
    pub run_id: Option<String>,
    /// Go on even if the doctor finds that no dump would be saved, or cannot tell; the
    /// module is loaded with force=1
    #[arg(long)]
    pub force: bool,
    /// Do not ask for the host name
    #[arg(short, long)]
    pub yes: bool,
    /// Print the report, or the reasons for the refusal, as JSON
    #[arg(short, long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct ResumeArgs {
    /// The dump, or all parts of a split dump [default: found in the directories of this
    /// machine's kdump]
    #[arg(long, value_name = "FILE", num_args = 1.., value_hint = ValueHint::FilePath)]
    pub dump: Vec<PathBuf>,
    /// Judge without the dump, if it was saved on another machine
    #[arg(long)]
    pub without_dump: bool,
    /// Print the report as JSON
    #[arg(short, long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct StatusArgs {
    /// Print the status as JSON
    #[arg(short, long)]
    pub json: bool,
    /// Write metrics to a file for node_exporter's textfile collector, besides the status;
    /// the name ends in .prom. Without a file: print the metrics
    #[arg(long, value_name = "FILE", num_args = 0..=1, value_parser = prometheus::path, value_hint = ValueHint::FilePath)]
    pub prometheus: Option<Option<PathBuf>>,
}

/// Parses a policy for a drill on this machine.
fn policy(word: &str) -> Result<Policy, String> {
    match word {
        "panic" => Ok(Policy::Panic),
        "report" => Ok(Policy::Report),
        _ => Err("no such policy; allowed: panic, report".into()),
    }
}

pub const HERE: Guide = Guide {
    about: "THIS machine crashes, and everything that is not on its disks is lost. The doctor first checks whether a dump would be saved, and the drill is refused if not; then you \
        have to type the host name. At the next boot the unit faultline-verdict.service judges the \
        dump; 'faultline drill status' shows the verdict. docs/machine.md describes what a drill \
        changes, and how to undo it.",
    exit_status: &[
        (0, "the drill passed (--policy report)"),
        (1, "refused, and nothing was done; or the drill failed"),
        (2, "wrong usage"),
        (3, "could not tell, or cancelled"),
    ],
    exit_note: "If the machine crashes, there is no exit status.",
    files: FILES,
    see_also: &[("kdump-config", "8"), ("kdump.conf", "5"), ("systemctl", "1")],
    examples: &[
        "faultline drill here --mode soft --policy report",
        "faultline drill here --mode soft",
        "faultline drill here --mode hung --set kernel.hung_task_timeout_secs=20 \\\n\
         --set kernel.hung_task_panic=1 --yes",
    ],
    ..Guide::NEW
};

pub const RESUME: Guide = Guide {
    about: "Finds the dump of the drill that was armed before this boot, judges it, writes the \
        ledger, and disarms the drill. faultline-verdict.service runs it at the next boot; run it by \
        hand if the unit failed, or if the dump is on another machine.",
    exit_status: &[
        (0, "the drill passed, or none was armed"),
        (1, "the drill failed"),
        (2, "wrong usage"),
        (3, "could not tell, or the dump is on another machine"),
    ],
    files: FILES,
    see_also: &[("systemctl", "1"), ("makedumpfile", "8")],
    examples: &[
        "faultline drill resume",
        "faultline drill resume --dump /mnt/dumps/server-2026-11-28/vmcore",
        "faultline drill resume --without-dump --json",
    ],
    ..Guide::NEW
};

pub const STATUS: Guide = Guide {
    about:
        "Shows the newest proof of each fault that was drilled on this machine, and whether what \
        it depends on (kernel, command line, sysctls, crash kernel and initrd, kdump's \
        configuration, module) is unchanged.",
    exit_status: &[
        (0, "every newest proof passed, and holds"),
        (1, "one failed, or no longer holds"),
        (2, "wrong usage"),
        (
            3,
            "could not tell: no drill yet, or something could not be read",
        ),
    ],
    files: FILES,
    examples: &[
        "faultline drill status",
        "faultline drill status --json",
        "faultline drill status \\\n\
         --prometheus /var/lib/prometheus/node-exporter/drill.prom",
    ],
    ..Guide::NEW
};

const FILES: &[(&str, &str)] = &[
    (
        "/var/lib/faultline/ledger.jsonl",
        "the ledger: one line of JSON for each drill that was judged",
    ),
    (
        "/var/lib/faultline/",
        "also the state of an armed drill, until it is judged",
    ),
    (
        "/etc/systemd/system/faultline-verdict.service",
        "the unit that judges the dump at the next boot, and then removes itself",
    ),
];
