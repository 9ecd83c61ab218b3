// SPDX-License-Identifier: GPL-2.0

//! Tasks in uninterruptible sleep: since when, in which function, what they wait for, and who holds
//! that.
//!
//! [`tasks`] are found in /proc, with their stacks, which tell what they [`waits`] for. The locks that
//! they wait for, and who holds these, are in the [`kernel`]'s [`memory`], where its BTF ([`layout`]) and
//! its [`symbols`] say, or are found by its [`waiter`]s; a [`chain`] leads from one to the next. All of it becomes a [`report`], which
//! [`people`] or JSON shows.

mod chain;
mod kernel;
mod layout;
mod memory;
mod people;
mod report;
mod symbols;
mod tasks;
mod waiter;
mod waits;

use crate::terminal::{escape, out};
use anyhow::ensure;
use kernel::Kernel;
use report::Report;
use std::process::ExitCode;
use std::time::Duration;
use tasks::Proc;

/// What a user asks for.
#[derive(Debug)]
pub struct Ask {
    /// Tasks that have not run for that long.
    pub min: Duration,
    pub json: bool,
}

/// Does it. The exit status is 1 if any task is blocked.
pub fn run(ask: &Ask) -> anyhow::Result<ExitCode> {
    ensure!(
        rustix::process::geteuid().is_root(),
        "only root may see the stacks of the kernel: run this as root, for instance with sudo"
    );
    crate::proc::in_first_pid_namespace()?;
    let report = Report::make(&Proc::default(), Kernel::find, ask.min.as_secs_f64())?;
    let text = match ask.json {
        true => escape::json(&serde_json::to_string_pretty(&report)?).into_owned() + "\n",
        false => people::text(&report, out::width()),
    };
    out::print(&text)?;
    Ok(ExitCode::from(u8::from(report.is_any())))
}

#[cfg(test)]
mod tests;
