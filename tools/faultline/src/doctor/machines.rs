// SPDX-License-Identifier: GPL-2.0

//! Recorded machines (`tests/machines/`): the whole answer for each is expected, line by line; and
//! what is planted in one of them is found, where it is, and nothing else changes.

mod hidden;
mod plants;
mod reads;

use super::answer::Answer;
use super::examine;
use super::finding::{Finding, Link, State};
use crate::fault::class::Classes;
use crate::system::System;
use std::fmt::Write;
use std::fs::{self, File, Permissions};
use std::os::unix::fs::{symlink, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};
use tempfile::TempDir;

/// When files of a recorded machine were written, in seconds since 1970, unless they say more.
const THEN: u64 = 1_760_000_000;

fn directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/machines")
}

/// Makes a recorded machine's root. `tests/machines/README.md` has the format.
fn unpack(name: &str, root: &Path) {
    let path = directory().join(format!("{name}.machine"));
    let text =
        fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let mut lines = text.lines().peekable();
    while let Some(line) = lines.next() {
        if line.starts_with("%%") {
            continue;
        }
        if let Some(base) = line.strip_prefix("% include ") {
            unpack(base, root);
            continue;
        }
        let rest = line
            .strip_prefix("% ")
            .unwrap_or_else(|| panic!("{name}: `{line}` before the first file"));
        let (rest, attributes) = match rest.split_once(" {") {
            Some((path, rest)) => {
                let (attributes, after) = rest.split_once('}').expect("a closing brace");
                (format!("{path}{after}"), attributes.to_owned())
            }
            None => (rest.to_owned(), String::new()),
        };
        if let Some((path, target)) = rest.split_once(" -> ") {
            let at = place(root, path);
            let _ = fs::remove_file(&at);
            symlink(target, at).unwrap();
            continue;
        }
        if let Some(path) = rest.strip_suffix('/') {
            fs::create_dir_all(place(root, path)).unwrap();
            continue;
        }
        let (path, mut content) = match rest.split_once(" =") {
            Some((path, value)) => (path.to_owned(), format!("{}\n", value.trim_start())),
            None => (rest, String::new()),
        };
        while let Some(line) = lines.next_if(|line| !line.starts_with('%')) {
            content.push_str(line);
            content.push('\n');
        }
        write(&place(root, &path), &content, &attributes);
    }
}

fn place(root: &Path, path: &str) -> PathBuf {
    let place = root.join(path.trim_start_matches('/'));
    fs::create_dir_all(place.parent().unwrap()).unwrap();
    place
}

fn write(path: &Path, content: &str, attributes: &str) {
    let _ = fs::remove_file(path);
    fs::write(path, content).unwrap();
    let (mut mode, mut time) = (0o644, THEN);
    let file = File::options().write(true).open(path).unwrap();
    for attribute in attributes.split_ascii_whitespace() {
        match attribute.split_once('=').unwrap() {
            ("mode", value) => mode = u32::from_str_radix(value, 8).unwrap(),
            ("size", value) => {
                let (number, unit) = value.split_at(value.trim_end_matches(['K', 'M']).len());
                let unit = match unit {
                    "K" => 1 << 10,
                    "M" => 1 << 20,
                    _ => 1,
                };
                file.set_len(number.parse::<u64>().unwrap() * unit).unwrap();
            }
            ("time", value) => time = THEN + value.trim_start_matches('+').parse::<u64>().unwrap(),
            (other, _) => panic!("{}: no attribute {other}", path.display()),
        }
    }
    file.set_modified(UNIX_EPOCH + Duration::from_secs(time))
        .unwrap();
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

/// Findings that count for the answer.
fn counts(answer: &Answer) -> impl Iterator<Item = &Finding> {
    answer
        .findings
        .iter()
        .filter(|one| !matches!(one.state, State::Fine | State::Off))
}

/// A finding as one line for each thing that it says.
fn lines(finding: &Finding, out: &mut String) {
    let state = format!("{:?}", finding.state).to_lowercase();
    let stage = finding.stage.map_or(String::new(), |stage| {
        format!(
            " [{}]",
            serde_json::to_string(&stage).unwrap().trim_matches('"')
        )
    });
    let _ = writeln!(out, "{state} {}{stage}: {}", finding.check, finding.says);
    for one in &finding.evidence {
        let _ = writeln!(out, "    {}: {}", one.place, one.text);
    }
    for line in &finding.mend {
        let _ = writeln!(out, "    > {line}");
    }
}

/// The whole answer as text.
fn whole(answer: &Answer) -> String {
    let mut out = format!(
        "outcome {}\n",
        serde_json::to_string(&answer.outcome)
            .unwrap()
            .trim_matches('"')
    );
    for class in &answer.classes {
        let outcome = serde_json::to_string(&class.outcome).unwrap();
        let chain: Vec<_> = class
            .chain
            .iter()
            .map(|link| format!("{}={:?}", link.link.title(), link.state))
            .collect();
        let _ = writeln!(
            out,
            "{}: {}; {}",
            class.title,
            outcome.trim_matches('"'),
            chain.join(", ")
        );
    }
    for finding in &answer.findings {
        lines(finding, &mut out);
    }
    for unseen in &answer.unseen {
        let _ = writeln!(out, "unseen {}: {}", unseen.path, unseen.why);
    }
    out
}

/// A recorded machine, made.
struct Made(TempDir);

impl Made {
    fn of(name: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        unpack(name, dir.path());
        Self(dir)
    }

    fn answer(&self) -> Answer {
        examine(&System::at(self.0.path()).unwrap(), Classes::ALL)
    }
}

/// Every recorded machine; `FAULTLINE_RECORD=1` writes what it answers now, to be read and
/// committed.
#[test]
fn every_line_of_each_answer() {
    let mut names: Vec<_> = fs::read_dir(directory())
        .unwrap()
        .filter_map(|entry| {
            entry
                .unwrap()
                .file_name()
                .to_str()?
                .strip_suffix(".machine")
                .map(str::to_owned)
        })
        .collect();
    names.sort();
    assert!(names.len() >= 8, "{names:?}");
    let mut wrong = Vec::new();
    for name in names {
        let answer = whole(&Made::of(&name).answer());
        let path = directory().join(format!("{name}.expected"));
        if std::env::var_os("FAULTLINE_RECORD").is_some() {
            fs::write(&path, &answer).unwrap();
        }
        let expected = fs::read_to_string(&path).unwrap_or_default();
        for pair in answer
            .lines()
            .map(Some)
            .chain(std::iter::repeat(None))
            .zip(expected.lines().map(Some).chain(std::iter::repeat(None)))
        {
            match pair {
                (None, None) => break,
                (now, then) if now != then => {
                    wrong.push(format!(
                        "{name}:\n  now      {}\n  expected {}",
                        now.unwrap_or("(nothing)"),
                        then.unwrap_or("(nothing)")
                    ));
                    break;
                }
                _ => {}
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn nothing_is_wrong_with_a_machine_that_is_set_up() {
    let answer = Made::of("debian-13").answer();
    let wrong: Vec<_> = counts(&answer)
        .filter(|one| one.state == State::Wrong)
        .collect();
    // What Debian leaves to the administrator is no fault of the crash kernel's.
    assert!(
        wrong.iter().all(|one| one.link < Link::CrashKernel),
        "{wrong:#?}"
    );
}
