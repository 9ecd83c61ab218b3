// SPDX-License-Identifier: GPL-2.0

//! The guest side of a drill: arms the machine, inserts the module, and watches it. It reports
//! events as JSON lines on stdout; in a drill that panics, the last one is that the module was
//! inserted. It runs only in a drill's machine.

use crate::fault::detector::Needs;
use crate::process::output_within;
use crate::run::event::Guest;
use crate::run::plan::Injection;
use crate::run::strike::{self, read, Strike};
use anyhow::{bail, Context};
use std::ffi::CString;
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::time::{Duration, Instant};

/// Runs the `plan` (JSON). Reports any failure as an event.
pub fn run(plan: &str) -> anyhow::Result<()> {
    if let Err(error) = is_a_drills(Path::new("/")) {
        let told = format!("{error:#}");
        tell(&Guest::Failed { error: told })?;
        return Err(error);
    }
    serde_json::from_str(plan)
        .context("cannot read the plan")
        .and_then(|injection: Injection| inject(&injection))
        .or_else(|error| {
            tell(&Guest::Failed {
                error: format!("{error:#}"),
            })
        })
}

/// A word that scripts/vm puts on the kernel's command line.
const MACHINE: &str = "faultline.vm";
/// The virtio port from which scripts/vm reads the exit status.
const PORT: &str = "status";

/// Checks that the machine whose root is `root` was booted for a drill, as the guest side would
/// hang or crash any other machine.
fn is_a_drills(root: &Path) -> anyhow::Result<()> {
    let command_line = read(root.join("proc/cmdline"))?;
    let ports = fs::read_dir(root.join("sys/class/virtio-ports"));
    let mut ports = ports.into_iter().flatten().flatten();
    let has_port = ports.any(|port| read(port.path().join("name")).is_ok_and(|name| name == PORT));
    if !command_line.split_whitespace().any(|word| word == MACHINE) || !has_port {
        bail!(
            "this machine was not booted for a drill (no '{MACHINE}' on the kernel's command line, \
             or no virtio port '{PORT}'): nothing was done; 'faultline drill vm' starts one"
        );
    }
    Ok(())
}

/// Reports an event to the host.
fn tell(event: &Guest) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{}", serde_json::to_string(event)?)?;
    Ok(out.flush()?)
}

fn inject(plan: &Injection) -> anyhow::Result<()> {
    let case = plan.case()?;
    let mode = case.mode;
    let cpus = std::thread::available_parallelism().map_or(0, |count| count.get());
    tell(&Guest::Up {
        release: read("/proc/sys/kernel/osrelease")?,
        cpus,
    })?;
    // First, as on a busy machine an armed detector may take this for a lockup.
    if let Some(command_line) = &plan.crash_kernel {
        load_crash_kernel(command_line)?;
    }
    for setting in &plan.sysctls {
        if let Err(error) = fs::write(strike::setting_file(&setting.key), &setting.value) {
            tell(&Guest::SysctlFailed {
                key: setting.key.clone(),
                value: setting.value.clone(),
                error: error.to_string(),
            })?;
        }
    }
    keep_off(plan, cpus)?;
    let _feeder = match plan.needs()? {
        Needs::HardwareWatchdog => Some(Feeder::start(plan)?),
        Needs::Nmi | Needs::Nothing => None,
    };
    let arguments = plan.module_arguments();
    let mut strike = match Strike::begin(case, || insert(mode.module, &arguments))? {
        Ok(strike) => strike,
        Err(refusal) => {
            return tell(&Guest::Refused {
                error: refusal.error,
                line: refusal.line,
            });
        }
    };
    tell(&Guest::Inserted {
        cpus: strike.parameter("cpus")?,
    })?;
    let patience = Duration::from_secs(plan.patience_secs);
    tell(&Guest::Released(strike.wait(patience, |_, _| {})?))
}

/// The threads that must not be on a held CPU, as they detect or report the fault: the console's
/// printers, RCU's own threads and the hung-task detector, besides this program.
const TELLERS: &[&str] = &["pr/", "rcu_", "khungtaskd"];

/// Moves them off the CPUs of the fault, if any other CPU is left.
fn keep_off(plan: &Injection, cpus: usize) -> anyhow::Result<()> {
    let mut free = rustix::thread::CpuSet::new();
    for cpu in (0..cpus).filter(|cpu| !plan.holds_cpu(*cpu as u32)) {
        free.set(cpu);
    }
    if free.count() == 0 {
        return Ok(());
    }
    rustix::thread::sched_setaffinity(None, &free).context("this program's CPUs")?;
    for entry in fs::read_dir("/proc")?.flatten() {
        let pid = entry
            .file_name()
            .to_str()
            .and_then(|name| name.parse().ok());
        let Some(pid) = pid.and_then(rustix::thread::Pid::from_raw) else {
            continue;
        };
        let comm = read(entry.path().join("comm")).unwrap_or_default();
        if TELLERS.iter().any(|name| comm.starts_with(name)) {
            // Some of RCU's threads are bound to their CPU.
            let _ = rustix::thread::sched_setaffinity(Some(pid), &free);
        }
    }
    Ok(())
}

