// SPDX-License-Identifier: GPL-2.0

//! `drill status`: the newest proof of each fault, and whether what it depends on is unchanged.

use super::fingerprint::{version_of, Changes, Fingerprint};
use super::{monitor, Ledger, Proof};
use crate::fault::case::Case;
use crate::fault::mode;
use crate::files::store::{self, Store};
use crate::here::args::StatusArgs;
use crate::here::state::Found;
use crate::prometheus;
use crate::run::plan::Policy;
use crate::run::timeline::megabytes;
use crate::terminal::layout::{painted, wrapped, BAD, DOUBT, GOOD};
use crate::terminal::{escape, out};
use crate::verdict::stage::Outcome;
use serde::{Deserialize, Serialize};
use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The schema of the document.
const SCHEMA: &str = "faultline.status/1";
/// Where kdump-utils keeps the result of `kdumpctl test`.
const KDUMPCTL: &str = "/var/lib/kdump/vmcore-creation.status";

/// The words that lines of the text begin with.
const WORDS: [(&str, anstyle::Style); 5] = [
    ("proven", GOOD),
    ("STALE", BAD),
    ("FAILED", BAD),
    ("unsure", DOUBT),
    ("unknown", DOUBT),
];

/// The validity of a proof.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Holds {
    Yes,
    /// Something that it depends on has changed.
    No,
    /// Something that it depends on could not be read, then or now.
    Unknown,
}

/// The newest proof of a fault.
#[derive(Debug, Serialize)]
pub struct Newest<'p> {
    holds: Holds,
    changed: Vec<String>,
    unknown: Vec<String>,
    pub proof: &'p Proof,
}

/// What the newest proof of a fault is worth now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Worth {
    /// It passed, and holds.
    Proven,
    /// It passed, and something that it depends on has changed since.
    Stale,
    /// It passed, and something that it depends on could not be read, then or now.
    Unsure,
    Failed,
    /// The drill could not tell.
    Unknown,
}

impl Worth {
    pub const ALL: [Worth; 5] = [
        Worth::Proven,
        Worth::Stale,
        Worth::Unsure,
        Worth::Failed,
        Worth::Unknown,
    ];

    pub fn word(self) -> &'static str {
        match self {
            Self::Proven => "proven",
            Self::Stale => "stale",
            Self::Unsure => "unsure",
            Self::Failed => "failed",
            Self::Unknown => "unknown",
        }
    }
}

impl Newest<'_> {
    pub fn worth(&self) -> Worth {
        match (self.proof.outcome, self.holds) {
            (Outcome::Fail, _) => Worth::Failed,
            (Outcome::Unknown, _) => Worth::Unknown,
            (Outcome::Pass, Holds::Yes) => Worth::Proven,
            (Outcome::Pass, Holds::No) => Worth::Stale,
            (Outcome::Pass, Holds::Unknown) => Worth::Unsure,
        }
    }
}

/// The document.
#[derive(Debug, Serialize)]
pub struct Status<'p> {
    schema: &'static str,
    pub exit_status: u8,
    pub newest: Vec<Newest<'p>>,
    /// The number of all proofs.
    pub proofs: usize,
    /// A drill that is not judged yet.
    pub armed: Option<String>,
    /// The result of `kdumpctl test`.
    kdumpctl: Option<String>,
    /// What could not be read.
    pub trouble: Vec<String>,
}

/// Shows what was proven on this machine.
pub fn run(args: &StatusArgs) -> anyhow::Result<ExitCode> {
    prometheus::check(&args.prometheus, args.json)?;
    let store = Store::existing(Path::new(store::PLACE), 0)?;
    let (ledger, armed) = match &store {
        Some(store) => (Ledger::read(store)?, Found::read(store)?),
        None => (Ledger::default(), Found::Nothing),
    };
    let kdumpctl = std::fs::read_to_string(KDUMPCTL).ok();
    let now = |proof: &Proof, case: Case| {
        let policy = match proof.policy == Policy::Panic.word() {
            true => Policy::Panic,
            false => Policy::Report,
        };
        let module = Some(proof.module.as_path());
        Fingerprint::take(Path::new("/"), case, policy, module, &version_of)
    };
    let status = status(&ledger, &armed, kdumpctl.as_deref(), &now);
    if let Some(Some(path)) = &args.prometheus {
        prometheus::write(&monitor::prometheus(&status, prometheus::now()), path)?;
    }
    let text = match args.prometheus {
        Some(None) => monitor::prometheus(&status, prometheus::now())
            .text()
            .into(),
        _ if args.json => escape::json(&serde_json::to_string_pretty(&status)?).into_owned() + "\n",
        _ => {
            let text = escape::text(&status.for_people()).into_owned();
            match out::colour() {
                true => painted(&text, &WORDS),
                false => text,
            }
        }
    };
    out::print(&text)?;
    Ok(ExitCode::from(status.exit_status))
}

