// SPDX-License-Identifier: GPL-2.0

//! The command line: what a user may ask for, and how the answer is given.

use crate::doctor::command::{self as doctor, DoctorArgs};
use crate::drill;
use crate::dump::drgn::Vmlinux;
use crate::dump::{Dump, State, Watch};
use crate::escape;
use crate::fault::case::Case;
use crate::fault::detector::Needs;
use crate::fault::mode::{Mode, MODES};
use crate::guest;
use crate::here;
use crate::here::args::{self, HereArgs, ResumeArgs, StatusArgs};
use crate::interrupt;
use crate::layout::wrapped;
use crate::ledger;
use crate::matrix::{self, MatrixArgs};
use crate::out;
use crate::plan::{self, Injection, Machine, Plan, Policy, Setting};
use crate::progress::Progress;
use crate::report::{DumpFacts, Files, Report, VERDICT};
use crate::route::filters::{self, Filter};
use crate::route::{self, Ask};
use crate::timeline;
use crate::verdict::expected::Expected;
use crate::verdict::{self, infer};
use anyhow::Context;
use clap::{Args, CommandFactory, Parser, Subcommand};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

const EXIT_STATUS: &str = "exit status:\n  0  as it should be\n  1  the check failed\n  2  wrong usage\n  3  could not tell";
const DRILL_EXIT_STATUS: &str = "exit status:\n  0  the drill passed; of status: every newest proof holds\n  1  it failed, or was refused; of status: a proof failed, or holds no longer\n  2  wrong usage\n  3  could not tell";

/// Rehearses kernel faults, judges the crash dumps that they leave, and shows what the
/// IPv4 routing path decides.
#[derive(Parser)]
#[command(version, max_term_width = 80, after_help = concat!(
    "examples:\n",
    "  faultline doctor\n",
    "  faultline drill vm --mode soft\n",
    "  faultline verdict build/drills/latest/vmcore --json\n",
    "  faultline route --dst 192.0.2.0/24\n\n",
    "exit status:\n  0  as it should be\n  1  the check failed\n  2  wrong usage\n  3  could not tell"
))]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Provoke a fault on purpose, and prove that it becomes a dump that names it
    #[command(subcommand, after_help = drill_help())]
    Drill(DrillCommand),
    /// Tell what would come of each fault on this machine, or on another one
    #[command(after_help = doctor::HELP)]
    Doctor(Box<DoctorArgs>),
    /// Judge a vmcore: does it show the fault that was injected?
    #[command(after_help = verdict_help())]
    Verdict(VerdictArgs),
    /// Show live what the IPv4 routing path decides (with the module route_probe)
    #[command(after_help = route_help())]
    Route(Box<RouteArgs>),
}

