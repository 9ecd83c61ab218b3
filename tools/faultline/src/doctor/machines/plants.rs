// SPDX-License-Identifier: GPL-2.0

//! Misconfigurations planted in a machine that is set up well: each is found, by file and line,
//! with the stage that a drill would end in, and nothing else in the answer changes.
//!
//! The table is `tests/machines/plants`, with the commands that plant each: they work on a recorded
//! machine's tree and on a real machine as well.

use super::{counts, directory, lines, Made};
use crate::doctor::answer::Answer;
use crate::doctor::finding::{Finding, State};
use std::collections::BTreeSet;
use std::fs;
use std::process::Command;

/// A row of the table.
struct Plant {
    name: String,
    commands: Vec<String>,
    /// Each finding that is expected: state, check, stage, place.
    expected: Vec<[String; 4]>,
    /// Findings that go: state, check.
    gone: Vec<[String; 2]>,
    /// The stage that a drill of it ends in on a real machine.
    drill: Option<String>,
}

fn table() -> Vec<Plant> {
    let text = fs::read_to_string(directory().join("plants")).unwrap();
    let mut plants: Vec<Plant> = Vec::new();
    for line in text
        .lines()
        .filter(|line| !line.starts_with('#') && !line.trim().is_empty())
    {
        match line.split_once(' ') {
            Some(("plant", name)) => plants.push(Plant {
                name: name.to_owned(),
                commands: Vec::new(),
                expected: Vec::new(),
                gone: Vec::new(),
                drill: None,
            }),
            Some(("do", command)) | Some(("tree", command)) => {
                plants.last_mut().unwrap().commands.push(command.to_owned())
            }
            // For a real machine only.
            Some(("live" | "live-find" | "back" | "shows", _)) => {}
            Some(("drill", words)) => {
                let stage = words.split_ascii_whitespace().next().map(str::to_owned);
                plants.last_mut().unwrap().drill = stage;
            }
            None if line == "once" => {}
            Some(("find" | "tree-find", words)) => {
                let words: Vec<_> = words.split_ascii_whitespace().map(str::to_owned).collect();
                plants.last_mut().unwrap().expected.push(
                    words
                        .try_into()
                        .unwrap_or_else(|_| panic!("{line}: STATE CHECK STAGE PLACE")),
                );
            }
            Some(("gone", words)) => {
                let words: Vec<_> = words.split_ascii_whitespace().map(str::to_owned).collect();
                plants.last_mut().unwrap().gone.push(
                    words
                        .try_into()
                        .unwrap_or_else(|_| panic!("{line}: STATE CHECK")),
                );
            }
            _ => panic!("plants: {line}"),
        }
    }
    plants
}

/// A machine with these plants, and its answer.
fn planted(plants: &[&Plant]) -> (Made, Answer) {
    let made = Made::of("debian-13-ready");
    for plant in plants {
        for command in &plant.commands {
            let run = Command::new("sh")
                .args(["-euc", command])
                .env("R", made.0.path())
                .output()
                .unwrap();
            assert!(
                run.status.success(),
                "{}: {command}: {}",
                plant.name,
                String::from_utf8_lossy(&run.stderr)
            );
        }
    }
    let answer = made.answer();
    (made, answer)
}

fn text(finding: &Finding) -> String {
    let mut out = String::new();
    lines(finding, &mut out);
    out
}

/// A place with its line: `FILE:^TEXT` is the last line of the file that begins so.
fn with_line(made: &Made, place: &str) -> String {
    let Some((file, start)) = place.split_once(":^") else {
        return place.to_owned();
    };
    let start = start.replace("\\t", "\t");
    let text = fs::read_to_string(made.0.path().join(file.trim_start_matches('/'))).unwrap();
    let last = text
        .lines()
        .enumerate()
        .filter(|(_, line)| line.starts_with(&start))
        .last();
    format!(
        "{file}:{}",
        last.unwrap_or_else(|| panic!("no line for {place}")).0 + 1
    )
}

