// SPDX-License-Identifier: GPL-2.0

//! The command line. Each larger command has a file here; `doctor`, `drill matrix` and `drill here`
//! keep their arguments in their own directories.

mod blocked;
mod debug;
mod drill_vm;
pub mod duration;
mod fleet;
mod probe;
mod route;
mod runner;
mod signals;
mod usage;
mod verdict;

use crate::doctor::command::{self as doctor, DoctorArgs};
use crate::drill::guest;
use crate::here;
use crate::here::args::{self, HereArgs, ResumeArgs, StatusArgs};
use crate::ledger;
use crate::matrix::{self, MatrixArgs};
use blocked::BlockedArgs;
use clap::{CommandFactory, Parser, Subcommand};
use drill_vm::DrillVmArgs;
use fleet::FleetArgs;
use probe::ProbeArgs;
use route::RouteArgs;
use signals::SignalsArgs;
use std::io::ErrorKind;
use std::process::ExitCode;
use usage::{WrongUsage, EXIT_STATUS};
use verdict::VerdictArgs;

const DRILL_EXIT_STATUS: &str = "exit status:\n  0  the drill passed; status: every newest proof holds\n  1  the drill failed or was refused; status: a proof failed or no longer holds\n  2  wrong usage\n  3  could not tell";

/// Rehearses kernel faults, judges the crash dumps that they leave, and traces a running kernel:
/// routing decisions of IPv4 and IPv6, function calls, signals, blocked tasks.
#[derive(Parser)]
#[command(version, max_term_width = 80, after_help = concat!(
    "examples:\n",
    "  faultline doctor\n",
    "  faultline drill vm --mode soft\n",
    "  faultline verdict build/drills/latest/vmcore --json\n",
    "  faultline route --dst 192.0.2.0/24\n",
    "  faultline probe -l 'kernel.function(\"tcp_v4_*\")'\n",
    "  faultline signals --comm postgres\n",
    "  faultline blocked --min 10s\n\n",
    "exit status:\n  0  success\n  1  the check failed\n  2  wrong usage\n  3  could not tell"
))]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Provoke a fault on purpose, and check that it leaves a dump that names it
    #[command(subcommand, after_help = drill_help())]
    Drill(DrillCommand),
    /// Check whether each class of faults would leave a dump on this machine, or another one
    #[command(after_help = doctor::HELP)]
    Doctor(Box<DoctorArgs>),
    /// Show what was proven on many machines
    #[command(after_help = fleet::help())]
    Fleet(Box<FleetArgs>),
    /// Judge whether a vmcore shows the fault that was injected
    #[command(after_help = verdict::help())]
    Verdict(VerdictArgs),
    /// Show the decisions of IPv4 and IPv6 routing live (with the module route_probe)
    #[command(after_help = route::help())]
    Route(Box<RouteArgs>),
    /// Show calls of any kernel function (with the module func_probe), or list the functions
    #[command(after_help = probe::help())]
    Probe(Box<ProbeArgs>),
    /// Show signals live: sender, target, and whether each was delivered
    #[command(after_help = signals::help())]
    Signals(Box<SignalsArgs>),
    /// Show the blocked tasks, what they wait for, and which task holds it
    #[command(after_help = blocked::help())]
    Blocked(BlockedArgs),
}

#[derive(Subcommand)]
enum DrillCommand {
    /// Drill in a virtual machine, with a stock kernel
    #[command(after_help = drill_vm::help())]
    Vm(Box<DrillVmArgs>),
    /// Drill every fault on every kind of CPU under every policy, in virtual machines
    #[command(after_help = matrix_help())]
    Matrix(Box<MatrixArgs>),
    /// Drill on this machine: it crashes, saves its dump and boots again
    #[command(after_help = args::here_help())]
    Here(Box<HereArgs>),
    /// Judge the drill that was armed before this boot
    #[command(after_help = args::resume_help())]
    Resume(ResumeArgs),
    /// Show what was proven on this machine, and whether it still holds
    #[command(after_help = args::status_help())]
    Status(StatusArgs),
    /// The guest side of 'drill vm'
    #[command(hide = true)]
    Guest { plan: String },
}

