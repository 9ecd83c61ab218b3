// SPDX-License-Identifier: GPL-2.0

//! The report of a fleet as an HTML page: hosts by faults, in one self-contained file. The template
//! escapes all text.

use super::host::{Fault, Host, State};
use super::Report;
use crate::ledger::status::date;
use crate::run::timeline::megabytes;
use maud::{html, Markup, PreEscaped, DOCTYPE};

const STYLE: &str = include_str!("fleet.css");

impl State {
    /// The symbol that shows it without a colour.
    fn symbol(self) -> &'static str {
        match self {
            Self::Failed => "✗",
            Self::Stale => "↻",
            Self::NotDrilled => "○",
            Self::Unknown => "?",
            Self::Proven => "✓",
        }
    }

    fn class(self) -> &'static str {
        match self {
            Self::Failed => "failed",
            Self::Stale => "stale",
            Self::NotDrilled => "not_drilled",
            Self::Unknown => "unknown",
            Self::Proven => "proven",
        }
    }
}

/// Returns the page. The faults are those that are required, then the others.
pub fn page(report: &Report, require: &[String]) -> String {
    let mut modes: Vec<&str> = require.iter().map(String::as_str).collect();
    for fault in report.hosts.iter().flat_map(|host| &host.faults) {
        if !modes.contains(&fault.mode.as_str()) {
            modes.push(&fault.mode);
        }
    }
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { "Crash dumps of " (report.hosts.len()) " hosts" }
                style { (PreEscaped(STYLE)) }
            }
            body {
                header {
                    h1 { "Crash dumps of " (report.hosts.len()) " hosts" }
                    p .faint {
                        "For each fault, whether the newest drill on the host left a dump that names it, and \
                         whether that still holds. Made " (date(report.made_at)) "."
                    }
                    ul .totals {
                        @for state in State::ALL {
                            @if let Some(count) = report.totals.get(&state) {
                                li class=(state.class()) {
                                    b { (count) } (state.symbol()) " " (state.word().to_lowercase())
                                }
                            }
                        }
                    }
                }
                div .grid {
                    table {
                        thead {
                            tr {
                                th scope="col" { "host" }
                                @for mode in &modes { th scope="col" { code { (mode) } } }
                            }
                        }
                        tbody {
                            @for host in &report.hosts { (row(host, &modes)) }
                        }
                    }
                }
            }
        }
    };
    page.into_string()
}

fn row(host: &Host, modes: &[&str]) -> Markup {
    html! {
        tr {
            th scope="row" {
                span .(host.state.class()) title=(host.state.word().to_lowercase()) { (host.state.symbol()) }
                " " (host.host)
                @for note in &host.notes { p .small { (note) } }
            }
            @for mode in modes {
                td {
                    @for fault in host.faults.iter().filter(|fault| fault.mode == *mode) { (cell(fault)) }
                }
            }
        }
    }
}

fn cell(fault: &Fault) -> Markup {
    html! {
        div .cell.(fault.state.class()) {
            b { (fault.state.symbol()) " " (fault.state.word().to_lowercase()) }
            @if let Some(judged_at) = fault.judged_at {
                br; span .small { (date(judged_at)) }
            }
            @if let Some(detector) = &fault.detector {
                br; span .small {
                    (detector)
                    @if let Some(secs) = fault.latency_secs { ", after " (format!("{secs:.1}")) " s" }
                    @if let Some(bytes) = fault.dump_bytes { ", " (megabytes(bytes)) }
                }
            }
            @for why in &fault.why { p .small { (why) } }
        }
    }
}