/// Makes the document. `now` takes the current fingerprint of a case.
fn status<'p>(
    ledger: &'p Ledger,
    armed: &Found,
    kdumpctl: Option<&str>,
    now: &dyn Fn(&Proof, Case) -> Fingerprint,
) -> Status<'p> {
    let mut trouble = ledger.trouble.clone();
    let mut newest: Vec<Newest<'_>> = Vec::new();
    for proof in ledger.proofs.iter().rev() {
        let is_same = |other: &Newest<'_>| {
            let (other, proof) = (other.proof, proof);
            (&other.mode, &other.detector, &other.policy)
                == (&proof.mode, &proof.detector, &proof.policy)
        };
        if newest.iter().any(is_same) {
            continue;
        }
        let case = mode::find(&proof.mode).and_then(|mode| Case::insisting(mode, &proof.detector));
        let changes = match case {
            Some(case) => proof.fingerprint.changes(&now(proof, case)),
            None => Changes {
                changed: Vec::new(),
                unknown: vec![format!("mode {}", proof.mode)],
            },
        };
        newest.push(Newest {
            holds: match (changes.changed.is_empty(), changes.unknown.is_empty()) {
                (false, _) => Holds::No,
                (true, false) => Holds::Unknown,
                (true, true) => Holds::Yes,
            },
            changed: changes.changed,
            unknown: changes.unknown,
            proof,
        });
    }
    newest.reverse();
    let armed = match armed {
        Found::Nothing => None,
        Found::Armed(armed) => Some(format!(
            "run {} ({}), armed {}, is not judged yet: run 'faultline drill resume'",
            armed.run_id,
            armed.mode,
            date(armed.armed_at)
        )),
        Found::Broken(why) => {
            trouble.push(why.clone());
            None
        }
    };
    let is_bad = |one: &Newest<'_>| one.proof.outcome == Outcome::Fail || one.holds == Holds::No;
    let is_open =
        |one: &Newest<'_>| one.proof.outcome == Outcome::Unknown || one.holds == Holds::Unknown;
    let exit_status = match () {
        () if newest.iter().any(is_bad) => 1,
        () if newest.is_empty() || !trouble.is_empty() || newest.iter().any(is_open) => 3,
        () if armed.is_some() => 3,
        () => 0,
    };
    Status {
        schema: SCHEMA,
        exit_status,
        newest,
        proofs: ledger.proofs.len(),
        armed,
        kdumpctl: kdumpctl.and_then(test_of_kdumpctl),
        trouble,
    }
}

/// Parses a line like `success kdump_test_id=1795000000-123456789`.
fn test_of_kdumpctl(text: &str) -> Option<String> {
    let mut words = text.split_whitespace();
    let status = words.next()?;
    let id = words
        .next()
        .unwrap_or("")
        .trim_start_matches("kdump_test_id=");
    let secs = id.split('-').next().and_then(|secs| secs.parse().ok());
    let at = secs.map_or(String::new(), |secs| format!(", {}", date(secs)));
    Some(format!(
        "kdumpctl test: {status}{at} (a dump of a sysrq crash, not of a detected fault)"
    ))
}

/// Returns the time now, in seconds since 1970.
pub fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| since.as_secs())
}

/// Formats seconds since 1970 as a date.
pub fn date(secs: u64) -> String {
    let time = UNIX_EPOCH.checked_add(Duration::from_secs(secs));
    let text = time.map(|time| humantime::format_rfc3339_seconds(time).to_string());
    text.map_or("at an unknown time".into(), |text| {
        text.replace('T', " ").replace('Z', " UTC")
    })
}

