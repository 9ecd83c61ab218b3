// SPDX-License-Identifier: GPL-2.0

//! faultline rehearses kernel faults and judges the dumps that they leave, and shows what
//! the routing path decides.
//!
//! Of a drill, data flows one way: a [`plan`] is settled from the command line and a row of the
//! table of [`fault::mode`]; a [`drill`] runs it in a virtual machine, where its
//! guest side does the work; what they tell are [`event`]s, put in order by [`seen`]; the [`dump`]
//! is read by the files of its directory, and what it tells is in [`klog`]; all of it becomes
//! a [`timeline`] and a [`verdict`], which a [`report`] shows. A [`matrix`] is many of them.
//! [`here`] is a drill on the machine itself, and its [`ledger`] what those have proven.
//! [`route`], [`probe`] and [`signals`] stand for themselves, on [`tracing`]; so does [`blocked`]. The
//! kernel's types are [`btf`]. The [`doctor`] looks at a machine, through a [`system`], before anything
//! is done to it.
//!
//! Below all of them are [`fault`], tables that read nothing, and [`files`] and [`terminal`], what
//! the program writes and shows.

mod blocked;
mod btf;
mod cli;
mod cpu_list;
mod doctor;
mod drill;
mod dump;
mod event;
mod fault;
mod files;
#[cfg(feature = "fuzzing")]
pub mod fuzzing;
mod here;
mod interrupt;
mod klog;
mod ledger;
mod matrix;
#[cfg(any(test, feature = "fuzzing"))]
mod pack;
mod plan;
mod probe;
mod proc;
mod process;
mod report;
mod route;
#[cfg(test)]
mod schema;
mod seen;
mod signals;
mod strike;
mod system;
mod template;
mod terminal;
mod timeline;
mod tracing;
mod verdict;
mod zstd;

use std::process::ExitCode;

/// Does what the command line asks for. The program is no more than this; the crate is a library
/// so that the fuzz targets of `fuzz/` reach what reads other people's files.
pub fn main() -> ExitCode {
    // A fault of this program tells nothing of what it was asked about.
    let answer = std::panic::catch_unwind(cli::run);
    let unknown = || ExitCode::from(verdict::stage::Outcome::Unknown.exit_status());
    match answer {
        Ok(Ok(status)) => status,
        Ok(Err(error)) => {
            terminal::escape::tell(format_args!("could not tell: {error:#}"));
            unknown()
        }
        Err(_) => unknown(),
    }
}