fn drill_help() -> String {
    format!(
        "examples:\n  \
         faultline drill vm --mode soft\n  \
         faultline drill here --mode soft\n  \
         faultline drill status\n\n{DRILL_EXIT_STATUS}"
    )
}

fn matrix_help() -> String {
    format!("{}\n\n{EXIT_STATUS}", matrix::HELP)
}

/// Parses the command line and runs its command.
pub fn run() -> anyhow::Result<ExitCode> {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return Ok(say(&error)?),
    };
    let answer = obey(cli.command);
    if let Some(WrongUsage(error)) = answer.as_ref().err().and_then(|error| error.downcast_ref()) {
        Cli::command()
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::route::Ask;
    use std::time::Duration;

    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn a_plan_from_the_command_line() {
        let line = "faultline drill vm --mode soft --cpus 1 --hold-secs 10 --force --set kernel.softlockup_panic=0 --run-id x";
        let Command::Drill(DrillCommand::Vm(args)) = Cli::parse_from(line.split(' ')).command
        else {
            panic!()
        };
        let plan = drill_vm::make_plan(&args, "scripts/vm".into()).unwrap();
        assert_eq!(
            plan.injection.module_arguments(),
            "mode=soft run_id=x cpus=1 delay_secs=2 hold_secs=10 force=1"
        );
        let set = |key| plan.injection.sysctls.iter().find(|set| set.key == key);
        let value = |key| set(key).map(|set| set.value.as_str());
        assert_eq!(value("kernel.softlockup_panic"), Some("0"));
        assert_eq!(value("kernel.watchdog_thresh"), Some("2"));
        assert_eq!(plan.vm.timeout_secs, 252);
    }

    #[test]
    fn times_with_units_and_the_names_of_before() {
        let plan = |line: &str| match Cli::parse_from(line.split(' ')).command {
            Command::Drill(DrillCommand::Vm(args)) => drill_vm::make_plan(&args, "x".into()),
            _ => panic!(),
        };
        let new = "faultline drill vm --mode soft --run-id x --delay 1m --hold 2min30s --threshold 5s --timeout 1h";
        let old = "faultline drill vm --mode soft --run-id x --delay-secs 60 --hold-secs 150 --threshold 5 --timeout 3600";
        let (new, old) = (plan(new).unwrap(), plan(old).unwrap());
        assert_eq!(format!("{new:?}"), format!("{old:?}"));
        let arguments = new.injection.module_arguments();
        assert!(
            arguments.contains("delay_secs=60 hold_secs=150"),
            "{arguments}"
        );
        assert_eq!((new.injection.threshold, new.vm.timeout_secs), (Some(5), 3600));
        let here = |line: &str| match Cli::parse_from(line.split(' ')).command {
            Command::Drill(DrillCommand::Here(args)) => (args.delay_secs, args.hold_secs),
            _ => panic!(),
        };
        for line in [
            "faultline drill here --mode soft --delay 1h --hold 1m30s",
            "faultline drill here --mode soft --delay-secs 3600 --hold-secs 90",
        ] {
            assert_eq!(here(line), (3600, Some(90)), "{line}");
        }
        assert_eq!(here("faultline drill here --mode soft"), (10, None));
    }

    #[test]
    fn what_a_route_watcher_asks_for() {
        let try_ask = |line: &str| match Cli::parse_from(line.split(' ')).command {
            Command::Route(args) => args.ask(),
            _ => panic!(),
        };
        let ask = |line| try_ask(line).unwrap();
        let filters = |asked: Ask| -> Vec<(&str, String)> {
            let filters = asked.filters.into_iter();
            filters.map(|filter| (filter.name, filter.value)).collect()
        };
        let asked = ask("faultline route");
        assert!(asked.lines && !asked.summary && asked.filters.is_empty());
        let asked = ask("faultline route --summary --errors-only --dst 10.0.0.0/8 --duration 2min");
        assert!(!asked.lines && asked.summary);
        assert_eq!(asked.duration, Some(Duration::from_secs(120)));
        assert_eq!(
            filters(asked),
            [("dst", "10.0.0.0/8".into()), ("errors_only", "Y".into())]
        );
        assert_eq!(
            filters(ask("faultline route -6 --src 2001:DB8::/32")),
            [("src", "2001:db8::/32".into()), ("family", "ipv6".into())]
        );
        for line in [
            "faultline route --src 10.0.0.2 --dst 2001:db8::9",
            "faultline route -4 --dst 2001:db8::9",
        ] {
            let wrong = try_ask(line).unwrap_err().to_string();
            assert!(
                wrong.starts_with("no packet is of two families: "),
                "{wrong}"
            );
        }
        let asked = ask("faultline route --summary=also --count 3");
        assert!(asked.lines && asked.summary && asked.count == Some(3));
    }

    #[test]
    fn what_a_watcher_of_signals_asks_for() {
        let ask = |line: &str| match Cli::parse_from(line.split(' ')).command {
            Command::Signals(args) => args.ask(),
            _ => panic!(),
        };
        let asked = ask("faultline signals");
        assert!(asked.lines && !asked.summary && !asked.children && asked.signals.is_empty());
        let asked =
            ask("faultline signals --signal TERM,9 --signal rtmin+1 --pid 7 --pid 8 --summary");
        assert_eq!((asked.signals, asked.pids), (vec![15, 9, 35], vec![7, 8]));
        assert!(!asked.lines && asked.summary);
    }

    #[test]
    fn what_a_list_of_functions_asks_for() {
        let words = [
            "faultline",
            "probe",
            "-L",
            "vfs_*",
            "module(\"veth\").function(\"*\")",
        ];
        let Command::Probe(args) = Cli::parse_from(words).command else {
            panic!()
        };
        let asked = args.list();
        assert!(asked.patterns.len() == 2 && asked.prototypes && !asked.json);
    }

    #[test]
    fn wrong_words_are_usage_errors() {
        for line in [
            "faultline drill vm",
            "faultline drill vm --mode hard2",
            "faultline drill vm --mode soft --run-id a/b",
            "faultline verdict",
            "faultline verdict x --detector other",
            "faultline verdict x --mode other",
            "faultline verdict x --threshold 99999999999",
            "faultline verdict x --cpu 4294967296",
            "faultline doctor --only soft,lockup",
            "faultline doctor --json --format nagios",
            "faultline doctor --format html",
            "faultline route --dst 10.0.0.0/33",
            "faultline route -4 --ipv6",
            "faultline route --summary=both",
            "faultline route --duration 0s",
            "faultline route --count 0",
            "faultline signals --signal TERMX",
            "faultline signals --signal TERM,65",
            "faultline signals --pid 0",
            "faultline signals --comm a-name-of-16-byte",
            "faultline blocked --min 0",
            "faultline blocked --min 1x",
            "faultline drill vm --mode soft --delay 500ms",
            "faultline drill vm --mode soft --timeout -1s",
            "faultline drill here --mode soft --delay 61m",
            "faultline drill here --mode soft --hold 0",
            "faultline drill here --mode soft --hold 86401",
            "faultline verdict x --threshold 1500ms",
            "faultline probe -l",
            "faultline probe",
            "faultline probe -l --stack vfs_read",
            "faultline probe vfs_read --print {",
            "faultline probe vfs_read --if ret",
            "faultline probe vfs_read --comm a:b",
            "faultline probe vfs_read --count 0",
            "faultline probe vfs_read --all",
            "faultline probe vfs_read --stack --summary",
            "faultline probe -l -L vfs_read",
            "faultline probe -l kernel.function(vfs_read)",
        ] {
            let error = Cli::try_parse_from(line.split(' ')).err().unwrap();
            assert_eq!(error.exit_code(), 2, "{line}");
        }
    }
}
