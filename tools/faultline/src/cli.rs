// SPDX-License-Identifier: GPL-2.0

//! The command line. Each larger command has a file here; `doctor`, `drill matrix` and `drill here`
//! keep their arguments in their own directories.

mod blocked;
mod debug;
mod drill_vm;
pub mod duration;
mod fleet;
mod generate;
pub mod guide;
mod page;
mod probe;
mod route;
mod runner;
mod signals;
#[cfg(test)]
mod tests;
pub mod usage;
mod verdict;
mod version;
pub mod words;

use crate::doctor::command::{self as doctor, DoctorArgs};
use crate::drill::guest;
use crate::here;
use crate::here::args::{self, HereArgs, ResumeArgs, StatusArgs};
use crate::ledger;
use crate::matrix::{self, MatrixArgs};
use crate::terminal::out;
use blocked::BlockedArgs;
use clap::{ColorChoice, CommandFactory, FromArgMatches, Parser, Subcommand};
use drill_vm::{DrillVmArgs, DRILL_EXIT_STATUS};
use fleet::FleetArgs;
use generate::GenerateArgs;
use guide::Guide;
use probe::ProbeArgs;
use route::RouteArgs;
use signals::SignalsArgs;
use std::ffi::OsString;
use std::io::ErrorKind;
use std::process::ExitCode;
use usage::WrongUsage;
use verdict::VerdictArgs;
use version::VersionArgs;

/// Each command that people type, and what is told of it.
const GUIDES: &[(&str, Guide)] = &[
    ("faultline", GUIDE),
    ("faultline blocked", blocked::GUIDE),
    ("faultline doctor", doctor::GUIDE),
    ("faultline drill", DRILL),
    ("faultline drill here", args::HERE),
    ("faultline drill matrix", matrix::GUIDE),
    ("faultline drill resume", args::RESUME),
    ("faultline drill status", args::STATUS),
    ("faultline drill vm", drill_vm::GUIDE),
    ("faultline fleet", fleet::GUIDE),
    ("faultline probe", probe::GUIDE),
    ("faultline route", route::GUIDE),
    ("faultline signals", signals::GUIDE),
    ("faultline verdict", verdict::GUIDE),
    ("faultline version", version::GUIDE),
];

const GUIDE: Guide = Guide {
    about: "'faultline COMMAND --help' describes each command, with examples.",
    see_also: &[("crash", "8"), ("kdump-config", "8"), ("trace-cmd", "1")],
    examples: &[
        "faultline doctor",
        "faultline drill vm --mode soft",
        "faultline verdict build/drills/latest/vmcore --json",
        "faultline route --dst 192.0.2.0/24",
        "faultline probe -l 'kernel.function(\"tcp_v4_*\")'",
        "faultline signals --comm postgres",
        "faultline blocked --min 10s",
    ],
    ..Guide::NEW
};

const DRILL: Guide = Guide {
    exit_status: DRILL_EXIT_STATUS,
    examples: &[
        "faultline drill vm --mode soft",
        "faultline drill here --mode soft",
        "faultline drill status",
    ],
    ..Guide::NEW
};

/// Rehearses kernel faults, judges the crash dumps that they leave, and traces a running kernel:
/// routing decisions of IPv4 and IPv6, function calls, signals, blocked tasks.
#[derive(Parser)]
#[command(version, max_term_width = 80)]
struct Cli {
    /// Use colours: auto (on a terminal, as NO_COLOR and CLICOLOR_FORCE say), always, never
    #[arg(
        long,
        global = true,
        value_enum,
        value_name = "WHEN",
        default_value_t = ColorChoice::Auto,
        hide_default_value = true,
        hide_possible_values = true,
        display_order = 1000
    )]
    color: ColorChoice,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Provoke a fault on purpose, and check that it leaves a dump that names it
    #[command(subcommand)]
    Drill(DrillCommand),
    /// Check whether each class of faults would leave a dump on this machine, or another one
    Doctor(Box<DoctorArgs>),
    /// Show what was proven on many machines
    Fleet(Box<FleetArgs>),
    /// Judge whether a vmcore shows the fault that was injected
    Verdict(VerdictArgs),
    /// Show the decisions of IPv4 and IPv6 routing live (with the module route_probe)
    Route(Box<RouteArgs>),
    /// Show calls of any kernel function (with the module func_probe), or list the functions
    Probe(Box<ProbeArgs>),
    /// Show signals live: sender, target, and whether each was delivered
    Signals(Box<SignalsArgs>),
    /// Show the blocked tasks, what they wait for, and which task holds it
    Blocked(BlockedArgs),
    /// Show the program's version, and with --verbose what it finds for the running kernel
    Version(VersionArgs),
    /// Write the manual pages, or the completions of a shell
    #[command(hide = true)]
    Generate(GenerateArgs),
}

