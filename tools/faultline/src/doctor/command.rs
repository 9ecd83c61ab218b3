// SPDX-License-Identifier: GPL-2.0

//! `faultline doctor`: its options, and the formats of its answer.

use super::answer::Answer;
use super::{document, examine, monitor, people};
use crate::cli::guide::Guide;
use crate::fault::class::Classes;
use crate::prometheus;
use crate::system::System;
use crate::terminal::{escape, out};
use clap::{Args, ValueEnum, ValueHint};
use std::path::PathBuf;
use std::process::ExitCode;

#[derive(Args)]
pub struct DoctorArgs {
    /// Examine another machine: a directory laid out as its root, a sosreport, or the
    /// file that --collect wrote there
    #[arg(long, value_name = "PATH", value_hint = ValueHint::AnyPath)]
    root: Option<PathBuf>,
    /// Examine only these classes of faults, and require all of them: soft, hard, hung,
    /// rcu, oops, warning, oom, panic, nmi, watchdog
    #[arg(long, value_name = "LIST")]
    only: Option<Classes>,
    /// Write everything that was read to a new file, for --root on another machine
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    collect: Option<PathBuf>,
    /// Print the answer as JSON
    #[arg(short, long, conflicts_with = "format")]
    json: bool,
    /// Print the answer in the format of a monitoring system: nagios (one line, with its
    /// exit status), prometheus (metrics)
    #[arg(long, value_enum, value_name = "NAME", hide_possible_values = true)]
    format: Option<Format>,
    /// Write the metrics to a file for node_exporter's textfile collector, besides the
    /// answer; the name ends in .prom. Without a file: --format prometheus
    #[arg(long, value_name = "FILE", num_args = 0..=1, value_parser = prometheus::path, value_hint = ValueHint::FilePath)]
    prometheus: Option<Option<PathBuf>>,
    /// Print docs/doctor.md, with the table of all checks
    #[arg(long, exclusive = true)]
    checks: bool,
}

#[derive(Clone, Copy, PartialEq, ValueEnum)]
enum Format {
    Nagios,
    Prometheus,
}

pub const GUIDE: Guide = Guide {
    about: "Checks for each class of faults whether the kernel would detect it and panic, the crash \
        kernel would boot, a dump would be written, and the machine would come back. It changes \
        nothing and needs no module. What it cannot read counts as unknown, not as right: run it as \
        root. The classes for which most machines leave the panic off on purpose (warning, oom, \
        hardware watchdog) count only if --only names them. docs/doctor.md lists all checks.\n\n\
        --collect takes the files that the checks read (docs/doctor.md lists them), without keys, \
        and with passwords hidden. They include the kernel log and the host name.",
    exit_status: &[
        (0, "everything would work"),
        (1, "something would not work"),
        (2, "wrong usage"),
        (3, "could not tell"),
    ],
    exit_note: "With --format nagios: 0 OK, 1 WARNING (would fail after the next boot), 2 CRITICAL, 3 \
        UNKNOWN.",
    see_also: &[
        ("kdump-config", "8"),
        ("kdump.conf", "5"),
        ("sysctl.d", "5"),
        ("sos", "1"),
    ],
    examples: &[
        "faultline doctor",
        "faultline doctor --only soft,hung --json",
        "faultline doctor --collect web1.tar",
        "faultline doctor --root web1.tar",
        "faultline doctor --root sosreport-web1-2026-11-28/",
        "faultline doctor --format nagios",
        "faultline doctor \\\n\
         --prometheus /var/lib/prometheus/node-exporter/doctor.prom",
    ],
    ..Guide::NEW
};

/// Examines a machine, and prints the answer.
pub fn run(args: &DoctorArgs) -> anyhow::Result<ExitCode> {
    prometheus::check(&args.prometheus, args.json || args.format.is_some())?;
    if args.checks {
        out::print(&document::text())?;
        return Ok(ExitCode::SUCCESS);
    }
    let system = match &args.root {
        Some(root) => System::at(root)?,
        None => System::here()?,
    };
    let answer = examine(&system, args.only.unwrap_or(Classes::ALL));
    if let Some(path) = &args.collect {
        system.record().write(path)?;
    }
    if let Some(Some(path)) = &args.prometheus {
        let metrics = monitor::prometheus(&answer, prometheus::now());
        prometheus::write(&metrics, path)?;
    }
    print(&answer, args)
}

fn print(answer: &Answer, args: &DoctorArgs) -> anyhow::Result<ExitCode> {
    let format = match args.prometheus {
        Some(None) => Some(Format::Prometheus),
        _ => args.format,
    };
    let (text, status) = match format {
        Some(Format::Nagios) => {
            let (line, status) = monitor::nagios(answer);
            (line + "\n", status)
        }
        Some(Format::Prometheus) => {
            let metrics = monitor::prometheus(answer, prometheus::now());
            (metrics.text().into(), answer.exit_status)
        }
        None if args.json => {
            let json = serde_json::to_string_pretty(answer)?;
            (escape::json(&json).into_owned() + "\n", answer.exit_status)
        }
        None => (people::text(answer, out::colour()), answer.exit_status),
    };
    out::print(&text)?;
    Ok(ExitCode::from(status))
}
