// SPDX-License-Identifier: GPL-2.0

//! nth-failure loads, uses and unloads a module, and lets one memory allocation fail in each
//! attempt, or one call of a function: the first, the second, and so on until the operation has no
//! more of them. After each attempt nothing of a module that was refused may be left. It runs as
//! root in a virtual machine, on a kernel with `CONFIG_FAILSLAB`, `CONFIG_FAIL_PAGE_ALLOC` and, for
//! functions, `CONFIG_FAIL_FUNCTION`.
//!
//! Documentation: `Documentation/fault-injection/fault-injection.rst`, "fail-nth".

use anyhow::{bail, ensure, Context};
use clap::Parser;
use prove::fault::{self, Failures, Target};
use prove::module::{self, kprobes, Module, Traces};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Loads, uses and unloads a module while allocations fail, or calls of a function.
#[derive(Parser)]
struct Cli {
    /// The module's file
    file: PathBuf,
    /// Its parameters, as insmod takes them
    arguments: Vec<String>,
    /// Instead of allocations, lets calls of this function fail, with -ENOMEM
    #[arg(long, value_name = "FUNCTION", conflicts_with = "null")]
    error: Option<String>,
    /// The same of a function that returns null when it fails
    #[arg(long, value_name = "FUNCTION")]
    null: Option<String>,
    /// Writes to one of its parameters, as NAME=VALUE
    #[arg(long)]
    write: Vec<String>,
    /// Opens a file, writes lines to it, and closes it, as FILE=LINE;LINE...
    #[arg(long)]
    session: Vec<String>,
    /// Reads this file, or all files of this folder
    #[arg(long)]
    read: Vec<PathBuf>,
}

fn main() -> anyhow::Result<ExitCode> {
    let cli = Cli::parse();
    let target = match (cli.error, cli.null) {
        (Some(name), _) => Target::with_error(name),
        (_, Some(name)) => Target::with_null(name),
        _ => Target::Allocations,
    };
    let module = Module::open(&cli.file, &cli.arguments.join(" "))?;
    nothing_is_left(&module, &[]).context("before it was loaded")?;
    target.select()?;
    // That on the function.
    let theirs = kprobes()?;

    let nothing_is_left = |module| nothing_is_left(module, &theirs);
    let loads = fault::each(
        &target,
        "load",
        || module.load(),
        |result| match result {
            Ok(()) => module.unload().map_err(Into::into),
            Err(_) => nothing_is_left(&module),
        },
    )?;
    let mut all = vec![loads];
    module.load()?;
    for pair in &cli.write {
        let Some((name, value)) = pair.split_once('=') else {
            bail!("--write takes NAME=VALUE, not '{pair}'");
        };
        let file = module.parameter(name);
        let write = || module::write(&file, value);
        let name = format!("write {pair}");
        all.push(fault::each(&target, &name, write, |_| Ok(()))?);
    }
    for pair in &cli.session {
        let Some((file, lines)) = pair.split_once('=') else {
            bail!("--session takes FILE=LINE;LINE..., not '{pair}'");
        };
        let session = || module::session(Path::new(file), lines.split(';'));
        let name = format!("session {file}");
        all.push(fault::each(&target, &name, session, |_| Ok(()))?);
    }
    for file in files(&cli.read)? {
        let name = format!("read {}", file.display());
        let read = || module::read(&file);
        all.push(fault::each(&target, &name, read, |_| Ok(()))?);
    }
    module.unload()?;
    nothing_is_left(&module)?;

    let unload = || module.unload();
    let loaded = |result: &Result<(), _>| match result {
        Ok(()) => nothing_is_left(&module).and_then(|()| Ok(module.load()?)),
        Err(_) => Ok(()),
    };
    module.load()?;
    all.push(fault::each(&target, "unload", unload, loaded)?);
    module.unload()?;
    nothing_is_left(&module)?;

    for failures in &all {
        println!("{failures}");
    }
    let strange: Vec<_> = all.iter().flat_map(Failures::strange).collect();
    ensure!(
        strange.is_empty(),
        "not for want of memory: {}",
        strange.join("; ")
    );
    ensure!(
        all.iter().any(|failures| failures.failed > 0),
        "none of the {target} failed"
    );
    Ok(ExitCode::SUCCESS)
}

fn nothing_is_left(module: &Module, theirs: &[String]) -> anyhow::Result<()> {
    let traces = Traces::of(module.name(), theirs)?;
    ensure!(
        traces.is_clean(),
        "{traces:?} are left of {}",
        module.name()
    );
    Ok(())
}

/// The files, and those of the folders.
fn files(paths: &[PathBuf]) -> anyhow::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for path in paths {
        if !path.is_dir() {
            files.push(path.clone());
            continue;
        }
        for entry in std::fs::read_dir(path)? {
            let path = entry?.path();
            if path.is_file() && is_readable(&path)? {
                files.push(path);
            }
        }
    }
    files.sort();
    Ok(files)
}

fn is_readable(path: &Path) -> anyhow::Result<bool> {
    use std::os::unix::fs::PermissionsExt;
    Ok(path.metadata()?.permissions().mode() & 0o400 != 0)
}
