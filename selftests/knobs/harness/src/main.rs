// SPDX-License-Identifier: GPL-2.0

//! knobs-test gives the module `knobs` and its C twin the same values, and wants the
//! same answers. It runs as root in a virtual machine, and prints KTAP.
//!
//! [`params`] says what the modules have, [`inputs`] what is tried, [`differences`]
//! where the answers may differ, [`compare`] judges. The tests are [`table`], [`modes`],
//! [`random`], [`races`] and [`leaks`]; they use [`quick`], [`objects`] and [`log`].

mod case;
mod compare;
mod differences;
mod inputs;
mod ktap;
mod leaks;
mod log;
mod modes;
mod module;
mod objects;
mod params;
mod quick;
mod races;
mod random;
mod table;

use clap::{Parser, Subcommand};
use compare::Tally;
use module::Module;
use quick::{Expedited, OneCpu};
use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

/// Compares the module knobs with its C twin.
#[derive(Parser)]
struct Cli {
    /// Folder with knobs.ko and knobs_twin.ko
    #[arg(long, env = "FAULTLINE_MODULES")]
    modules: PathBuf,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Each input to each parameter through sysfs, and a choice of them at load
    Table {
        /// The file that names each difference
        #[arg(long)]
        docs: PathBuf,
    },
    /// Who may read and write what
    Modes,
    /// Random writes over all parameters
    Random {
        #[arg(long, default_value_t = 100_000)]
        writes: usize,
        /// Of the random numbers [default: another each time]
        #[arg(long)]
        seed: Option<u64>,
    },
    /// Writers and readers while the module comes and goes
    Races {
        #[arg(long, default_value_t = 10)]
        seconds: u64,
        #[arg(long, default_value_t = 120)]
        loads: u32,
    },
    /// Loading and unloading leaves nothing
    Leaks,
    /// Opens each file of a folder, for a user who may not
    #[command(hide = true)]
    Open { folder: PathBuf },
}

fn main() -> anyhow::Result<ExitCode> {
    let cli = Cli::parse();
    if let Command::Open { folder } = cli.command {
        modes::try_all(&folder)?;
        return Ok(ExitCode::SUCCESS);
    }
    let twin = &Module::open(&cli.modules, "knobs_twin")?;
    let knobs = &Module::open(&cli.modules, "knobs")?;
    let tally = &Tally::new();
    // What is refused is logged: not on the console, which is slow.
    fs::write("/proc/sys/kernel/printk", "1")?;
    // Lines of ours in the log, as many as there are.
    fs::write("/proc/sys/kernel/printk_devkmsg", "on\n")?;
    let _expedited = Expedited::begin()?;
    // The first module of its kind makes the kernel say that it is tainted: now, not later.
    drop((twin.load(b"")?, knobs.load(b"")?));
    Ok(match cli.command {
        Command::Table { docs } => {
            let _one = OneCpu::begin()?;
            ktap::run(table::tests(twin, knobs, tally, &docs))
        }
        Command::Modes => ktap::run(modes::tests(twin, knobs)),
        Command::Random { writes, seed } => {
            let seed = seed.unwrap_or_else(|| fastrand::u64(..));
            ktap::run(random::tests(twin, knobs, tally, writes, seed))
        }
        Command::Races { seconds, loads } => {
            let time = Duration::from_secs(seconds);
            ktap::run(races::tests(knobs, &races::Plan { time, loads }))
        }
        Command::Leaks => {
            let _one = OneCpu::begin()?;
            ktap::run(leaks::tests(twin, knobs))
        }
        Command::Open { .. } => unreachable!("it is done above"),
    })
}
