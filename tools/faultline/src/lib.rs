// SPDX-License-Identifier: GPL-2.0

//! faultline rehearses kernel faults, judges the dumps that they leave, and traces a running
//! kernel.
//!
//! The data of a drill flows one way: the command line and a row of the table in [`fault::mode`]
//! make the plan of a [`run`]; a [`drill`] runs it in a virtual machine, where its guest side
//! injects the fault; [`dump`] reads the vmcore, and [`klog`] the kernel log in it; all of it and
//! the events of the run become a [`verdict`] and a report. A [`matrix`] is many drills. [`here`]
//! is a drill on the machine itself, and the [`ledger`] keeps what such drills have proven; a
//! [`fleet`] is the ledgers of many machines. The [`doctor`] examines a machine, through a
//! [`system`], before a drill. [`route`], [`probe`], [`signals`] and [`blocked`] are independent of
//! drills; they read the kernel's [`tracing`] files and its types ([`btf`]).
//!
//! Below all of them are the tables of [`fault`], the [`files`] that the program writes, the
//! metrics for [`prometheus`], and the [`terminal`].

mod blocked;
mod btf;
mod cli;
mod cpu_list;
mod doctor;
mod drill;
mod dump;
mod fault;
mod files;
mod fleet;
#[cfg(feature = "fuzzing")]
pub mod fuzzing;
mod here;
mod interrupt;
mod klog;
mod ledger;
mod matrix;
#[cfg(any(test, feature = "fuzzing"))]
mod pack;
mod probe;
mod proc;
mod process;
mod prometheus;
mod route;
mod run;
#[cfg(test)]
mod schema;
mod signals;
mod system;
mod template;
mod terminal;
mod tracing;
mod verdict;
mod version;
mod zstd;

use std::process::ExitCode;

/// Runs the command line's command. The program only calls this function; the crate is a library so
/// that the fuzz targets in `fuzz/` can call the parsers of untrusted files.
///
/// `commit` is what the program was built from, if that is known.
pub fn main(commit: Option<&'static str>) -> ExitCode {
    version::built_from(commit);
    // A panic of this program says nothing about the machine or the dump: not a failed check.
    let answer = std::panic::catch_unwind(cli::run);
    let unknown = || ExitCode::from(verdict::stage::Outcome::Unknown.exit_status());
    match answer {
        Ok(Ok(status)) => status,
        Ok(Err(error)) => {
            terminal::tell::tell(format_args!("could not tell: {error:#}"));
            unknown()
        }
        Err(_) => unknown(),
    }
}