/// Loads the crash kernel with kexec-tools. A failure is reported but does not end the drill: the
/// module then refuses, or runs with `force`.
fn load_crash_kernel(command_line: &str) -> anyhow::Result<()> {
    let start = Instant::now();
    let mut command = Command::new("kexec");
    command
        // With the system call that checks signatures, if the kernel has it.
        .args(["-a", "-p"])
        .arg(format!(
            "--command-line={} {command_line}",
            consoles(&read("/proc/cmdline")?)
        ))
        .arg(format!(
            "--initrd={}",
            variable("FAULTLINE_CRASH_INITRD")?.display()
        ))
        .arg(variable("FAULTLINE_VMLINUZ")?);
    let output = output_within(&mut command, PATIENCE).context("kexec, of kexec-tools")?;
    let loaded = read("/sys/kernel/kexec_crash_loaded").is_ok_and(|text| text == "1");
    if output.status.success() && loaded {
        return tell(&Guest::CrashKernelLoaded {
            reserved_bytes: number("/sys/kernel/kexec_crash_size").unwrap_or(0),
            secs: start.elapsed().as_secs_f64(),
        });
    }
    let said = output.stderr.trim().replace('\n', "; ");
    tell(&Guest::CrashKernelFailed {
        error: format!("{}, {said}", output.status),
    })
}

/// Returns the consoles on a kernel's command line, which the crash kernel gets as well.
fn consoles(command_line: &str) -> String {
    let words = command_line.split_whitespace();
    let consoles: Vec<_> = words.filter(|word| word.starts_with("console=")).collect();
    consoles.join(" ")
}

/// Inserts one of faultline's modules into the kernel.
fn insert(module: &str, arguments: &str) -> anyhow::Result<()> {
    let path = variable("FAULTLINE_MODULES")?.join(format!("{module}.ko"));
    let file = File::open(&path).with_context(|| format!("{} cannot be opened", path.display()))?;
    rustix::system::finit_module(file, &CString::new(arguments)?, 0)
        .with_context(|| format!("insmod {module}.ko {arguments}"))
}

/// Time limit for a program in the guest, which may be emulated and slow.
const PATIENCE: Duration = Duration::from_secs(120);
/// Feeds the watchdog device until the faulty CPU runs nothing else any more.
struct Feeder(Child);

impl Feeder {
    fn start(plan: &Injection) -> anyhow::Result<Self> {
        let output = output_within(Command::new("modprobe").arg("i6300esb"), PATIENCE)?;
        if !output.status.success() {
            bail!(
                "cannot load the driver i6300esb (the VM may not have the device): modprobe: {}",
                output.stderr.trim()
            );
        }
        let timeout = plan.threshold.unwrap_or(4).to_string();
        let feeder = Command::new("taskset")
            .args(["-c", &plan.first_cpu().to_string()])
            .args(["busybox", "watchdog", "-F", "-t", "1", "-T", &timeout])
            .arg("/dev/watchdog")
            .spawn()
            .context("cannot start the watchdog's feeder")?;
        Ok(Feeder(feeder))
    }
}

impl Drop for Feeder {
    /// Ends the feeder with SIGTERM, on which it disarms the device.
    fn drop(&mut self) {
        let pid = rustix::process::Pid::from_child(&self.0);
        let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
        let _ = self.0.wait();
    }
}

fn number(path: impl AsRef<Path>) -> Option<u64> {
    read(path).ok()?.parse().ok()
}

fn variable(name: &str) -> anyhow::Result<PathBuf> {
    std::env::var_os(name)
        .map(PathBuf::from)
        .with_context(|| format!("the runner does not set {name} in the guest"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_drills_machine_will_do() {
        let root = tempfile::tempdir().unwrap();
        let write = |file: &str, text: &str| {
            let path = root.path().join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        let is_one = || is_a_drills(root.path()).map_err(|error| error.to_string());
        assert!(is_one().is_err(), "no command line");
        write(
            "proc/cmdline",
            "console=ttyS0 faultline.vm crashkernel=256M\n",
        );
        assert!(is_one().unwrap_err().contains("nothing was done"));
        write(
            "sys/class/virtio-ports/vport1p1/name",
            "com.redhat.spice.0\n",
        );
        assert!(is_one().is_err());
        write("sys/class/virtio-ports/vport1p2/name", "status\n");
        assert_eq!(is_one(), Ok(()));
        write(
            "proc/cmdline",
            "console=ttyS0 xfaultline.vm crashkernel=256M\n",
        );
        assert!(is_one().is_err());
    }
}
