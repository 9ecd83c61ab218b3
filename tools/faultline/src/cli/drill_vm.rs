// SPDX-License-Identifier: GPL-2.0

//! `faultline drill vm`: makes the plan of a drill in a virtual machine from the command line.

use super::debug::Debug;
use super::duration::seconds;
use super::guide::{Guide, Words};
use super::runner;
use super::usage::{self, WrongUsage};
use super::words::{detector, mode};
use crate::drill;
use crate::fault::case::Case;
use crate::fault::detector::Needs;
use crate::fault::mode::{Mode, MODES};
use crate::run::plan::{self, Injection, Machine, Plan, Policy, Setting};
use crate::terminal::progress::Progress;
use crate::terminal::{escape, out};
use clap::{Args, ValueHint};
use std::path::PathBuf;
use std::process::ExitCode;

#[derive(Args)]
pub struct DrillVmArgs {
    /// The fault to provoke
    #[arg(short, long, value_name = "MODE", value_parser = mode(), hide_possible_values = true)]
    mode: &'static Mode,
    /// CPUs on which to inject it: 0,2-3 or all [default: the module chooses]
    #[arg(long, value_name = "LIST")]
    cpus: Option<String>,
    /// Time from loading the module to the fault
    #[arg(long = "delay", alias = "delay-secs", value_name = "TIME", default_value = "2s", value_parser = seconds)]
    delay_secs: u32,
    /// Time after which the fault ends by itself; 0, with --force: never
    #[arg(long = "hold", alias = "hold-secs", value_name = "TIME", default_value = "60s", value_parser = seconds)]
    hold_secs: u32,
    /// Detector expected to report it [default: the first that is listed
    /// below for the mode]
    #[arg(long, value_name = "NAME", value_parser = detector(), hide_possible_values = true)]
    detector: Option<String>,
    /// What the detector does: panic, report (without a panic), off (nothing)
    #[arg(long, value_enum, value_name = "WORD", default_value_t = Policy::Panic, hide_possible_values = true)]
    policy: Policy,
    /// The detector's threshold in the VM [default: 2s to 4s, by detector]
    #[arg(long, value_name = "TIME", alias = "watchdog-thresh", value_parser = seconds)]
    threshold: Option<u32>,
    /// Set another parameter of the module; may be repeated
    #[arg(long, value_name = "KEY=VALUE")]
    param: Vec<Setting>,
    /// Set a sysctl (or a file, by its path) in the VM, after all others; may be
    /// repeated
    #[arg(long, value_name = "KEY=VALUE")]
    set: Vec<Setting>,
    /// Append to the kernel's command line; may be repeated
    #[arg(long, value_name = "WORDS")]
    append: Vec<String>,
    /// Load no crash kernel; the module then refuses to run without --force
    #[arg(long)]
    no_crash_kernel: bool,
    /// Let the module run without a crash kernel, or hold without a limit
    #[arg(long)]
    force: bool,
    /// Memory reserved for the crash kernel, in the syntax of crashkernel=
    #[arg(long, value_name = "SIZE", default_value = "256M")]
    crashkernel: String,
    /// Number of CPUs of the VM
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = clap::value_parser!(u32).range(1..=512))]
    vm_cpus: u32,
    /// Memory of the VM in MiB
    #[arg(long, value_name = "MIB", default_value_t = 1024, value_parser = clap::value_parser!(u64).range(256..=1 << 20))]
    vm_memory: u64,
    /// Kernel to boot: a row of scripts/kernels [default: the first]
    #[arg(long, value_name = "ROW")]
    kernel: Option<String>,
    /// Kill the VM after this time [default: 4 minutes more than --delay and --hold]
    #[arg(long, value_name = "TIME", value_parser = seconds)]
    timeout: Option<u32>,
    /// Id of the run, which the dump must contain [default: random]
    #[arg(long, value_name = "ID", value_parser = plan::check_drill_id)]
    run_id: Option<String>,
    /// Directory for vmcore, logs and report [default: build/drills/RUN-ID]
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    keep: Option<PathBuf>,
    /// Program that starts the VM
    #[arg(long, value_name = "PATH", default_value = "scripts/vm", value_hint = ValueHint::ExecutablePath)]
    runner: PathBuf,
    #[command(flatten)]
    debug: Debug,
    /// Print the report as JSON, and nothing else
    #[arg(short, long)]
    json: bool,
}

