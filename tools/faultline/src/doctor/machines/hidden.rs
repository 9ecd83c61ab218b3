// SPDX-License-Identifier: GPL-2.0

//! What could not be seen is never taken for right: each file of a machine is hidden in turn, and no
//! class that would not leave a dump then would. Nonsense in a file harms nobody.

use super::Made;
use crate::doctor::answer::{Answer, Outcome};
use crate::doctor::examine;
use crate::fault::class::Classes;
use crate::system::{Record, Seen, System};

const MACHINES: &[&str] = &["debian-12", "debian-13", "debian-13-cloud", "fedora-43"];

/// A machine's record, and its answer.
fn recorded(name: &str) -> (Record, Answer) {
    let made = Made::of(name);
    let system = System::at(made.0.path()).unwrap();
    let answer = examine(&system, Classes::ALL);
    let record = system.record().clone();
    (record, answer)
}

fn worse_or_same(before: &Answer, after: &Answer, what: &str) {
    for (before, after) in before.classes.iter().zip(&after.classes) {
        if before.outcome == Outcome::WouldNot {
            let is_fine = matches!(after.outcome, Outcome::WouldWork | Outcome::Off);
            assert!(
                !is_fine,
                "{what} hidden: {}: {:?}",
                before.title, after.outcome
            );
        }
    }
}

#[test]
fn a_hidden_file_makes_nothing_right() {
    for name in MACHINES {
        let (record, answer) = recorded(name);
        let hidden = || "permission denied".to_string();
        for path in record.texts.keys() {
            let mut record = record.clone();
            record.texts.insert(path.clone(), Seen::Unseen(hidden()));
            worse_or_same(
                &answer,
                &examine(&System::replay(record), Classes::ALL),
                path,
            );
        }
        for path in record.lists.keys() {
            let mut record = record.clone();
            record.lists.insert(path.clone(), Seen::Unseen(hidden()));
            worse_or_same(
                &answer,
                &examine(&System::replay(record), Classes::ALL),
                path,
            );
        }
        for path in record.stats.keys() {
            let mut record = record.clone();
            record.stats.insert(path.clone(), Seen::Unseen(hidden()));
            worse_or_same(
                &answer,
                &examine(&System::replay(record), Classes::ALL),
                path,
            );
        }
    }
    let nothing = examine(&System::replay(Record::default()), Classes::ALL);
    assert_eq!(nothing.exit_status, 3);
    let works = nothing
        .classes
        .iter()
        .filter(|class| class.outcome == Outcome::WouldWork);
    assert_eq!(works.count(), 0);
}

#[test]
fn nonsense_harms_nobody() {
    let long = "x".repeat(1 << 16);
    let many = "a=\n".repeat(5_000);
    let texts = [
        "",
        "\0\u{fffd}\u{1b}[2J",
        "99999999999999999999999",
        "-1",
        "=\n[\n]\"'\\",
        "0-4294967295",
        &long,
        &many,
    ];
    for name in ["debian-13", "rhel-9", "opensuse-tumbleweed"] {
        let (record, _) = recorded(name);
        for text in texts {
            let mut record = record.clone();
            for seen in record.texts.values_mut() {
                *seen = Seen::Is(text.into());
            }
            record.log = Some(Seen::Is(text.into()));
            let answer = examine(&System::replay(record), Classes::ALL);
            let works = answer
                .classes
                .iter()
                .filter(|class| class.outcome == Outcome::WouldWork);
            assert_eq!(works.count(), 0, "{name}: {text:.20}");
        }
    }
}
