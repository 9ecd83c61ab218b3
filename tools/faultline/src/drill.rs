// SPDX-License-Identifier: GPL-2.0

//! The drill in a virtual machine: runs a plan, collects the dump, judges it, and keeps everything
//! in the drill's directory. The [`runner`] runs the machine, in which the [`guest`] side injects
//! the fault; [`qmp`] sends an NMI from outside.

mod folder;
pub mod guest;
mod qmp;
mod runner;

use crate::dump::drgn::Vmlinux;
use crate::dump::flattened::{self, Stream};
use crate::dump::{elf, Dump, State, Watch};
use crate::fault::detector::Needs;
use crate::interrupt;
use crate::process::ends_with_us;
use crate::run::event::{Guest, What};
use crate::run::plan::Plan;
use crate::run::report::{DumpFacts, Files, Report, DRILL};
use crate::run::seen::Seen;
use crate::run::timeline;
use crate::terminal::progress::Progress;
use crate::verdict;
use crate::verdict::expected::Expected;
use anyhow::Context;
use folder::Folder;
use std::cell::Cell;
use std::fs::File;
use std::io::Seek;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

/// What a drill needs besides its plan.
pub struct Setting {
    /// The directory that the user named.
    pub keep: Option<PathBuf>,
    /// The directory of the project's drills.
    pub drills: PathBuf,
    /// The kernel's vmlinux with debug information.
    pub vmlinux: Option<Vmlinux>,
}

/// The runner has a timeout of its own; this much later it is killed.
const RUNNER_SLACK: Duration = Duration::from_secs(60);
/// The disk has the size of the memory, and this much more for the dump's headers.
const DISK_SLACK_MIB: u64 = 128;

/// Runs this program in the guest, or the runner's copy if the guest is of another architecture.
const GUEST: &str = r#"case $(uname -m) in
"$1") shift; exec "$0" "$@" ;;
*) shift; exec "$FAULTLINE_PROGRAMS/faultline" "$@" ;;
esac"#;

/// Runs the drill.
pub fn run(plan: &Plan, setting: &Setting, progress: &Progress) -> anyhow::Result<Report> {
    let start = Instant::now();
    let case = plan.injection.case()?;
    let stop = interrupt::flag()?;
    folder::sweep(&setting.drills);
    let path = setting
        .keep
        .clone()
        .unwrap_or_else(|| setting.drills.join(&plan.injection.run_id));
    let mut folder = Folder::new(&path)?;
    let fifo = folder.create_console()?;
    let mut disk = folder.create("disk.img")?;
    disk.set_len((plan.vm.memory_mib + DISK_SLACK_MIB) << 20)?;
    let wanted = plan.injection.needs()? == Needs::Nmi;
    let monitor = wanted.then(|| folder.monitor()).transpose()?;

    progress.step("booting the VM");
    let mut seen = Seen::default();
    let mut trouble = None;
    // When the plan's NMI is due. The machine may be unable to report the begin of the fault, but
    // it has reported the begin of the countdown.
    let due = Cell::new(None);
    let threshold = plan.injection.threshold.unwrap_or(0);
    let wait = Duration::from_secs((plan.injection.delay_secs() + threshold).into());
    let limit = Duration::from_secs(plan.vm.timeout_secs) + RUNNER_SLACK;
    runner::run(
        &mut command(plan, &fifo, &folder.file("disk.img"), monitor.as_deref())?,
        &fifo,
        start,
        limit,
        &stop,
        |heard| {
            trouble = trouble.take().or(folder.write_down(&heard).err());
            if matches!(heard.what, What::Guest(Guest::Up { .. })) {
                // The machine has them open; unlinked, they do not outlive a killed drill.
                let gone = ["disk.img", "console.fifo"].map(|name| folder.remove(name).err());
                trouble = trouble.take().or(gone.into_iter().flatten().next());
            }
            if let Some(news) = seen.add(case, &heard) {
                progress.step(&news);
            }
            if wanted && seen.nmi.is_none() && due.get().is_none() {
                let inserted = seen.inserted.is_some().then(Instant::now);
                due.set(inserted.map(|inserted| inserted + wait));
            }
        },
        || {
            due.get().filter(|due| *due <= Instant::now())?;
            due.set(None);
            let sent = qmp::inject_nmi(monitor.as_deref()?);
            Some(What::Nmi(sent.map_err(|error| format!("{error:#}"))))
        },
    )?;
    if let Some(error) = trouble {
        return Err(error.context("cannot write the logs of the drill"));
    }

    let dump = match seen.crash.dump_started {
        Some(_) => Some(collect(plan, setting, &mut folder, &mut disk, progress)?),
        None => None,
    };
    folder.finish()?;
    let expected = Expected {
        case,
        run_id: Some(plan.injection.run_id.clone()),
        cpus: seen.inserted.as_ref().map(|inserted| inserted.what.clone()),
        // The user's settings may have changed the threshold: the log has the one in effect.
        threshold: plan.injection.threshold,
        insists: false,
    };
    let mut verdict = verdict::drill::judge(&expected, &seen, dump.as_ref());
    let failures = seen
        .sysctl_failures
        .iter()
        .map(|failure| format!("sysctl {failure}"));
    verdict.evidence.extend(failures);
    if seen.crash.copied {
        verdict.evidence.push(
            "makedumpfile failed, so all memory was copied: the crash kernel needs one that \
             knows this kernel"
                .into(),
        );
    }

    let existing = |name| folder.existing(name);
    let report = Report {
        schema: DRILL,
        outcome: verdict.stage.outcome(),
        exit_status: verdict.stage.outcome().exit_status(),
        mode: case.mode.name,
        detector: case.detector.name,
        run_id: expected.run_id,
        timeline: timeline::of_drill(
            &plan.injection,
            case,
            &seen,
            dump.as_ref().map(|dump| dump.bytes),
            verdict.latency.as_ref(),
        ),
        verdict,
        plan: Some(plan.clone()),
        dump: dump.as_ref().map(DumpFacts::of),
        files: Files {
            vmcore: existing("vmcore"),
            kernel_log: existing("kernel.log"),
            console: existing("console.log"),
            record: existing("record.ndjson"),
            report: Some(folder.file("report.json")),
        },
    };
    folder.write(
        "report.json",
        &(serde_json::to_string_pretty(&report)? + "\n"),
    )?;
    if setting.keep.is_none() {
        folder::tidy(&setting.drills, &folder)?;
    }
    Ok(report)
}

