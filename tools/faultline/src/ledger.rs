// SPDX-License-Identifier: GPL-2.0

//! The ledger: what drills on this machine have proven, one line of JSON per drill. Its schema is
//! `docs/ledger.schema.json`.
//!
//! A line is on the disk before the call that appends it returns. A loss of power may leave a
//! partial line: it is reported until the next line is appended, which moves it to [`TORN`]. It
//! never hides the lines before it.

pub mod fingerprint;
mod monitor;
pub mod status;

use crate::files::store::Store;
use crate::verdict::expected::Latency;
use crate::verdict::stage::{Outcome, Stage};
use anyhow::Context;
use fingerprint::Fingerprint;
use rustix::fs::OFlags;
use serde::{Deserialize, Serialize};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::PathBuf;

/// The schema of a line.
pub const SCHEMA: &str = "faultline.ledger/1";
/// The file's name.
pub const NAME: &str = "ledger.jsonl";
/// The file that keeps partial lines.
pub const TORN: &str = "ledger.torn";

/// One drill and its result.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Proof {
    pub schema: String,
    pub run_id: String,
    pub mode: String,
    pub detector: String,
    /// The policy: `panic` or `report`.
    pub policy: String,
    /// The module's parameters.
    pub parameters: String,
    /// The module's file.
    pub module: PathBuf,
    /// The settings of `--set`, as KEY=VALUE.
    pub set: Vec<String>,
    /// Whether the machine did what that policy demands.
    pub outcome: Outcome,
    pub stage: Stage,
    pub summary: String,
    pub advice: String,
    pub evidence: Vec<String>,
    /// The checks of the verdict that did not pass.
    pub failed_checks: Vec<String>,
    pub latency: Option<Latency>,
    pub dump: Option<DumpRecord>,
    /// Whether the machine was rebooted between the fault and the verdict.
    pub rebooted: bool,
    /// When the drill was armed and when it was judged, in seconds since 1970.
    pub armed_at: u64,
    pub judged_at: u64,
    pub host: String,
    pub machine_id: String,
    /// The boot with the fault, and the one in which it was judged.
    pub boot_id: String,
    pub judged_boot_id: String,
    /// The program's version.
    pub program: String,
    /// The overridden findings of the doctor.
    pub overridden: Vec<String>,
    pub fingerprint: Fingerprint,
}

/// A dump as it was when it was judged.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DumpRecord {
    pub path: PathBuf,
    pub bytes: u64,
    pub pages: Option<u64>,
    /// The time of its last change, in seconds since 1970.
    pub taken_at: u64,
}

/// The contents of the ledger.
#[derive(Debug, Default, PartialEq)]
pub struct Ledger {
    /// Oldest first.
    pub proofs: Vec<Proof>,
    /// Sentences that say what could not be read.
    pub trouble: Vec<String>,
}

impl Ledger {
    /// Reads the ledger, which need not exist.
    pub fn read(store: &Store) -> anyhow::Result<Self> {
        let mut ledger = Self::parse(&store.read(NAME)?.unwrap_or_default());
        if let Some(torn) = store.read(TORN)?.filter(|torn| !torn.is_empty()) {
            ledger.trouble.push(format!(
                "{}: {} bytes of lines that a crash or a loss of power cut short; look at them, \
                 and remove the file",
                store.path().join(TORN).display(),
                torn.len()
            ));
        }
        Ok(ledger)
    }

    /// Parses the ledger.
    pub fn parse(bytes: &[u8]) -> Self {
        let mut ledger = Ledger::default();
        let (whole, tail) = split(bytes);
        let tail = (!tail.is_empty()).then_some(tail);
        let lines = whole
            .split(|byte| *byte == b'\n')
            .filter(|line| !line.is_empty());
        for (at, line) in lines.chain(tail).enumerate() {
            match parse_line(line) {
                Ok(proof) => ledger.proofs.push(proof),
                Err(_) if Some(line) == tail => ledger.trouble.push(format!(
                    "its last line ends after {} bytes, cut off by a crash or a loss of power",
                    line.len()
                )),
                Err(error) => ledger
                    .trouble
                    .push(format!("line {} cannot be read: {error:#}", at + 1)),
            }
        }
        ledger
    }

    /// Appends a line.
    pub fn append(store: &Store, proof: &Proof) -> anyhow::Result<()> {
        let shown = store.path().join(NAME);
        let failed = || format!("{} cannot be written", shown.display());
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::APPEND;
        let mut file = store.open_file(NAME, flags).with_context(failed)?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).with_context(failed)?;
        let (whole, tail) = split(&bytes);
        if parse_line(tail).is_ok() {
            // Only the newline is missing.
            file.write_all(b"\n").with_context(failed)?;
        } else if !tail.is_empty() {
            keep_aside(store, tail)?;
            file.set_len(whole.len() as u64).with_context(failed)?;
            file.seek(SeekFrom::End(0))?;
            file.sync_all().with_context(failed)?;
        }
        let line = serde_json::to_string(proof)? + "\n";
        file.write_all(line.as_bytes()).with_context(failed)?;
        file.sync_all().with_context(failed)?;
        store.sync()
    }
}

/// Splits the bytes into complete lines and the rest.
fn split(bytes: &[u8]) -> (&[u8], &[u8]) {
    let end = bytes.iter().rposition(|byte| *byte == b'\n');
    bytes.split_at(end.map_or(0, |end| end + 1))
}

fn parse_line(line: &[u8]) -> anyhow::Result<Proof> {
    let proof: Proof = serde_json::from_slice(line)?;
    anyhow::ensure!(
        proof.schema == SCHEMA,
        "its schema is {}, expected {SCHEMA}",
        proof.schema
    );
    Ok(proof)
}

