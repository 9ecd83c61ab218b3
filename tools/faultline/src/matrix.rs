// SPDX-License-Identifier: GPL-2.0

//! `faultline drill matrix`: every fault on every kind of CPU under every policy, each in its own
//! VM.
//!
//! The [`row`]s are a table. For each row this program runs itself as `drill vm`, a few at a time
//! ([`batch`]); the report ([`drilled`]) is judged by the row's expected stage ([`outcome`]), and
//! shown as text, JSON ([`document`]), [`ktap`], and an HTML page ([`html`]). [`kernels`] finds the
//! kernel of a row. A row that passed is not run again until something that it depends on has
//! changed.

mod batch;
mod document;
mod drilled;
mod html;
mod kernels;
mod ktap;
mod outcome;
mod row;
#[cfg(test)]
mod tests;
mod text;
mod watch;

use crate::cli::guide::Guide;
use crate::files::claim::Claim;
use crate::files::lock::lock_within;
use crate::process::ends_with_us;
use crate::terminal::{escape, out};
use anyhow::{ensure, Context};
use batch::{Ended, News};
use clap::{Args, ValueHint};
use drilled::Report;
use kernels::{Kernel, Kernels};
use outcome::{Outcome, Totals, Verdict};
use row::{Place, Row, Wanted};
use rustix::fs::{FlockOperation, OFlags};
use std::collections::hash_map::DefaultHasher;
use std::fs::{self, OpenOptions};
use std::hash::{Hash, Hasher};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::Duration;
use watch::Watch;

/// How long a process started by a matrix that has just ended may still hold the matrix's lock.
const PATIENCE: Duration = Duration::from_secs(2);

#[derive(Args)]
pub struct MatrixArgs {
    /// Run only the rows with this name, mode, detector, policy, kernel or tag; a name
    /// may have the wildcards * and ?
    #[arg(long, value_name = "WORD", num_args = 1..)]
    only: Vec<String>,
    /// Run only the rows of this kernel and those without a kernel, on it [default: the
    /// first of scripts/kernels for the rows without a kernel]
    #[arg(long, value_name = "ROW")]
    kernel: Option<String>,
    /// Run only the rows with the tag 'quick': about one for each detector
    #[arg(long)]
    quick: bool,
    /// Number of VMs to run in parallel
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = clap::value_parser!(u8).range(1..=2))]
    jobs: u8,
    /// Run the rows again that have passed and have not changed since
    #[arg(long)]
    fresh: bool,
    /// Write the results to DIR/<row>/, DIR.json, DIR.ktap and DIR.html [default:
    /// build/matrix, or with --kernel build/matrix-ROW]
    #[arg(short, long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    out: Option<PathBuf>,
    /// Keep the vmcores: about 90 MB for each row that panics
    #[arg(long)]
    keep_dumps: bool,
    /// List the rows, and run none
    #[arg(short, long, conflicts_with = "ktap")]
    list: bool,
    /// Print the results, or the list, as JSON, and nothing else
    #[arg(short, long, conflicts_with = "ktap")]
    json: bool,
    /// Print the results as KTAP
    #[arg(long)]
    ktap: bool,
    /// Program that runs a drill
    #[arg(long, value_name = "PATH", default_value = "scripts/faultline")]
    pub runner: PathBuf,
}

pub const GUIDE: Guide = Guide {
    about: "Runs each row in a fresh VM, as 'faultline drill vm' does. A row passes if its drill ends \
        as its policy demands: 'panic' in a dump that names the fault, 'report' in a report without \
        a panic, 'off' in neither. A row whose needs are missing is skipped, with the reason. A row \
        that passed is run again only if something that it depends on has changed: the row, the \
        kernel, the module, this program, the VM and its contents. An interrupted matrix thus \
        continues.",
    exit_status: &[
        (0, "no row failed"),
        (1, "some row failed"),
        (2, "wrong usage"),
        (3, "interrupted, or nothing could be run"),
    ],
    files: &[
        ("build/matrix/ROW/", "the files of each row's drill"),
        (
            "build/matrix.html, build/matrix.json, build/matrix.ktap",
            "the results, for people, for programs and for test harnesses",
        ),
    ],
    examples: &[
        "faultline drill matrix --list",
        "faultline drill matrix --quick",
        "faultline drill matrix --only 'hard-*' oops --fresh",
        "faultline drill matrix --kernel debian-13 --ktap",
    ],
    ..Guide::NEW
};

/// The script that drills on the project's test server, and reports as `drill vm` does.
const MACHINE_DRILL: &str = "scripts/machine-drill";