fn is_it(made: &Made, finding: &Finding, [state, check, stage, place]: &[String; 4]) -> bool {
    let place = with_line(made, place);
    let of = |stage: &crate::verdict::stage::Stage| {
        serde_json::to_string(stage)
            .unwrap()
            .trim_matches('"')
            .to_owned()
    };
    format!("{:?}", finding.state).to_lowercase() == *state
        && finding.check == check
        && finding.stage.as_ref().map_or("-".to_owned(), of) == *stage
        && finding.evidence.iter().any(|one| one.place == place)
}

/// What is wrong with an answer: findings that are new and not expected, gone, or missing.
fn differences(plants: &[&Plant], before: &Answer) -> Vec<String> {
    let name = plants
        .iter()
        .map(|plant| plant.name.as_str())
        .collect::<Vec<_>>()
        .join(" + ");
    let (made, answer) = planted(plants);
    let known: BTreeSet<_> = counts(before).map(text).collect();
    let mut expected: Vec<_> = plants.iter().flat_map(|plant| &plant.expected).collect();
    let mut out = Vec::new();
    for finding in counts(&answer) {
        let said = text(finding);
        if known.contains(&said) {
            continue;
        }
        match expected.iter().position(|one| is_it(&made, finding, one)) {
            Some(at) => {
                expected.remove(at);
            }
            None => out.push(format!("{name}: not expected: {said}")),
        }
    }
    // What is expected twice, of two plants, is found once.
    expected.retain(|one| !counts(&answer).any(|finding| is_it(&made, finding, one)));
    let now: BTreeSet<_> = counts(&answer).map(text).collect();
    for finding in counts(before).filter(|finding| !now.contains(&text(finding))) {
        let state = format!("{:?}", finding.state).to_lowercase();
        if !plants.iter().any(|plant| {
            plant
                .gone
                .iter()
                .any(|[gone, check]| *gone == state && check == finding.check)
        }) {
            out.push(format!("{name}: gone: {}", text(finding)));
        }
    }
    out.extend(
        expected
            .iter()
            .map(|one| format!("{name}: not found: {one:?}")),
    );
    out
}

#[test]
fn one_at_a_time() {
    let (_, before) = planted(&[]);
    let wrong: Vec<_> = counts(&before)
        .filter(|one| matches!(one.state, State::Wrong | State::Later | State::Unknown))
        .map(text)
        .collect();
    assert!(
        wrong.is_empty(),
        "before anything is planted: {}",
        wrong.join("")
    );
    let plants = table();
    assert!(plants.len() >= 24, "{}", plants.len());
    let out: Vec<_> = plants
        .iter()
        .flat_map(|plant| differences(&[plant], &before))
        .collect();
    assert!(out.is_empty(), "{}", out.join("\n"));
}

/// What selftests/machine/planted.sh drills ends there as it is said here.
#[test]
fn what_is_drilled_is_said_before() {
    let plants = table();
    let drilled = plants.iter().filter(|plant| plant.drill.is_some());
    assert!(drilled.clone().count() >= 8);
    for plant in drilled {
        let ends = plant.drill.as_deref().unwrap();
        let mut wrong = plant.expected.iter().filter(|one| one[0] == "wrong");
        let is_said = match ends {
            "pass" => wrong.next().is_none(),
            stage => wrong.any(|one| one[2] == stage),
        };
        assert!(is_said, "{}: {ends}", plant.name);
    }
}

#[test]
fn three_at_once() {
    let (_, before) = planted(&[]);
    let plants = table();
    let plant = |name: &str| {
        plants
            .iter()
            .find(|plant| plant.name == name)
            .unwrap_or_else(|| panic!("no plant {name}"))
    };
    let mut out = Vec::new();
    for names in [
        ["use-kdump-0", "makedumpfile-option", "watchdog-short"],
        ["unit-masked", "target-full", "initrd-stale"],
        [
            "core-dir-missing-mount",
            "kexec-disabled",
            "next-boot-without",
        ],
        [
            "ssh-without-key",
            "command-line-changed",
            "modules-disabled",
        ],
        ["unit-disabled", "no-makedumpfile", "lockdown"],
    ] {
        out.extend(differences(&names.map(plant), &before));
    }
    assert!(out.is_empty(), "{}", out.join("\n"));
}
