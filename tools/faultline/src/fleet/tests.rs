// SPDX-License-Identifier: GPL-2.0

//! Fleets of invented hosts.

use super::host::Fault;
use super::*;
use crate::ledger::tests::proof;
use crate::ledger::Proof;
use crate::verdict::stage::{Outcome, Stage};
use serde_json::{json, Value};
use std::fs;
use std::os::unix::fs::symlink;
use std::time::Instant;

const NOW: u64 = 1_795_000_300 + 86400;

fn terms(require: &[String]) -> Terms<'_> {
    Terms {
        require,
        max_age: None,
        now: NOW,
    }
}

fn document(newest: &[(&str, Proof)]) -> Value {
    let newest: Vec<_> = newest
        .iter()
        .map(|(holds, proof)| json!({ "holds": holds, "changed": [], "unknown": [], "proof": proof }))
        .collect();
    json!({ "schema": "faultline.status/1", "exit_status": 0, "newest": newest, "proofs": 1, "armed": null,
        "kdumpctl": null, "trouble": [] })
}

fn machine(id: &str, mode: &str) -> Proof {
    Proof {
        machine_id: id.into(),
        mode: mode.into(),
        ..proof("x")
    }
}

fn failed(id: &str) -> Proof {
    Proof {
        outcome: Outcome::Fail,
        stage: Stage::NotDetected,
        ..machine(id, "soft")
    }
}

/// A folder with these files.
fn folder(files: &[(&str, &Value)]) -> tempfile::TempDir {
    let dir = tempfile::tempdir_in("/dev/shm").unwrap();
    for (name, document) in files {
        fs::write(dir.path().join(name), document.to_string()).unwrap();
    }
    dir
}

fn report(dir: &tempfile::TempDir, terms: &Terms<'_>) -> Report {
    let files = read::files(dir.path()).unwrap().into_iter();
    let hosts = files.map(|(name, path)| Host::of(&name, read::document(&path), terms));
    Report::of(hosts.collect(), terms.now)
}

fn states(report: &Report) -> Vec<(&str, State)> {
    let hosts = report.hosts.iter();
    hosts.map(|host| (host.host.as_str(), host.state)).collect()
}

#[test]
fn the_worst_comes_first_and_decides() {
    let dir = folder(&[
        ("good.json", &document(&[("yes", machine("1", "soft"))])),
        ("old.json", &document(&[("no", machine("2", "soft"))])),
        (
            "unsure.json",
            &document(&[("unknown", machine("3", "soft"))]),
        ),
        (
            "bad.json",
            &document(&[("yes", machine("4", "hard")), ("yes", failed("4"))]),
        ),
        ("none.json", &document(&[])),
    ]);
    let whole = report(&dir, &terms(&[]));
    assert_eq!(
        states(&whole),
        [
            ("bad", State::Failed),
            ("old", State::Stale),
            ("none", State::NotDrilled),
            ("unsure", State::Unknown),
            ("good", State::Proven),
        ]
    );
    assert_eq!(whole.exit_status, 1);
    for (gone, exit_status) in [("bad", 1), ("old", 3), ("none", 3), ("unsure", 0)] {
        fs::remove_file(dir.path().join(format!("{gone}.json"))).unwrap();
        assert_eq!(report(&dir, &terms(&[])).exit_status, exit_status, "{gone}");
    }
}

#[test]
fn what_is_required_and_what_is_old() {
    let dir = folder(&[("one.json", &document(&[("yes", machine("1", "soft"))]))]);
    let require = ["soft".to_string(), "hard".to_string()];
    let missing = report(&dir, &terms(&require));
    assert_eq!(
        (missing.exit_status, missing.hosts[0].state),
        (3, State::NotDrilled)
    );
    // Others do not count.
    let dir = folder(&[(
        "one.json",
        &document(&[("yes", machine("1", "hard")), ("yes", failed("1"))]),
    )]);
    assert_eq!(report(&dir, &terms(&["hard".into()])).exit_status, 0);
    let dir = folder(&[("one.json", &document(&[("yes", machine("1", "soft"))]))]);
    let aged = |max_age, now| {
        let terms = Terms {
            max_age,
            now,
            ..terms(&[])
        };
        report(&dir, &terms).hosts.remove(0).faults.remove(0)
    };
    let why = |fault: Fault| (fault.state, fault.why.join("; "));
    assert_eq!(why(aged(Some(86400), NOW)), (State::Proven, String::new()));
    assert_eq!(
        why(aged(Some(86399), NOW)),
        (State::Stale, "it is 1day old, more than 23h 59m 59s".into())
    );
    let (state, told) = why(aged(None, 1_790_000_000));
    assert!(
        state == State::Unknown && told.contains("its clock is wrong"),
        "{told}"
    );
}