/// The environment of a matrix.
struct Matrix<'a> {
    project: &'a Path,
    /// The program that runs a drill.
    drill: &'a Path,
    out: PathBuf,
    kernel: Option<&'a str>,
    at_once: usize,
    is_fresh: bool,
    keeps_dumps: bool,
}

/// Runs the matrix, with `drill` as the program that runs a drill.
pub fn run(args: &MatrixArgs, drill: &Path, project: &Path) -> anyhow::Result<ExitCode> {
    let wanted = Wanted {
        only: &args.only,
        quick: args.quick,
        kernel: args.kernel.as_deref(),
    };
    let rows = match wanted.of(row::all()?) {
        Ok(rows) => rows,
        Err(why) => {
            eprintln!("error: {}", escape::text(&why.to_string()));
            return Ok(ExitCode::from(2));
        }
    };
    if args.list {
        let text = match args.json {
            true => document::list(&rows)?,
            false => text::list(&rows),
        };
        out::print(&text)?;
        return Ok(ExitCode::SUCCESS);
    }
    let name = match &args.kernel {
        Some(kernel) => format!("build/matrix-{kernel}"),
        None => "build/matrix".into(),
    };
    let out = match &args.out {
        Some(out) => std::env::current_dir()?.join(out),
        None => project.join(name),
    };
    let matrix = Matrix {
        project,
        drill,
        out,
        kernel: args.kernel.as_deref(),
        at_once: args.jobs.into(),
        is_fresh: args.fresh,
        keeps_dumps: args.keep_dumps,
    };
    let outcomes = matrix.run(&rows, &mut Watch::new(rows.len(), args.json))?;
    let totals = Totals::of(&outcomes);
    let document = document::of(&outcomes)?;
    let ktap = ktap::of(&outcomes);
    let page = html::page(&outcomes, &matrix.out, document::now());
    let write = |end: &str, text: &str| {
        let file = matrix.beside(end);
        fs::write(&file, text).with_context(|| file.display().to_string())?;
        anyhow::Ok(file)
    };
    write(".json", &document)?;
    write(".ktap", &ktap)?;
    let page = write(".html", &page)?;
    if args.json {
        print!("{}", escape::json(&document));
    } else if args.ktap {
        print!("{ktap}");
    } else {
        print!("{}", escape::text(&text::results(&outcomes, &page)));
    }
    Ok(ExitCode::from(totals.exit_status()))
}