#[derive(Subcommand)]
enum DrillCommand {
    /// Rehearse in a virtual machine, with a stock kernel
    #[command(after_help = drill_vm_help())]
    Vm(Box<DrillVmArgs>),
    /// Rehearse every fault on every kind of CPU under every policy
    #[command(after_help = matrix_help())]
    Matrix(Box<MatrixArgs>),
    /// The real thing, on this machine: it goes down and comes back
    #[command(after_help = args::here_help())]
    Here(Box<HereArgs>),
    /// Judge the drill that was armed before this boot
    #[command(after_help = args::resume_help())]
    Resume(ResumeArgs),
    /// What was proven on this machine, and whether it still holds
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

#[derive(Args)]
struct DrillVmArgs {
    /// The fault
    #[arg(long, value_name = "MODE")]
    mode: &'static Mode,
    /// The CPUs that suffer it: 0,2-3 or all [default: the module chooses]
    #[arg(long, value_name = "LIST")]
    cpus: Option<String>,
    /// The countdown before the fault
    #[arg(long, value_name = "N", default_value_t = 2)]
    delay_secs: u32,
    /// When the fault ends by itself
    #[arg(long, value_name = "N", default_value_t = 60)]
    hold_secs: u32,
    /// What is to report it [default: what should: see below]
    #[arg(long, value_name = "NAME")]
    detector: Option<String>,
    /// What its report is to be: panic, report (no panic), off (none at all)
    #[arg(long, value_enum, value_name = "WORD", default_value_t = Policy::Panic, hide_possible_values = true)]
    policy: Policy,
    /// The detector's threshold in the VM [default: 2 to 4, by detector]
    #[arg(long, value_name = "SECS", alias = "watchdog-thresh")]
    threshold: Option<u32>,
    /// A further parameter of the module; may be given again
    #[arg(long, value_name = "KEY=VALUE")]
    param: Vec<Setting>,
    /// Set a sysctl (or a file, by its path) in the VM, after all others; may
    /// be given again
    #[arg(long, value_name = "KEY=VALUE")]
    set: Vec<Setting>,
    /// Words for the kernel's command line; may be given again
    #[arg(long, value_name = "WORDS")]
    append: Vec<String>,
    /// Load no crash kernel: the module then refuses, unless --force
    #[arg(long)]
    no_crash_kernel: bool,
    /// Let the module start without a crash kernel, or hold for ever
    #[arg(long)]
    force: bool,
    /// Memory for the crash kernel, as the kernel's crashkernel= has it
    #[arg(long, value_name = "SIZE", default_value = "256M")]
    crashkernel: String,
    /// The VM's CPUs
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = clap::value_parser!(u32).range(1..=512))]
    vm_cpus: u32,
    /// The VM's memory
    #[arg(long, value_name = "MIB", default_value_t = 1024, value_parser = clap::value_parser!(u64).range(256..=1 << 20))]
    vm_memory: u64,
    /// The kernel, a row of scripts/kernels [default: the first]
    #[arg(long, value_name = "ROW")]
    kernel: Option<String>,
    /// End the VM after that [default: delay and hold, and 4 minutes]
    #[arg(long, value_name = "SECS")]
    timeout: Option<u64>,
    /// The run's id, found again in the dump [default: random]
    #[arg(long, value_name = "ID", value_parser = plan::check_drill_id)]
    run_id: Option<String>,
    /// Leave vmcore, logs and report there [default: build/drills/RUN-ID]
    #[arg(long, value_name = "DIR")]
    keep: Option<PathBuf>,
    /// The program that starts the VM
    #[arg(long, value_name = "PATH", default_value = "scripts/vm")]
    runner: PathBuf,
    #[command(flatten)]
    debug: Debug,
    /// Print the report as JSON, and nothing else
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
struct VerdictArgs {
    /// The dump, or all parts of a split one; or a saved kernel log, or all parts of
    /// one that pstore kept; - is standard input
    #[arg(required = true)]
    vmcore: Vec<PathBuf>,
    /// The fault that it must show [default: the one that its log tells of]
    #[arg(long, value_name = "MODE")]
    mode: Option<&'static Mode>,
    /// The run id that it must show
    #[arg(long, value_name = "ID", value_parser = plan::check_run_id)]
    run_id: Option<String>,
    /// What must have reported it [default: what its log tells]
    #[arg(long, value_name = "NAME", value_parser = detector_name)]
    detector: Option<String>,
    /// The CPU that it must show [default: one that the dump's log announces]
    #[arg(long, value_name = "N")]
    cpu: Option<u32>,
    /// The detector's threshold that it must show, or to judge the latency by
    /// [default: the one that the module says at the begin, or drgn finds]
    #[arg(long, value_name = "SECS", alias = "watchdog-thresh")]
    threshold: Option<u32>,
    #[command(flatten)]
    debug: Debug,
    /// Print the report as JSON
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
struct RouteArgs {
    /// Show totals and times instead of events; =also: after them
    #[arg(long, value_name = "also", num_args = 0..=1, require_equals = true, default_missing_value = "only", hide_possible_values = true)]
    summary: Option<SummaryArg>,
    /// End after that: 10s, 500ms, 2min, 1h
    #[arg(long, value_name = "TIME", value_parser = route::duration)]
    duration: Option<Duration>,
    /// End after so many events
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    count: Option<u64>,
    /// The trace buffer of each CPU [default: the kernel's, 1408]
    #[arg(long, value_name = "KIB", value_parser = clap::value_parser!(u32).range(1..=1 << 20))]
    buffer_kb: Option<u32>,
    /// Print JSON, an object a line
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    filters: FilterArgs,
}

/// Parameters of the module. While this runs they are as said here, for all who watch it.
#[derive(Args)]
#[command(next_help_heading = "Filters")]
struct FilterArgs {
    /// What comes in or leaves by the device, or is routed to it
    #[arg(long, value_name = "NAME", value_parser = filters::device)]
    dev: Option<String>,
    /// Source: 10.0.0.0/8, 192.0.2.9
    #[arg(long, value_name = "PREFIX", value_parser = filters::address)]
    src: Option<String>,
    /// Destination
    #[arg(long, value_name = "PREFIX", value_parser = filters::address)]
    dst: Option<String>,
    /// Network namespace: its number, its name for 'ip netns', or a file
    #[arg(long, value_name = "NS", value_parser = filters::namespace)]
    netns: Option<String>,
    /// Mark: 0x1, or 0x1/0xff for some bits of it
    #[arg(long, value_name = "MARK", value_parser = filters::mark)]
    mark: Option<String>,
    /// Lookups in it: main, local, default, a number
    #[arg(long, value_name = "TABLE", value_parser = filters::table)]
    table: Option<String>,
    /// What it is done for: input, validate, arp, output, other
    #[arg(long, value_name = "LIST", value_parser = filters::cause)]
    cause: Option<String>,
    /// Only what failed
    #[arg(long)]
    errors_only: bool,
    /// What is probed at all: arp_process, ip_route_input, fib_validate_source,
    /// route_output, fib_lookup
    #[arg(long, value_name = "LIST", value_parser = filters::events)]
    events: Option<String>,
}

impl FilterArgs {
    fn filters(self) -> Vec<Filter> {
        let errors_only = self.errors_only.then(|| "Y".to_string());
        let values = [
            ("dev", self.dev),
            ("src", self.src),
            ("dst", self.dst),
            ("netns", self.netns),
            ("mark", self.mark),
            ("table", self.table),
            ("cause", self.cause),
            ("errors_only", errors_only),
            ("events", self.events),
        ];
        let given = values.into_iter().filter_map(|(name, value)| {
            Some(Filter {
                name,
                value: value?,
            })
        });
        given.collect()
    }
}

#[derive(Clone, Copy, PartialEq, clap::ValueEnum)]
enum SummaryArg {
    Only,
    Also,
}

impl RouteArgs {
    fn ask(self) -> Ask {
        Ask {
            filters: self.filters.filters(),
            lines: self.summary != Some(SummaryArg::Only),
            summary: self.summary.is_some(),
            duration: self.duration,
            count: self.count,
            buffer_kb: self.buffer_kb,
            json: self.json,
        }
    }
}

#[derive(Args)]
struct Debug {
    /// The kernel's vmlinux with debug information: ask drgn as well [default: the
    /// one that FAULTLINE_VMLINUX_DEBUG names, if it is this kernel's]
    #[arg(long, value_name = "FILE")]
    vmlinux: Option<PathBuf>,
}

impl Debug {
    /// The file, if there is one. A file that was asked for must be there.
    fn vmlinux(self) -> anyhow::Result<Option<Vmlinux>> {
        let is_named = self.vmlinux.is_some();
        let of_environment = || std::env::var_os("FAULTLINE_VMLINUX_DEBUG").map(PathBuf::from);
        let path = self.vmlinux.or_else(of_environment);
        let Some(path) = path.filter(|path| !path.as_os_str().is_empty()) else {
            return Ok(None);
        };
        std::fs::metadata(&path).with_context(|| format!("the vmlinux {}", path.display()))?;
        Ok(Some(Vmlinux { path, is_named }))
    }
}

fn drill_vm_help() -> String {
    let modes: Vec<_> = MODES
        .iter()
        .map(|mode| {
            let seen: Vec<_> = mode.detectors.iter().map(|known| known.name).collect();
            let told = format!("{}; seen by {}", mode.title, seen.join(", "));
            wrapped(&format!("  {:<16}", mode.name), &told)
        })
        .collect();
    format!(
        "Boots a VM with a crash kernel loaded, lets a module of faultline provoke the\n\
         fault, and follows it: detection, panic, crash kernel, dump, and the verdict\n\
         from the dump. Of the drills in build/drills, the newest 3 keep their vmcore.\n\n\
         modes:\n{}\nexamples:\n  \
         faultline drill vm --mode soft\n  \
         faultline drill vm --mode soft --cpus 0 --threshold 5 --keep /tmp/drill\n  \
         faultline drill vm --mode soft --hold-secs 10 --set kernel.softlockup_panic=0\n  \
         faultline drill vm --mode soft --no-crash-kernel --force --json\n\n{EXIT_STATUS}",
        modes.concat()
    )
}

fn verdict_help() -> String {
    format!(
        "Reads all of a dump, and the kernel log in it: kdump-compressed (makedumpfile -c, -l,\n\
         -p, -z, flattened with -F or split as well), ELF, QEMU's dump-guest-memory; each also as\n\
         .gz, .zst, .xz, or from a pipe. Given the kernel's vmlinux with debug information,\n\
         it asks drgn as well, with the python that FAULTLINE_DRGN names (default: python3).\n\n\
         What was injected and who reported it comes from the log; options only insist on it.\n\
         A saved kernel log (dmesg, journalctl -k, pstore) is judged as well: as there is no\n\
         dump, the exit status is 3 if all in it is right.\n\n\
         examples:\n  \
         faultline verdict build/drills/latest/vmcore\n  \
         faultline verdict vmcore --run-id 7f3a9c21 --cpu 1 --threshold 2 --json\n  \
         faultline verdict /var/crash/202611281200/dmesg.202611281200\n\n{EXIT_STATUS}"
    )
}

fn route_help() -> String {
    format!(
        "Needs the module route_probe, root, tracefs and debugfs. Values of filters are\n\
         those of docs/route_probe.md; 'any' lets everything through. When this ends, by\n\
         Ctrl-C as well, the filters are again what they were. Events come through a\n\
         trace buffer of its own; --summary comes from the module's ledger, which misses\n\
         nothing, and traces nothing: with --count it ends within 0.1 s after call N.\n\n\
         examples:\n  \
         faultline route --dst 192.0.2.0/24\n  \
         faultline route --errors-only --netns blue --duration 1min\n  \
         faultline route --events fib_lookup --cause input --count 10 --json\n  \
         faultline route --summary --duration 10s\n\n{EXIT_STATUS}"
    )
}

fn matrix_help() -> String {
    format!("{}\n\n{EXIT_STATUS}", matrix::HELP)
}

/// Does what the command line says.
pub fn run() -> anyhow::Result<ExitCode> {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return Ok(say(&error)?),
    };
    match cli.command {
        Command::Drill(DrillCommand::Vm(args)) => drill_vm(*args),
        Command::Drill(DrillCommand::Matrix(args)) => {
            let (drill, project) = find_runner(&args.runner)?;
            matrix::run(&args, &drill, &project)
        }
        Command::Drill(DrillCommand::Here(args)) => {
            let case = case(args.mode, args.detector.as_deref());
            here::run(&args, case)
        }
        Command::Drill(DrillCommand::Resume(args)) => here::resume(&args),
        Command::Drill(DrillCommand::Status(args)) => ledger::status::run(&args),
        Command::Drill(DrillCommand::Guest { plan }) => {
            guest::run(&plan).map(|()| ExitCode::SUCCESS)
        }
        Command::Doctor(args) => doctor::run(&args),
        Command::Verdict(args) => judge(args),
        Command::Route(args) => route::run(&args.ask()),
    }
}