#[derive(Subcommand)]
enum DrillCommand {
    /// Drill in a virtual machine, with a stock kernel
    Vm(Box<DrillVmArgs>),
    /// Drill every fault on every kind of CPU under every policy, in virtual machines
    Matrix(Box<MatrixArgs>),
    /// Drill on this machine: it crashes, saves its dump and boots again
    Here(Box<HereArgs>),
    /// Judge the drill that was armed before this boot
    Resume(ResumeArgs),
    /// Show what was proven on this machine, and whether it still holds
    Status(StatusArgs),
    /// The guest side of 'drill vm'
    #[command(hide = true)]
    Guest { plan: String },
}

/// Returns clap's description of the command line, with the guides.
fn command() -> clap::Command {
    guided(Cli::command(), "faultline")
}

fn guided(mut command: clap::Command, path: &str) -> clap::Command {
    let below = command.get_subcommands();
    let below: Vec<_> = below.map(|sub| sub.get_name().to_string()).collect();
    for name in below {
        let path = format!("{path} {name}");
        command = command.mut_subcommand(name, |sub| guided(sub, &path));
    }
    match guide(path) {
        Some(guide) => command.after_help(guide.help()),
        None => command,
    }
}

fn guide(path: &str) -> Option<&'static Guide> {
    let found = GUIDES.iter().find(|(name, _)| *name == path);
    found.map(|(_, guide)| guide)
}

/// Returns the choice of --color, for the help and errors that clap prints before there are arguments.
fn colour(words: impl Iterator<Item = OsString>) -> anstream::ColorChoice {
    let mut choice = anstream::ColorChoice::Auto;
    let mut is_next = false;
    for word in words.take_while(|word| word != "--") {
        let word = word.to_string_lossy();
        let value = match word.strip_prefix("--color=") {
            Some(value) => value,
            None if is_next => &word,
            None => "",
        };
        is_next = word == "--color";
        choice = match value {
            "always" => anstream::ColorChoice::Always,
            "never" => anstream::ColorChoice::Never,
            "auto" => anstream::ColorChoice::Auto,
            _ => choice,
        };
    }
    choice
}

/// Parses the command line and runs its command.
pub fn run() -> anyhow::Result<ExitCode> {
    out::choose_colour(colour(std::env::args_os().skip(1)));
    let parsed = command()
        .try_get_matches()
        .and_then(|matches| Cli::from_arg_matches(&matches));
    let cli = match parsed {
        Ok(cli) => cli,
        Err(error) => return Ok(say(&error)?),
    };
    out::choose_colour(match cli.color {
        ColorChoice::Auto => anstream::ColorChoice::Auto,
        ColorChoice::Always => anstream::ColorChoice::Always,
        ColorChoice::Never => anstream::ColorChoice::Never,
    });
    let answer = obey(cli.command);
    if let Some(WrongUsage(error)) = answer.as_ref().err().and_then(|error| error.downcast_ref()) {
        command()
            .error(clap::error::ErrorKind::InvalidValue, error)
            .exit();
    }
    answer
}

fn obey(command: Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::Drill(DrillCommand::Vm(args)) => drill_vm::run(*args),
        Command::Drill(DrillCommand::Matrix(args)) => {
            let (drill, project) = runner::find(&args.runner)?;
            matrix::run(&args, &drill, &project)
        }
        Command::Drill(DrillCommand::Here(args)) => {
            let case = usage::case(args.mode, args.detector.as_deref())?;
            here::run(&args, case)
        }
        Command::Drill(DrillCommand::Resume(args)) => here::resume(&args),
        Command::Drill(DrillCommand::Status(args)) => ledger::status::run(&args),
        Command::Drill(DrillCommand::Guest { plan }) => {
            guest::run(&plan).map(|()| ExitCode::SUCCESS)
        }
        Command::Doctor(args) => doctor::run(&args),
        Command::Fleet(args) => crate::fleet::run(&args.ask()),
        Command::Verdict(args) => verdict::run(args),
        Command::Route(args) => crate::route::run(&args.ask()?),
        Command::Signals(args) => crate::signals::run(&args.ask()),
        Command::Blocked(args) => crate::blocked::run(&args.ask()),
        Command::Probe(args) => args.run(),
        Command::Version(args) => version::run(&args),
        Command::Generate(args) => generate::run(args),
    }
}

/// Prints clap's text: help, or the error in the command line.
fn say(error: &clap::Error) -> std::io::Result<ExitCode> {
    match error.print() {
        // The exit status tells of a wrong command line even if its message cannot be printed.
        Err(failed) if !error.use_stderr() && failed.kind() != ErrorKind::BrokenPipe => {
            return Err(failed);
        }
        _ => {}
    }
    Ok(ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2)))
}