/// Returns the command of the runner: the VM, which runs this program as the guest side.
fn command(
    plan: &Plan,
    fifo: &Path,
    disk: &Path,
    monitor: Option<&Path>,
) -> anyhow::Result<Command> {
    let vm = &plan.vm;
    let mut command = ends_with_us(&vm.runner);
    if let Some(kernel) = &vm.kernel {
        command.args(["--kernel", kernel]);
    }
    if let Some(monitor) = monitor {
        command.arg("--monitor").arg(monitor);
    }
    if plan.injection.needs()? == Needs::HardwareWatchdog {
        command.arg("--hardware-watchdog");
    }
    command
        .args([
            "--cpus",
            &vm.cpus.to_string(),
            "--memory",
            &vm.memory_mib.to_string(),
        ])
        .args(["--append", &format!("crashkernel={}", vm.crashkernel)])
        .args(vm.append.iter().flat_map(|words| ["--append", words]))
        .args(["--timeout", &vm.timeout_secs.to_string()])
        .arg("--console")
        .arg(fifo)
        .arg("--disk")
        .arg(disk)
        .args(["--", "sh", "-c", GUEST])
        .arg(std::env::current_exe().context("the path of this program")?)
        .args([std::env::consts::ARCH, "drill", "guest"])
        .arg(serde_json::to_string(&plan.injection)?);
    Ok(command)
}

/// Copies the dump from the disk, and examines it.
fn collect(
    plan: &Plan,
    setting: &Setting,
    folder: &mut Folder,
    disk: &mut File,
    progress: &Progress,
) -> anyhow::Result<Dump> {
    progress.step("copying the dump from the disk");
    let vmcore = folder.file("vmcore");
    let mut file = folder.create("vmcore")?;
    let taken = "cannot copy the dump from the disk";
    // The file is unlinked by now.
    let mut from_its_begin = || {
        disk.rewind()?;
        disk.try_clone()
    };
    let stream = flattened::rearrange(from_its_begin()?, &mut file).context(taken)?;
    let copied =
        stream == Stream::Absent && elf::copy(from_its_begin()?, &mut file).context(taken)?;
    drop(file);
    if stream == Stream::Absent && !copied {
        folder.remove("vmcore")?;
        return Ok(Dump::only(State::Absent));
    }
    progress.step("examining the dump");
    let stop = interrupt::flag()?;
    let tell = |step: &str, done, of| progress.share(step, done, of);
    let mut dump = Dump::examine(std::slice::from_ref(&vmcore), &Watch::new(&stop, &tell))?;
    dump.question(plan.injection.case()?, &vmcore, setting.vmlinux.as_ref());
    if let (Stream::CutOff { bytes }, State::Complete { .. } | State::Unreadable(_)) =
        (&stream, &dump.state)
    {
        dump.state = State::Incomplete(format!(
            "it stops after {}, without its end mark",
            timeline::megabytes(*bytes)
        ));
    }
    if let Some(log) = &dump.log {
        folder.write("kernel.log", log)?;
    }
    Ok(dump)
}