/// Says what clap has to say: help, or what is wrong with the command line.
fn say(error: &clap::Error) -> std::io::Result<ExitCode> {
    match error.print() {
        // That the command line is wrong is told by the exit status as well.
        Err(failed) if !error.use_stderr() && failed.kind() != ErrorKind::BrokenPipe => {
            return Err(failed);
        }
        _ => {}
    }
    Ok(ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2)))
}

fn drill_vm(args: DrillVmArgs) -> anyhow::Result<ExitCode> {
    let (runner, project) = find_runner(&args.runner)?;
    let json = args.json;
    let keep = args.keep.clone();
    let plan = make_plan(&args, runner)?;
    let setting = drill::Setting {
        keep,
        drills: project.join("build/drills"),
        vmlinux: args.debug.vmlinux()?,
    };
    if !json {
        print_heading(&plan)?;
    }
    let report = drill::run(&plan, &setting, &Progress::new(json))?;
    report.print(json)
}

/// Settles the plan. The user's settings come last, and in place of ours.
fn make_plan(args: &DrillVmArgs, runner: PathBuf) -> anyhow::Result<Plan> {
    let mode = args.mode;
    let case = case(mode, args.detector.as_deref());
    let threshold = case
        .detector
        .threshold
        .map(|(_, usual)| args.threshold.unwrap_or(usual));
    let mut sysctls = settings(case, args.policy, threshold);
    sysctls.retain(|ours| args.set.iter().all(|theirs| theirs.key != ours.key));
    sysctls.extend(args.set.iter().cloned());
    let cpus = args.cpus.iter().map(|cpus| Setting::new("cpus", cpus));
    let mut parameters: Vec<_> = cpus.collect();
    parameters.push(Setting::new("delay_secs", args.delay_secs));
    parameters.push(Setting::new("hold_secs", args.hold_secs));
    let needed = mode.parameters.iter();
    let mut further: Vec<_> = needed
        .map(|(key, value)| Setting::new(key, value))
        .collect();
    if args.force {
        further.push(Setting::new("force", 1));
    }
    further.extend(args.param.iter().cloned());
    for setting in further {
        parameters.retain(|earlier| earlier.key != setting.key);
        parameters.push(setting);
    }
    let lasting = u64::from(args.delay_secs) + u64::from(args.hold_secs);
    Ok(Plan {
        vm: Machine {
            runner,
            kernel: args.kernel.clone(),
            cpus: args.vm_cpus,
            memory_mib: args.vm_memory,
            crashkernel: args.crashkernel.clone(),
            append: args.append.clone(),
            timeout_secs: args.timeout.unwrap_or(lasting + 240),
        },
        injection: Injection {
            run_id: args.run_id.clone().map_or_else(plan::random_run_id, Ok)?,
            mode: mode.name.into(),
            detector: case.detector.name.into(),
            policy: args.policy,
            threshold,
            parameters,
            sysctls,
            crash_kernel: (!args.no_crash_kernel).then(|| CRASH_COMMAND_LINE.into()),
            patience_secs: lasting + 60,
        },
    })
}