/// Keeps a partial line.
fn keep_aside(store: &Store, tail: &[u8]) -> anyhow::Result<()> {
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::APPEND;
    let mut file = store.open_file(TORN, flags)?;
    file.write_all(&[tail, b"\n"].concat())?;
    file.sync_all()?;
    store.sync()
}

#[cfg(test)]
pub mod tests {
    use super::*;
    use crate::files::store::tests::me;

    pub fn proof(run_id: &str) -> Proof {
        Proof {
            schema: SCHEMA.into(),
            run_id: run_id.into(),
            mode: "soft".into(),
            detector: "soft-lockup".into(),
            policy: "panic".into(),
            parameters: format!("mode=soft run_id={run_id}"),
            module: "/lib/modules/6.12/updates/lockup.ko".into(),
            set: vec!["kernel.softlockup_panic=1".into()],
            outcome: Outcome::Pass,
            stage: Stage::Pass,
            summary: "a soft lockup, \"quoted\"\nin two lines".into(),
            advice: String::new(),
            evidence: Vec::new(),
            failed_checks: Vec::new(),
            latency: Some(Latency {
                secs: 26.6,
                threshold: Some(10),
                window: Some(crate::fault::window::soft_lockup(10)),
            }),
            dump: Some(DumpRecord {
                path: "/var/crash/202611281200/dump.202611281200".into(),
                bytes: 106_000_000,
                pages: Some(52000),
                taken_at: 1_795_000_100,
            }),
            rebooted: true,
            armed_at: 1_795_000_000,
            judged_at: 1_795_000_300,
            host: "server".into(),
            machine_id: "0123".into(),
            boot_id: "a".into(),
            judged_boot_id: "b".into(),
            program: "0.1.0".into(),
            overridden: Vec::new(),
            fingerprint: Fingerprint::default(),
        }
    }

    /// In memory, where thousands of fsyncs cost nothing.
    fn store() -> (tempfile::TempDir, Store) {
        let dir = tempfile::tempdir_in("/dev/shm").unwrap();
        let store = Store::open(dir.path(), me()).unwrap();
        (dir, store)
    }

    #[test]
    fn a_loss_of_power_at_every_byte() {
        let (dir, store) = store();
        let file = dir.path().join(NAME);
        for id in ["one", "two"] {
            Ledger::append(&store, &proof(id)).unwrap();
        }
        let whole = std::fs::read(&file).unwrap();
        let first = whole.iter().position(|byte| *byte == b'\n').unwrap() + 1;
        let ids = |ledger: &Ledger| {
            let ids = ledger.proofs.iter().map(|proof| proof.run_id.clone());
            ids.collect::<Vec<_>>()
        };
        for length in first..=whole.len() {
            // What is missing may be gone, or come back as zeros.
            for zeros in [false, true] {
                let mut cut = whole[..length].to_vec();
                if zeros {
                    cut.resize(whole.len(), 0);
                }
                let told = format!("{length} bytes of {}, zeros: {zeros}", whole.len());
                std::fs::write(&file, &cut).unwrap();
                let _ = std::fs::remove_file(dir.path().join(TORN));
                let read = Ledger::read(&store).unwrap();
                let is_whole = length + 1 >= whole.len() && (!zeros || length == whole.len());
                let is_cut = !is_whole && cut.len() > first;
                assert_eq!(read.proofs.len(), 1 + usize::from(is_whole), "{told}");
                assert_eq!(read.trouble.len(), usize::from(is_cut), "{told}");
                Ledger::append(&store, &proof("three")).unwrap();
                let read = Ledger::read(&store).unwrap();
                let expected: &[&str] = match is_whole {
                    true => &["one", "two", "three"],
                    false => &["one", "three"],
                };
                assert_eq!(ids(&read), expected, "{told}");
                // What was cut short is kept, and still told of.
                assert_eq!(read.trouble.len(), usize::from(is_cut), "{told}");
                let torn = store.read(TORN).unwrap().unwrap_or_default();
                let kept = torn.strip_suffix(b"\n").unwrap_or_default();
                assert_eq!(kept, if is_cut { &cut[first..] } else { &[] }, "{told}");
            }
        }
    }

    #[test]
    fn the_schema_is_that_of_the_lines() {
        let complaint = |proof: &Proof| {
            let document = serde_json::to_value(proof).unwrap();
            crate::schema::complaint("ledger.schema.json", &document)
        };
        let mut one = proof("x");
        one.fingerprint.0.insert("makedumpfile".into(), None);
        assert_eq!(complaint(&one), None);
        one.latency = None;
        one.dump = None;
        one.outcome = Outcome::Fail;
        one.stage = Stage::CrashKernelOutOfMemory;
        assert_eq!(complaint(&one), None);
        one.schema = "faultline.ledger/2".into();
        assert!(complaint(&one).is_some());
    }

    #[test]
    fn a_damaged_line_does_not_hide_the_others() {
        let line = |proof: &Proof| serde_json::to_string(proof).unwrap() + "\n";
        let mut other = proof("other");
        other.schema = "faultline.ledger/9".into();
        let text = line(&proof("one")) + "garbage\n" + &line(&other) + &line(&proof("two"));
        let ledger = Ledger::parse(text.as_bytes());
        assert_eq!(ledger.proofs.len(), 2);
        assert_eq!(ledger.proofs[1], proof("two"));
        assert!(ledger.trouble[0].starts_with("line 2 "), "{ledger:?}");
        assert!(
            ledger.trouble[1].contains("faultline.ledger/9"),
            "{ledger:?}"
        );
        assert_eq!(Ledger::parse(b""), Ledger::default());
    }
}