impl Matrix<'_> {
    /// Returns the directory's path with a suffix.
    fn beside(&self, end: &str) -> PathBuf {
        let mut name = self.out.clone().into_os_string();
        name.push(end);
        name.into()
    }

    /// Runs the rows without a recorded pass. Returns the outcomes in the rows' order.
    fn run(&self, rows: &[Row], watch: &mut Watch) -> anyhow::Result<Vec<Outcome>> {
        fs::create_dir_all(&self.out)
            .with_context(|| format!("cannot create {}", self.out.display()))?;
        // Existing contents stay.
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(false);
        options.custom_flags(OFlags::NOFOLLOW.bits() as i32);
        let lock = self.out.join("lock");
        let lock = options
            .open(&lock)
            .with_context(|| lock.display().to_string())?;
        let how = FlockOperation::NonBlockingLockExclusive;
        ensure!(
            lock_within(&lock, how, PATIENCE).with_context(|| self.out.display().to_string())?,
            "another matrix is run in {}: end it, or choose another --out",
            self.out.display()
        );
        let program = hash_of(&std::env::current_exe()?)?;
        let mut kernels = Kernels::new(self.project, self.kernel);
        let mut outcomes: Vec<Option<Outcome>> = vec![None; rows.len()];
        let mut drills: Vec<(usize, Kernel)> = Vec::new();
        for (at, row) in rows.iter().enumerate() {
            let known = match kernels.get(row.kernel, row.place) {
                Ok(kernel) => match self.known(row, &kernel, program) {
                    Some(known) => known,
                    None => {
                        drills.push((at, kernel));
                        continue;
                    }
                },
                Err(why) => {
                    let kernel = row.kernel.or(self.kernel).unwrap_or("the first");
                    self.without_report(row, kernel, Verdict::Skipped, &why)
                }
            };
            watch.ended(&known);
            outcomes[at] = Some(known);
        }

        // A VM that did not boot says nothing about the row: it gets a second try.
        let mut waiting: Vec<_> = drills.iter().map(|(at, _)| *at).collect();
        for is_last in [false, true] {
            let mut again = Vec::new();
            let commands = drills
                .iter()
                .filter(|(at, _)| waiting.contains(at))
                .map(|(at, kernel)| (*at, self.command(&rows[*at], kernel)));
            let all_ran = batch::run(commands, self.at_once, |news| match news {
                News::Began(at) => {
                    watch.began(rows[at].name);
                    outcome::forget(&self.folder(&rows[at]))
                }
                News::Ended(at, ended) => {
                    let kernel = drills.iter().find(|(other, _)| *other == at);
                    let (_, kernel) = kernel.context("a drill ended that was not started")?;
                    let outcome = self.ended(&rows[at], kernel, program, ended)?;
                    if outcome.tells_nothing() && !is_last {
                        watch.again(&outcome);
                        again.push(at);
                    } else {
                        watch.ended(&outcome);
                        outcomes[at] = Some(outcome);
                    }
                    Ok(())
                }
            })?;
            if !all_ran {
                break;
            }
            waiting = again;
        }
        for (at, kernel) in drills {
            outcomes[at].get_or_insert_with(|| {
                self.without_report(&rows[at], &kernel.row, Verdict::NotRun, "interrupted")
            });
        }
        Ok(outcomes.into_iter().flatten().collect())
    }

    fn folder(&self, row: &Row) -> PathBuf {
        self.out.join(row.name)
    }

    fn without_report(&self, row: &Row, kernel: &str, verdict: Verdict, why: &str) -> Outcome {
        Outcome::without_report(row, kernel, &self.folder(row), verdict, why)
    }

    /// Returns the outcome, if there is one without running the drill.
    fn known(&self, row: &Row, kernel: &Kernel, program: u64) -> Option<Outcome> {
        if kernel.machine != "x86_64" && ["nmi", "hardware-watchdog"].contains(&row.detector) {
            let why = format!(
                "the emulated machine of {} has no NMI from outside: only that of x86_64 has",
                kernel.row
            );
            return Some(self.without_report(row, &kernel.row, Verdict::Skipped, &why));
        }
        if self.is_fresh {
            return None;
        }
        let folder = self.folder(row);
        let key = outcome::key(row, &kernel.release, kernel.hash, program);
        let (report, took_secs) = outcome::recall(&folder, &key)?;
        let judged = Outcome::judged(row, &kernel.row, &kernel.release, &folder, report);
        (judged.verdict == Verdict::Passed).then_some(Outcome {
            is_reused: true,
            took_secs: Some(took_secs),
            ..judged
        })
    }

    fn command(&self, row: &Row, kernel: &Kernel) -> Command {
        let mut command = match row.place {
            Place::Vm => ends_with_us(self.drill),
            Place::Machine => ends_with_us(&self.project.join(MACHINE_DRILL)),
        };
        command
            .args(row.arguments(&kernel.row, &self.folder(row)))
            .env("KERNEL", &kernel.row)
            // scripts/faultline finds the files of this row's kernel.
            .env_remove("FAULTLINE_VMLINUX_DEBUG");
        command
    }

    /// Returns the outcome of a drill that has ended, and records a pass.
    fn ended(
        &self,
        row: &Row,
        kernel: &Kernel,
        program: u64,
        ended: Ended,
    ) -> anyhow::Result<Outcome> {
        let folder = self.folder(row);
        let took_secs = ended.took.as_secs_f64();
        let outcome = match serde_json::from_str::<Report>(&ended.stdout) {
            Ok(report) if !(ended.was_stopped && report.stage == "could_not_tell") => {
                Outcome::judged(row, &kernel.row, &kernel.release, &folder, report)
            }
            _ if ended.was_stopped => {
                self.without_report(row, &kernel.row, Verdict::NotRun, "interrupted")
            }
            Ok(_) | Err(_) => {
                let said = ended.stderr.lines().rfind(|line| !line.trim().is_empty());
                let why = format!(
                    "the drill left no report ({}): {}",
                    ended.status,
                    said.unwrap_or("without a message")
                );
                self.without_report(row, &kernel.row, Verdict::Failed, &why)
            }
        };
        if !self.keeps_dumps {
            // Only the drill's own files; a refused drill leaves another's.
            if let Some(mut drill) = Claim::of_the_dead(&folder) {
                drill.remove("vmcore")?;
            }
        }
        if outcome.verdict == Verdict::Passed {
            let key = outcome::key(row, &kernel.release, kernel.hash, program);
            outcome::remember(&folder, &key, took_secs)?;
        }
        Ok(Outcome {
            took_secs: Some(took_secs),
            ..outcome
        })
    }
}

fn hash_of(file: &Path) -> anyhow::Result<u64> {
    let mut hasher = DefaultHasher::new();
    fs::read(file)
        .with_context(|| file.display().to_string())?
        .hash(&mut hasher);
    Ok(hasher.finish())
}