/// The mode with its detector, or the end of the program with what is right.
fn case(mode: &'static Mode, detector: Option<&str>) -> Case {
    Case::new(mode, detector).unwrap_or_else(|error| usage(&error))
}

/// A detector's name, whatever the mode.
fn detector_name(name: &str) -> Result<String, String> {
    let known = Case::detectors();
    if known.contains(name) {
        return Ok(name.into());
    }
    let known: Vec<_> = known.into_iter().collect();
    Err(format!("the detectors are: {}", known.join(", ")))
}

fn usage(error: &str) -> ! {
    Cli::command()
        .error(clap::error::ErrorKind::InvalidValue, error)
        .exit()
}

/// How the machine is set up for a policy.
fn settings(case: Case, policy: Policy, threshold: Option<u32>) -> Vec<Setting> {
    let detector = case.detector;
    let setting = |(key, value): &(&str, &str)| Setting::new(key, value);
    let mut settings: Vec<_> = detector.arms.iter().map(setting).collect();
    if let Some((key, secs)) = detector.threshold.zip(threshold) {
        if !key.0.is_empty() {
            settings.push(Setting::new(key.0, secs));
        }
    }
    settings.extend(case.mode.settings.iter().map(setting));
    match (policy, detector.panics) {
        (Policy::Report, Some([_, report])) => settings.push(setting(&report)),
        (Policy::Report, None) => usage(&format!(
            "mode {}: its panic is no policy: it cannot only be reported",
            case.mode.name
        )),
        (Policy::Panic | Policy::Off, panics) => {
            settings.extend(panics.map(|[on, _]| setting(&on)))
        }
    }
    match (policy, detector.off) {
        (Policy::Off, Some(off)) => {
            settings.retain(|earlier| earlier.key != off.0);
            settings.push(setting(&off));
        }
        // Nobody strikes from outside then.
        (Policy::Off, None) if detector.needs != Needs::Nothing => {}
        (Policy::Off, None) => usage(&format!(
            "mode {}: the {} cannot be switched off",
            case.mode.name, detector.title
        )),
        _ => {}
    }
    settings
}

