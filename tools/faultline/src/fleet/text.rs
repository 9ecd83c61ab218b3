// SPDX-License-Identifier: GPL-2.0

//! The report of a fleet for people, in 80 columns: what needs attention, and how many do not.

use super::host::{Fault, Host, State};
use super::Report;
use crate::ledger::status::date;
use crate::terminal::layout::wrapped;

/// Returns the text.
pub fn of(report: &Report) -> String {
    let counts = report.totals.iter();
    let counts: Vec<_> = counts
        .map(|(state, count)| format!("{count} {}", state.word().to_lowercase()))
        .collect();
    let hosts = report.hosts.len();
    let mut text = wrapped("", &format!("{hosts} hosts: {}", counts.join(", ")));
    let open = report
        .hosts
        .iter()
        .filter(|host| host.state != State::Proven);
    for (at, host) in open.enumerate() {
        if at == 0 {
            text.push('\n');
        }
        text += &one(host);
    }
    text
}

fn one(host: &Host) -> String {
    let mut text = wrapped(&format!("{:<12} ", host.state.word()), &host.host);
    for fault in host
        .faults
        .iter()
        .filter(|fault| fault.state != State::Proven)
    {
        text += &wrapped(&format!("             {:<12} ", fault.mode), &told(fault));
    }
    for note in &host.notes {
        text += &wrapped("             ", note);
    }
    text
}

/// Why a fault is not proven.
fn told(fault: &Fault) -> String {
    let mut parts = vec![fault.state.word().to_lowercase()];
    parts.extend(fault.judged_at.map(date));
    parts.extend(fault.why.iter().cloned());
    parts.join("; ")
}
