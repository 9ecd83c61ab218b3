// SPDX-License-Identifier: GPL-2.0

//! Who sends which signal to whom, and what comes of it: live, by the kernel's own tracepoints.
//!
//! What the kernel tells comes in lines, which [`event`] takes apart, through an instance of tracefs of
//! our own, and as messages about the [`exits`] of processes; put in [`order`], it becomes a [`story`]:
//! with what the [`tasks`] in /proc are doing, the [`outcome`] of each signal. [`people`] or [`json`] shows it,
//! with [`names`] for all numbers; the [`summary`] counts it, and the [`tally`] what was lost. [`watch`]
//! leads all of it.

pub mod ask;
pub mod event;
mod exits;
mod json;
pub mod names;
mod order;
mod outcome;
mod people;
mod story;
mod summary;
mod tally;
mod tasks;
mod time;
mod watch;

pub use ask::Ask;

use crate::terminal::tell::tell;
use crate::tracing::instance::{self, Instance, Settings};
use crate::tracing::mount::mount;
use crate::tracing::out::{Out, Signals};
use anyhow::ensure;
use exits::Exits;
use std::path::Path;
use std::process::ExitCode;
use watch::Sources;

/// The events without which nothing can be told.
const NEEDED: [&str; 2] = ["signal/signal_generate", "signal/signal_deliver"];
/// What tells more, where the kernel has it.
const MORE: [&str; 2] = ["oom/mark_victim", "coredump/coredump"];
/// What tells that a process has ended, where nothing tells how.
const ENDS: &str = "sched/sched_process_exit";

/// Does it.
pub fn run(ask: &Ask) -> anyhow::Result<ExitCode> {
    ensure!(
        rustix::process::geteuid().is_root(),
        "only root may trace: run this as root, for instance with sudo"
    );
    crate::proc::in_first_pid_namespace()?;
    let tracefs = mount("tracefs", "/sys/kernel/tracing")?;
    let is_there = |event: &&str| tracefs.join("events").join(event).is_dir();
    for event in &NEEDED {
        ensure!(
            is_there(event),
            "{} is not there: the kernel was built without its tracepoints",
            tracefs.join("events").join(event).display()
        );
    }
    let out = Out::new(Signals::catch()?);
    sweep(&tracefs);
    let exits = Exits::listen()
        .inspect_err(|error| tell(format!("how processes end is not told: {error:#}")))
        .ok();
    let mut events = NEEDED.to_vec();
    events.extend(MORE.iter().filter(|event| is_there(event)));
    if exits.is_none() {
        events.push(ENDS);
    }
    let settings = Settings {
        events: &events,
        buffer_kb: ask.buffer_kb,
        ..Settings::default()
    };
    let instance = Instance::make(&tracefs, &settings)?;
    watch::watch(ask, Sources { instance, exits }, out).map(|()| ExitCode::SUCCESS)
}

/// Removes what programs of ours left that were killed.
fn sweep(tracefs: &Path) {
    for name in instance::sweep(tracefs) {
        tell(format!(
            "the instance {name} of tracefs, whose program is gone, is removed"
        ));
    }
}