#[test]
fn what_cannot_be_read_is_unknown() {
    let good = document(&[("yes", machine("1", "soft"))]);
    let mut other = good.clone();
    other["schema"] = "faultline.status/2".into();
    let mut cut = good.clone();
    cut["trouble"] = json!(["its last line was cut short"]);
    let mut armed = good.clone();
    armed["armed"] = "run y is not judged yet".into();
    let dir = folder(&[
        ("real", &good),
        ("other.json", &other),
        ("cut.json", &cut),
        ("armed.json", &armed),
    ]);
    fs::write(dir.path().join("empty.json"), "").unwrap();
    fs::write(dir.path().join("garbage.json"), "{\"schema\":").unwrap();
    fs::write(dir.path().join("large.json"), " ".repeat(9 << 20)).unwrap();
    fs::create_dir(dir.path().join("folder.json")).unwrap();
    symlink("real", dir.path().join("link.json")).unwrap();
    rustix::fs::mknodat(
        rustix::fs::CWD,
        dir.path().join("pipe.json"),
        rustix::fs::FileType::Fifo,
        rustix::fs::Mode::RUSR,
        0,
    )
    .unwrap();
    let report = report(&dir, &terms(&[]));
    assert_eq!(report.hosts.len(), 9);
    for host in &report.hosts {
        assert_eq!(host.state, State::Unknown, "{host:?}");
        assert!(!host.notes.is_empty(), "{host:?}");
    }
    assert_eq!(report.exit_status, 3);
}

#[test]
fn one_machine_by_two_names() {
    let same = document(&[("yes", machine("1", "soft"))]);
    let dir = folder(&[("one.json", &same), ("two.json", &same)]);
    let report = report(&dir, &terms(&[]));
    assert_eq!(report.exit_status, 3);
    assert_eq!(
        report.hosts[0].notes,
        ["its machine id is also that of two"]
    );
}

#[test]
fn names_of_hosts() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("hosts");
    fs::write(&path, "# all\none\n\ntwo # the second\none\n").unwrap();
    assert_eq!(read::names(&path).unwrap(), ["one", "two"]);
    for wrong in ["", "# none", "one two", "../one"] {
        fs::write(&path, wrong).unwrap();
        assert!(read::names(&path).is_err(), "{wrong}");
    }
    assert!(read::files(dir.path()).is_err());
}

#[test]
fn text_from_other_machines() {
    let mut evil = failed("1");
    evil.summary = "\u{1b}[2J<script>alert(1)</script>\u{202e}".into();
    let dir = folder(&[("one.json", &document(&[("yes", evil)]))]);
    let report = report(&dir, &terms(&[]));
    let text = text::of(&report);
    assert!(
        text.contains("\\x1b[2J<script>") && !text.contains('\u{1b}'),
        "{text}"
    );
    assert!(
        text.lines().all(|line| line.chars().count() <= 80),
        "{text}"
    );
    let page = html::page(&report, &[]);
    assert!(page.contains("&lt;script&gt;") && !page.contains("<script"));
}

#[test]
fn the_schema_is_that_of_the_report() {
    let dir = folder(&[
        ("one.json", &document(&[("yes", machine("1", "soft"))])),
        ("two.json", &document(&[])),
    ]);
    fs::write(dir.path().join("three.json"), "x").unwrap();
    let report = report(&dir, &terms(&["soft".into()]));
    let document = serde_json::to_value(&report).unwrap();
    assert_eq!(
        crate::schema::complaint("fleet.schema.json", &document),
        None
    );
    let mut other = document.clone();
    other["hosts"][0]["state"] = "fine".into();
    assert!(crate::schema::complaint("fleet.schema.json", &other).is_some());
}

#[test]
fn a_thousand_hosts() {
    let dir = tempfile::tempdir_in("/dev/shm").unwrap();
    for host in 0..1000 {
        let id = host.to_string();
        let soft = if host % 100 == 7 {
            failed(&id)
        } else {
            machine(&id, "soft")
        };
        let newest = [
            ("yes", soft),
            ("yes", machine(&id, "hard")),
            ("yes", machine(&id, "hung")),
        ];
        fs::write(
            dir.path().join(format!("host{host:03}.json")),
            document(&newest).to_string(),
        )
        .unwrap();
    }
    let start = Instant::now();
    let report = report(&dir, &terms(&[]));
    let page = html::page(&report, &[]);
    assert!(
        start.elapsed() < Duration::from_secs(10),
        "{:?}",
        start.elapsed()
    );
    assert_eq!(report.totals[&State::Failed], 10);
    assert_eq!(report.totals[&State::Proven], 990);
    assert_eq!(page.matches("<th scope=\"row\">").count(), 1000);
}
