// SPDX-License-Identifier: GPL-2.0

//! Probes the functions that were chosen, and shows what they do, as long as it is to be.

use super::ask::Ask;
use super::choose::Pattern;
use super::probing::Probing;
use super::session::{Session, MODULE};
use super::watch::Watch;
use crate::terminal::tell::tell;
use crate::tracing::instance::{self, Instance, Settings};
use crate::tracing::mount::mount;
use crate::tracing::out::{Out, Signals};
use anyhow::ensure;
use std::process::ExitCode;
use std::time::Duration;

/// Does it.
///
/// # Errors
///
/// Fails where what is asked for fits none of the functions: with `wrong` made of what is wrong with the
/// first one.
pub fn run(
    ask: &Ask,
    patterns: &[Pattern],
    wrong: impl Fn(String) -> anyhow::Error,
) -> anyhow::Result<ExitCode> {
    let session = Session::open()?;
    let out = Out::new(Signals::catch()?);
    let mut probing = Probing::plan(ask, patterns, session, wrong)?;
    let instance = instance(ask, probing.awaits())?;
    let start_us = now_us()?;
    if let Some(instance) = &instance {
        instance.begin()?;
    }
    probing.attach()?;
    Watch::new(ask, probing, out, start_us).run(instance)?;
    Ok(ExitCode::SUCCESS)
}

/// An instance of tracefs for the events, if any are wanted.
fn instance(ask: &Ask, awaits: bool) -> anyhow::Result<Option<Instance>> {
    let wanted = [(ask.lines, MODULE), (awaits, "module/module_load")];
    let events: Vec<_> = wanted
        .iter()
        .filter(|(is, _)| *is)
        .map(|(_, event)| *event)
        .collect();
    if events.is_empty() {
        return Ok(None);
    }
    let tracefs = mount("tracefs", "/sys/kernel/tracing")?;
    for event in &events {
        ensure!(
            tracefs.join("events").join(event).is_dir(),
            "{}/events/{event} is not there: the kernel did not take the event, dmesg may say why",
            tracefs.display()
        );
    }
    for name in instance::sweep(&tracefs) {
        tell(format!(
            "the instance {name} of tracefs, whose program is gone, is removed"
        ));
    }
    let settings = Settings {
        events: &events,
        buffer_kb: ask.buffer_kb,
        stacktrace: ask.stack,
    };
    Instance::make(&tracefs, &settings).map(Some)
}

/// The time on the clock of the events.
fn now_us() -> anyhow::Result<u64> {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    Ok(u64::try_from(Duration::try_from(now)?.as_micros())?)
}
