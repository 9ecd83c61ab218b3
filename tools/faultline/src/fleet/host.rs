// SPDX-License-Identifier: GPL-2.0

//! A host of the fleet: what the newest proof of each fault is worth.

use super::read::{Document, Newest};
use crate::ledger::status::{date, Holds};
use crate::verdict::stage::Outcome;
use serde::Serialize;
use std::collections::BTreeMap;
use std::time::Duration;

/// What is known of a fault on a host, or of a host. The worst first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// The drill failed.
    Failed,
    /// It passed, and something has changed since, or it is too old.
    Stale,
    /// It is required, and there is none.
    NotDrilled,
    /// The drill could not be judged, or whether the proof holds is not known.
    Unknown,
    /// It passed, and holds.
    Proven,
}

impl State {
    pub const ALL: [Self; 5] = [
        Self::Failed,
        Self::Stale,
        Self::NotDrilled,
        Self::Unknown,
        Self::Proven,
    ];

    /// Its name for people; what needs attention is in capitals.
    pub fn word(self) -> &'static str {
        match self {
            Self::Failed => "FAILED",
            Self::Stale => "STALE",
            Self::NotDrilled => "NOT DRILLED",
            Self::Unknown => "unknown",
            Self::Proven => "proven",
        }
    }
}

/// What a proof has to be.
pub struct Terms<'a> {
    /// The modes that have to be proven; none: those that were drilled.
    pub require: &'a [String],
    /// In seconds.
    pub max_age: Option<u64>,
    /// In seconds since 1970.
    pub now: u64,
}

/// A host.
#[derive(Debug, Serialize)]
pub struct Host {
    /// The name of its file.
    pub host: String,
    /// That of its worst fault.
    pub state: State,
    pub machine_id: Option<String>,
    pub faults: Vec<Fault>,
    /// What is to be known of it as a whole.
    pub notes: Vec<String>,
}

/// A fault, by what reports it and what the machine is to do then.
#[derive(Debug, Serialize)]
pub struct Fault {
    pub mode: String,
    pub detector: Option<String>,
    pub policy: Option<String>,
    pub state: State,
    /// In seconds since 1970.
    pub judged_at: Option<u64>,
    pub run_id: Option<String>,
    pub latency_secs: Option<f64>,
    pub dump_bytes: Option<u64>,
    /// Why it is not proven.
    pub why: Vec<String>,
}

/// How far a host's clock may be ahead of ours.
const AHEAD: u64 = 3600;

impl Host {
    /// The host with that document.
    pub fn of(name: &str, document: anyhow::Result<Document>, terms: &Terms<'_>) -> Self {
        let document = match document {
            Ok(document) => document,
            Err(error) => {
                return Host {
                    notes: vec![format!("its file cannot be used: {error:#}")],
                    ..Host::absent(name)
                }
            }
        };
        let wanted = |newest: &&Newest| {
            terms.require.is_empty() || terms.require.contains(&newest.proof.mode)
        };
        let newest = document.newest.iter().filter(wanted);
        let mut faults: Vec<_> = newest.map(|newest| Fault::of(newest, terms)).collect();
        for mode in terms.require {
            if !faults.iter().any(|fault| fault.mode == *mode) {
                faults.push(Fault::not_drilled(mode));
            }
        }
        let mut notes = document.trouble;
        notes.extend(document.armed);
        let worst = faults.iter().map(|fault| fault.state).min();
        // What could not be read may hide anything.
        let state = match worst {
            None => State::NotDrilled,
            Some(State::Proven) if !notes.is_empty() => State::Unknown,
            Some(worst) => worst,
        };
        let machine = document.newest.first();
        Host {
            host: name.into(),
            state,
            machine_id: machine.map(|newest| newest.proof.machine_id.clone()),
            faults,
            notes,
        }
    }

    /// One of which there is no file.
    pub fn absent(name: &str) -> Self {
        Host {
            host: name.into(),
            state: State::Unknown,
            machine_id: None,
            faults: Vec::new(),
            notes: vec!["there is no file of it".into()],
        }
    }
}

impl Fault {
    fn of(newest: &Newest, terms: &Terms<'_>) -> Self {
        let proof = &newest.proof;
        let mut why = Vec::new();
        let mut state = match (proof.outcome, newest.holds) {
            (Outcome::Fail, _) => State::Failed,
            (Outcome::Pass, Holds::Yes) => State::Proven,
            (Outcome::Pass, Holds::No) => State::Stale,
            (Outcome::Unknown, _) | (Outcome::Pass, Holds::Unknown) => State::Unknown,
        };
        if proof.outcome != Outcome::Pass {
            why.push(format!("{}: {}", proof.stage.title(), proof.summary));
        }
        why.extend(
            newest
                .changed
                .iter()
                .map(|change| format!("since then: {change}")),
        );
        let unknown = newest.unknown.iter();
        why.extend(unknown.map(|what| format!("{what} could not be read, then or now")));
        if proof.judged_at > terms.now.saturating_add(AHEAD) {
            why.push(format!(
                "it is of {}, which is to come: its clock is wrong",
                date(proof.judged_at)
            ));
            state = state.min(State::Unknown);
        }
        let age = terms.now.saturating_sub(proof.judged_at);
        if let Some(max) = terms.max_age.filter(|max| age > *max) {
            let shown = |secs| humantime::format_duration(Duration::from_secs(secs));
            let whole = |secs: u64| secs - secs % if secs > 86400 { 86400 } else { 60 };
            why.push(format!(
                "it is {} old, more than {}",
                shown(whole(age)),
                shown(max)
            ));
            state = state.min(State::Stale);
        }
        Fault {
            mode: proof.mode.clone(),
            detector: Some(proof.detector.clone()),
            policy: Some(proof.policy.clone()),
            state,
            judged_at: Some(proof.judged_at),
            run_id: Some(proof.run_id.clone()),
            latency_secs: proof.latency.as_ref().map(|latency| latency.secs),
            dump_bytes: proof.dump.as_ref().map(|dump| dump.bytes),
            why,
        }
    }

    fn not_drilled(mode: &str) -> Self {
        Fault {
            mode: mode.into(),
            detector: None,
            policy: None,
            state: State::NotDrilled,
            judged_at: None,
            run_id: None,
            latency_secs: None,
            dump_bytes: None,
            why: vec!["it is required, and was not drilled".into()],
        }
    }
}

/// Notes which hosts are one machine by two names: one of the files is not what it seems.
pub fn tell_twins(hosts: &mut [Host]) {
    let mut names: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for host in hosts.iter() {
        if let Some(id) = &host.machine_id {
            names.entry(id.clone()).or_default().push(host.host.clone());
        }
    }
    for host in hosts {
        let id = host.machine_id.as_ref();
        let Some(same) = id
            .and_then(|id| names.get(id))
            .filter(|same| same.len() > 1)
        else {
            continue;
        };
        let others: Vec<_> = same
            .iter()
            .filter(|name| **name != host.host)
            .take(3)
            .cloned()
            .collect();
        host.notes.push(format!(
            "its machine id is also that of {}",
            others.join(", ")
        ));
        host.state = host.state.min(State::Unknown);
    }
}
