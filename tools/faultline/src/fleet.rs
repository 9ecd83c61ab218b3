// SPDX-License-Identifier: GPL-2.0

//! What was proven on many machines: the documents of `faultline drill status --json`, a file for
//! each host, become one report.
//!
//! [`read`] takes the files, which come from other machines and are not trusted; [`host`] says what
//! each fault's newest proof is worth; [`text`], [`html`] or JSON shows it. A host without a
//! readable document is unknown, which is never as good as proven.

mod host;
mod html;
mod read;
mod text;

use crate::files::whole;
use crate::ledger::status::now;
use crate::terminal::progress::Progress;
use crate::terminal::{escape, out};
use host::{Host, State, Terms};
use serde::Serialize;
use std::collections::BTreeMap;
use std::io::IsTerminal;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

/// The schema of the document.
const SCHEMA: &str = "faultline.fleet/1";

/// What is asked for.
pub struct Ask {
    /// The folder with a file for each host.
    pub folder: PathBuf,
    /// The modes that each host must have proven; none: those that it has drilled.
    pub require: Vec<String>,
    /// A file with the names of the hosts that there must be.
    pub hosts: Option<PathBuf>,
    /// The age at which a proof becomes stale.
    pub max_age: Option<Duration>,
    /// Where the page goes.
    pub html: Option<PathBuf>,
    pub json: bool,
}

/// The report.
#[derive(Debug, Serialize)]
pub struct Report {
    schema: &'static str,
    exit_status: u8,
    /// In seconds since 1970.
    made_at: u64,
    /// How many hosts are in each state.
    totals: BTreeMap<State, usize>,
    /// The worst first.
    hosts: Vec<Host>,
}

/// Makes the report.
pub fn run(ask: &Ask) -> anyhow::Result<ExitCode> {
    let expected = ask.hosts.as_deref().map(read::names).transpose()?;
    let files = read::files(&ask.folder)?;
    let terms = Terms {
        require: &ask.require,
        max_age: ask.max_age.map(|age| age.as_secs()),
        now: now(),
    };
    let progress = Progress::new(!std::io::stderr().is_terminal());
    let mut hosts = Vec::new();
    for (at, (name, path)) in files.iter().enumerate() {
        progress.share("reading", at as u64, files.len() as u64);
        hosts.push(Host::of(name, read::document(path), &terms));
    }
    let missing = expected.unwrap_or_default().into_iter();
    let missing = missing.filter(|name| !files.iter().any(|(known, _)| known == name));
    hosts.extend(missing.map(|name| Host::absent(&name)).collect::<Vec<_>>());
    drop(progress);
    let report = Report::of(hosts, terms.now);
    if let Some(path) = &ask.html {
        whole::write(path, &html::page(&report, &ask.require))?;
    }
    let text = match ask.json {
        true => escape::json(&serde_json::to_string_pretty(&report)?).into_owned() + "\n",
        false => text::of(&report),
    };
    out::print(&text)?;
    Ok(ExitCode::from(report.exit_status))
}

impl Report {
    fn of(mut hosts: Vec<Host>, made_at: u64) -> Self {
        host::tell_twins(&mut hosts);
        hosts.sort_by(|one, other| (one.state, &one.host).cmp(&(other.state, &other.host)));
        let mut totals = BTreeMap::new();
        for host in &hosts {
            *totals.entry(host.state).or_default() += 1;
        }
        let worst = hosts.first().map_or(State::Unknown, |host| host.state);
        Report {
            schema: SCHEMA,
            exit_status: match worst {
                State::Proven => 0,
                State::Failed | State::Stale => 1,
                State::NotDrilled | State::Unknown => 3,
            },
            made_at,
            totals,
            hosts,
        }
    }
}

#[cfg(test)]
mod tests;