impl Status<'_> {
    fn for_people(&self) -> String {
        let mut text = String::new();
        for one in &self.newest {
            let proof = one.proof;
            let word = match one.worth() {
                worth @ (Worth::Failed | Worth::Stale) => worth.word().to_uppercase(),
                worth => worth.word().into(),
            };
            let dump = proof
                .dump
                .as_ref()
                .map(|dump| format!(", dump {}", megabytes(dump.bytes)));
            let latency = proof.latency.as_ref();
            let latency = latency.map(|latency| format!(", after {:.1} s", latency.secs));
            let lead = format!("{word:<8} {:<14} ", proof.mode);
            let told = format!(
                "{}, {} ({}){}{}, run {}",
                date(proof.judged_at),
                proof.detector,
                proof.policy,
                latency.unwrap_or_default(),
                dump.unwrap_or_default(),
                proof.run_id
            );
            text += &wrapped(&lead, &told);
            if proof.outcome != Outcome::Pass {
                let why = format!("{}: {}", proof.stage.title(), proof.summary);
                text += &wrapped("           ", &why);
            }
            for change in &one.changed {
                text += &wrapped("           since then: ", change);
            }
            for what in &one.unknown {
                let told = format!("{what} could not be read, then or now");
                text += &wrapped("           unknown: ", &told);
            }
            if let Some(dump) = &proof.dump {
                text += &format!("           {}\n", dump.path.display());
            }
        }
        if self.newest.is_empty() {
            text += "Nothing was drilled on this machine.\n";
        }
        let notes = self.armed.iter().chain(&self.kdumpctl).chain(&self.trouble);
        for note in notes {
            text += &wrapped("", note);
        }
        text
    }
}

#[cfg(test)]
pub mod tests {
    use super::super::tests::proof;
    use super::*;
    use crate::here::state::tests::armed;
    use crate::verdict::stage::Stage;

    fn with(value: &str) -> Fingerprint {
        let entry = (
            "kernel.softlockup_panic".to_string(),
            Some(value.to_string()),
        );
        Fingerprint([entry].into())
    }

    fn told(proofs: Vec<Proof>, now: &str) -> (u8, String) {
        let ledger = Ledger {
            proofs,
            trouble: Vec::new(),
        };
        let status = status(&ledger, &Found::Nothing, None, &|_, _| with(now));
        (status.exit_status, status.for_people())
    }

    /// Returns the status of a ledger, with this value of all that its proofs depend on.
    pub fn status_of<'p>(ledger: &'p Ledger, now: &str) -> Status<'p> {
        status(ledger, &Found::Nothing, None, &|_, _| with(now))
    }

    pub fn proven(run_id: &str) -> Proof {
        Proof {
            fingerprint: with("1"),
            ..proof(run_id)
        }
    }

    #[test]
    fn what_holds_and_what_does_not() {
        let (code, text) = told(vec![proven("x")], "1");
        assert!(code == 0 && text.starts_with("proven   soft"), "{text}");
        let (code, text) = told(vec![proven("x")], "0");
        assert!(code == 1 && text.starts_with("STALE"), "{text}");
        let change = "since then: kernel.softlockup_panic was 1, is 0";
        assert!(text.contains(change), "{text}");
        let mut open = proven("x");
        open.fingerprint.0.insert("makedumpfile".into(), None);
        let (code, text) = told(vec![open], "1");
        assert!(code == 3 && text.starts_with("unsure"), "{text}");
        let (code, text) = told(Vec::new(), "1");
        assert!(
            code == 3 && text.starts_with("Nothing was drilled"),
            "{text}"
        );
    }

    #[test]
    fn the_newest_of_each_fault_counts() {
        let mut failed = proven("old");
        failed.outcome = Outcome::Fail;
        failed.stage = Stage::NotDetected;
        let (code, text) = told(vec![failed.clone(), proven("new")], "1");
        assert!(code == 0 && !text.contains("old"), "{text}");
        let (code, text) = told(vec![proven("new"), failed.clone()], "1");
        assert!(code == 1 && text.contains("not detected: "), "{text}");
        // Another fault is another matter.
        failed.mode = "hung".into();
        failed.detector = "hung-task".into();
        assert_eq!(told(vec![failed, proven("new")], "1").0, 1);
    }

    #[test]
    fn what_is_not_a_proof_is_told() {
        let ledger = Ledger {
            proofs: vec![proven("x")],
            trouble: vec!["its last line was cut short".into()],
        };
        let record = "success kdump_test_id=1795000000-123456789\n";
        let found = Found::Armed(Box::new(armed("y")));
        let status = status(&ledger, &found, Some(record), &|_, _| with("1"));
        let text = status.for_people();
        assert_eq!(status.exit_status, 3);
        for part in [
            "its last line was cut short",
            "run y (soft), armed 2026-11-18 11:06:40 UTC",
            "kdumpctl test: success, 2026-11-18 11:06:40 UTC",
        ] {
            assert!(text.replace("\n", " ").contains(part), "{part}: {text}");
        }
    }
}