/// The crash kernel's command line, apart from its consoles, which are the guest's: one CPU,
/// devices reset, no waiting when it panics itself, and no tests of its ciphers, which take long
/// when emulated.
const CRASH_COMMAND_LINE: &str = "panic=-1 nr_cpus=1 reset_devices cryptomgr.notests";

/// The runner and the project that it belongs to: as named; else, for a relative name,
/// in the folder of this program or above.
fn find_runner(named: &Path) -> anyhow::Result<(PathBuf, PathBuf)> {
    let here = std::env::current_dir()?;
    if named.exists() {
        return Ok((named.canonicalize()?, here));
    }
    let exe = std::env::current_exe()?;
    let project = exe
        .ancestors()
        .skip(1)
        .find(|dir| named.is_relative() && dir.join(named).exists());
    let project = project.with_context(|| {
        format!(
            "there is no runner {}: start in the project's folder, or name one with --runner",
            named.display()
        )
    })?;
    Ok((project.join(named), project.into()))
}

fn judge(args: VerdictArgs) -> anyhow::Result<ExitCode> {
    let vmlinux = args.debug.vmlinux()?;
    if let (Some(mode), Some(detector)) = (args.mode, &args.detector) {
        case(mode, Some(detector));
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

fn print_heading(plan: &Plan) -> anyhow::Result<()> {
    let (vm, injection) = (&plan.vm, &plan.injection);
    let case = injection.case()?;
    let mode = case.mode;
    let mut text = format!(
        "Drill: {}, to be seen by the {}, run id {}\n",
        mode.title, case.detector.title, injection.run_id
    );
    text += &format!(
        "  VM        {} CPUs, {} MiB, crashkernel={}\n",
        vm.cpus, vm.memory_mib, vm.crashkernel
    );
    let arguments = injection.module_arguments();
    text += &format!("  module    {} {arguments}\n", mode.module);
    let settings: Vec<_> = injection.sysctls.iter().map(Setting::to_string).collect();
    if !settings.is_empty() {
        text += &format!("  settings  {}\n", settings.join("\n            "));
    }
    out::print(&escape::text(&(text + "\n")))
}

#[cfg(test)]
mod tests {
    use super::*;

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
        let plan = make_plan(&args, "scripts/vm".into()).unwrap();
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
    fn what_a_route_watcher_asks_for() {
        let ask = |line: &str| match Cli::parse_from(line.split(' ')).command {
            Command::Route(args) => args.ask(),
            _ => panic!(),
        };
        let asked = ask("faultline route");
        assert!(asked.lines && !asked.summary && asked.filters.is_empty());
        let asked = ask("faultline route --summary --errors-only --dst 10.0.0.0/8 --duration 2min");
        assert!(!asked.lines && asked.summary);
        assert_eq!(asked.duration, Some(Duration::from_secs(120)));
        let filters: Vec<_> = asked
            .filters
            .iter()
            .map(|filter| (filter.name, filter.value.as_str()))
            .collect();
        assert_eq!(filters, [("dst", "10.0.0.0/8"), ("errors_only", "Y")]);
        let asked = ask("faultline route --summary=also --count 3");
        assert!(asked.lines && asked.summary && asked.count == Some(3));
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
            "faultline route --summary=both",
            "faultline route --duration 0s",
            "faultline route --count 0",
        ] {
            let error = Cli::try_parse_from(line.split(' ')).err().unwrap();
            assert_eq!(error.exit_code(), 2, "{line}");
        }
    }
}