pub const GUIDE: Guide = Guide {
    about: "Boots a VM with a crash kernel loaded, provokes the fault with one of faultline's \
        modules, and follows it: detection, panic, crash kernel, dump, and the verdict on the dump. \
        The newest 3 drills in build/drills keep their vmcore.",
    words: Some(Words {
        title: "modes, and the detectors that report them",
        rows: modes,
    }),
    exit_status: DRILL_EXIT_STATUS,
    environment: &[
        (
            "FAULTLINE_VMLINUX_DEBUG",
            "the vmlinux to use if --vmlinux is not given",
        ),
        (
            "FAULTLINE_DRGN",
            "the python that has drgn; without it, python3",
        ),
    ],
    files: &[(
        "build/drills/RUN-ID/",
        "vmcore, kernel log, console, record and report of a drill; build/drills/latest is the newest",
    )],
    see_also: &[("qemu-system-x86_64", "1"), ("kexec", "8"), ("makedumpfile", "8")],
    examples: &[
        "faultline drill vm --mode soft",
        "faultline drill vm --mode soft --cpus 0 --threshold 5s --keep /tmp/drill",
        "faultline drill vm --mode soft --hold 10s --set kernel.softlockup_panic=0",
        "faultline drill vm --mode soft --no-crash-kernel --force --json",
    ],
    ..Guide::NEW
};

/// What drills exit with.
pub const DRILL_EXIT_STATUS: &[(u8, &str)] = &[
    (0, "the drill passed"),
    (1, "the drill failed or was refused"),
    (2, "wrong usage"),
    (3, "could not tell"),
];

/// Returns the modes, and what is to be known of each.
fn modes() -> Vec<(String, String)> {
    let told = |mode: &Mode| {
        let seen: Vec<_> = mode.detectors.iter().map(|known| known.name).collect();
        let told = format!("{}; reported by {}", mode.title, seen.join(", "));
        (mode.name.into(), told)
    };
    MODES.iter().map(told).collect()
}

/// Runs the drill.
pub fn run(args: DrillVmArgs) -> anyhow::Result<ExitCode> {
    let (runner, project) = runner::find(&args.runner)?;
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

/// Makes the plan. The user's settings come last and replace the plan's own.
pub fn make_plan(args: &DrillVmArgs, runner: PathBuf) -> anyhow::Result<Plan> {
    let mode = args.mode;
    let case = usage::case(mode, args.detector.as_deref())?;
    let threshold = case
        .detector
        .threshold
        .map(|(_, usual)| args.threshold.unwrap_or(usual));
    let mut sysctls = settings(case, args.policy, threshold)?;
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
            timeout_secs: args.timeout.map_or(lasting + 240, u64::from),
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

/// Returns the settings that put the machine under a policy.
fn settings(
    case: Case,
    policy: Policy,
    threshold: Option<u32>,
) -> Result<Vec<Setting>, WrongUsage> {
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
        (Policy::Report, None) => {
            return Err(WrongUsage(format!(
                "mode {} always panics; allowed: --policy panic",
                case.mode.name
            )))
        }
        (Policy::Panic | Policy::Off, panics) => {
            settings.extend(panics.map(|[on, _]| setting(&on)))
        }
    }
    match (policy, detector.off) {
        (Policy::Off, Some(off)) => {
            settings.retain(|earlier| earlier.key != off.0);
            settings.push(setting(&off));
        }
        // The drill then sends no NMI and feeds no watchdog.
        (Policy::Off, None) if detector.needs != Needs::Nothing => {}
        (Policy::Off, None) => {
            return Err(WrongUsage(format!(
                "mode {}: the {} cannot be switched off; allowed: --policy panic or report",
                case.mode.name, detector.title
            )))
        }
        _ => {}
    }
    Ok(settings)
}

/// The crash kernel's command line without its consoles, which the guest adds: one CPU, devices
/// reset, an immediate reboot when it panics itself, and no self-tests of its ciphers, which are
/// slow under emulation.
const CRASH_COMMAND_LINE: &str = "panic=-1 nr_cpus=1 reset_devices cryptomgr.notests";

fn print_heading(plan: &Plan) -> anyhow::Result<()> {
    let (vm, injection) = (&plan.vm, &plan.injection);
    let case = injection.case()?;
    let mode = case.mode;
    let mut text = format!(
        "Drill: {}, expected from the {}, run id {}\n",
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
