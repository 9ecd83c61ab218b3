// SPDX-License-Identifier: GPL-2.0

//! `faultline verdict`: judges a dump or a kernel log.

use super::debug::Debug;
use super::duration::seconds;
use super::guide::Guide;
use super::usage;
use super::words::{detector, mode};
use crate::dump::{Dump, State, Watch};
use crate::fault::mode::Mode;
use crate::interrupt;
use crate::plan;
use crate::report::{DumpFacts, Files, Report, VERDICT};
use crate::terminal::progress::Progress;
use crate::timeline;
use crate::verdict::expected::Expected;
use crate::verdict::{self, infer};
use clap::{Args, ValueHint};
use std::path::PathBuf;
use std::process::ExitCode;

#[derive(Args)]
pub struct VerdictArgs {
    /// The dump, or all parts of a split dump; or a saved kernel log, or all of its
    /// parts in pstore; - is standard input
    #[arg(required = true, value_hint = ValueHint::AnyPath)]
    vmcore: Vec<PathBuf>,
    /// Fail unless it shows this fault [default: the one that its log names]
    #[arg(short, long, value_name = "MODE", value_parser = mode(), hide_possible_values = true)]
    mode: Option<&'static Mode>,
    /// Fail unless it shows this run id
    #[arg(long, value_name = "ID", value_parser = plan::check_run_id)]
    run_id: Option<String>,
    /// Fail unless this detector reported it [default: the one that its log names]
    #[arg(long, value_name = "NAME", value_parser = detector(), hide_possible_values = true)]
    detector: Option<String>,
    /// Fail unless it shows this CPU [default: one that its log announces]
    #[arg(long, value_name = "N")]
    cpu: Option<u32>,
    /// Fail unless it shows this threshold of the detector; the latency is judged by
    /// it [default: the one that the module logged, or drgn finds]
    #[arg(long, value_name = "TIME", alias = "watchdog-thresh", value_parser = seconds)]
    threshold: Option<u32>,
    #[command(flatten)]
    debug: Debug,
    /// Print the report as JSON
    #[arg(short, long)]
    json: bool,
}

pub const GUIDE: Guide = Guide {
    about: "Reads the whole dump and the kernel log in it: kdump-compressed (makedumpfile -c, -l, \
        -p, -z, also flattened with -F or split), ELF, QEMU's dump-guest-memory; each also as .gz, \
        .zst, .xz, or from a pipe. With the kernel's vmlinux with debug information it also reads \
        the dump with drgn.\n\n\
        The log tells the injected fault and its detector; the options only insist on them. A saved \
        kernel log (dmesg, journalctl -k, pstore) is judged in the same way, but the exit status is \
        3 where a dump would pass.",
    exit_status: &[
        (0, "the dump shows the fault that was injected, and is complete"),
        (1, "it shows something else, or is damaged"),
        (2, "wrong usage"),
        (3, "could not tell, or only a log was judged"),
    ],
    environment: &[
        (
            "FAULTLINE_VMLINUX_DEBUG",
            "the vmlinux to use if --vmlinux is not given",
        ),
        (
            "FAULTLINE_DRGN",
            "the python that has drgn; without it, python3",
        ),
        (
            "TMPDIR",
            "where a compressed dump, or one from a pipe, is unpacked; without it, /tmp",
        ),
    ],
    see_also: &[("crash", "8"), ("drgn", "1"), ("makedumpfile", "8")],
    examples: &[
        "faultline verdict /var/crash/202611281200/dump.202611281200",
        "faultline verdict vmcore --run-id 7f3a9c21 --cpu 1 --threshold 2s --json",
        "faultline verdict /var/crash/202611281200/dmesg.202611281200",
        "ssh server cat /var/crash/202611281200/dump.202611281200 \\\n\
         | faultline verdict -",
    ],
    ..Guide::NEW
};

/// Judges the dump or log, and prints the report.
pub fn run(args: VerdictArgs) -> anyhow::Result<ExitCode> {
    let vmlinux = args.debug.vmlinux()?;
    if let (Some(mode), Some(detector)) = (args.mode, &args.detector) {
        usage::case(mode, Some(detector))?;
    }
    let progress = Progress::late();
    let stop = interrupt::flag()?;
    let tell = |step: &str, done, of| progress.share(step, done, of);
    let mut dump = Dump::examine(&args.vmcore, &Watch::new(&stop, &tell))?;
    drop(progress);
    let log = dump.log.as_deref().unwrap_or_default();
    let case = infer::case(log, args.mode, args.detector.as_deref());
    let expected = Expected {
        case,
        run_id: args.run_id,
        cpus: args.cpu.map(|cpu| cpu.to_string()),
        threshold: args.threshold,
        insists: true,
    };
    dump.question(case, &args.vmcore[0], vmlinux.as_ref());
    let verdict = verdict::dump::judge(&expected, &dump);
    let timeline = dump
        .story
        .as_ref()
        .map(|story| timeline::of_story(case, story, verdict.latency.as_ref()));
    let seen = dump
        .story
        .as_ref()
        .and_then(|story| {
            let begun = story.begins.first().map(|begin| &begin.run_id);
            begun.or(story.announced.as_ref().map(|plan| &plan.run_id))
        })
        .cloned();
    let given = args.vmcore.into_iter().next();
    let report = Report {
        schema: VERDICT,
        outcome: verdict.stage.outcome(),
        exit_status: verdict.stage.outcome().exit_status(),
        mode: case.mode.name,
        detector: case.detector.name,
        run_id: expected.run_id.or(seen),
        verdict,
        timeline: timeline.unwrap_or_default(),
        plan: None,
        dump: Some(DumpFacts::of(&dump)),
        files: match dump.state {
            State::LogAlone => Files {
                kernel_log: given,
                ..Files::default()
            },
            _ => Files {
                vmcore: given,
                ..Files::default()
            },
        },
    };
    report.print(args.json)
}
