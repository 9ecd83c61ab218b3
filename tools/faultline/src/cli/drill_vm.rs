// SPDX-License-Identifier: GPL-2.0

//! `faultline drill vm`: settles the plan of a drill in a virtual machine.

use super::debug::Debug;
use super::runner;
use super::usage::{self, WrongUsage, EXIT_STATUS};
use crate::drill;
use crate::fault::case::Case;
use crate::fault::detector::Needs;
use crate::fault::mode::{Mode, MODES};
use crate::plan::{self, Injection, Machine, Plan, Policy, Setting};
use crate::terminal::layout::wrapped;
use crate::terminal::progress::Progress;
use crate::terminal::{escape, out};
use clap::Args;
use std::path::PathBuf;
use std::process::ExitCode;

#[derive(Args)]
pub struct DrillVmArgs {
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

pub fn help() -> String {
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

/// Does the drill.
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

/// Settles the plan. The user's settings come last, and in place of ours.
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

/// How the machine is set up for a policy.
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
                "mode {}: its panic is no policy: it cannot only be reported",
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
        // Nobody strikes from outside then.
        (Policy::Off, None) if detector.needs != Needs::Nothing => {}
        (Policy::Off, None) => {
            return Err(WrongUsage(format!(
                "mode {}: the {} cannot be switched off",
                case.mode.name, detector.title
            )))
        }
        _ => {}
    }
    Ok(settings)
}

/// The crash kernel's command line, apart from its consoles, which are the guest's: one CPU,
/// devices reset, no waiting when it panics itself, and no tests of its ciphers, which take long
/// when emulated.
const CRASH_COMMAND_LINE: &str = "panic=-1 nr_cpus=1 reset_devices cryptomgr.notests";

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
