// SPDX-License-Identifier: GPL-2.0

//! misuse uses what the modules offer as nobody should, and more often: crash points in functions of
//! all kinds, and their files at any offset, in any size, and while the module goes. It runs as root
//! in a virtual machine, says what came of it, and fails if something is not as it has to be. What
//! the kernel itself reports is for its caller to see.

#[path = "misuse/dice.rs"]
mod dice;
#[path = "misuse/files.rs"]
mod files;
#[path = "misuse/params.rs"]
mod params;
#[path = "misuse/points.rs"]
mod points;

use clap::Parser;
use std::path::PathBuf;

#[derive(Parser)]
enum Cli {
    /// Arms a crash point of lockup in many functions of the kernel, one after the other
    Points {
        /// lockup.ko
        file: PathBuf,
        /// How many functions
        #[arg(long, default_value_t = 2000)]
        functions: usize,
    },
    /// Reads and writes a module's files in every way, and while it is unloaded
    Files {
        /// The module's file
        file: PathBuf,
        /// Its parameters, as insmod takes them
        arguments: Vec<String>,
        /// Directories with its files, besides its parameters
        #[arg(long)]
        also: Vec<PathBuf>,
        /// How often it is unloaded meanwhile
        #[arg(long, default_value_t = 20)]
        rounds: u32,
        /// Where the dice begin
        #[arg(long, default_value_t = 1)]
        seed: u64,
    },
    /// Writes texts to a module's parameters, and compares what comes of each with a table
    Params {
        /// The module's file
        file: PathBuf,
        /// Its parameters, as insmod takes them
        arguments: Vec<String>,
        #[arg(long, default_value_t = 20_000)]
        writes: usize,
        /// Where the dice begin
        #[arg(long, default_value_t = 1)]
        seed: u64,
    },
}

fn main() -> anyhow::Result<()> {
    match Cli::parse() {
        Cli::Points { file, functions } => points::run(&file, functions),
        Cli::Files {
            file,
            arguments,
            also,
            rounds,
            seed,
        } => files::run(&file, &arguments.join(" "), &also, rounds, seed),
        Cli::Params {
            file,
            arguments,
            writes,
            seed,
        } => params::run(&file, &arguments.join(" "), writes, seed),
    }
}
