// SPDX-License-Identifier: GPL-2.0

//! The rows of the matrix: the drills, and the stage in which each must end.

use crate::run::plan::Policy;
use anyhow::{bail, Context};
use serde::Serialize;
use std::ffi::OsString;
use std::path::Path;

/// The table's file.
const TABLE: &str = include_str!("rows");

/// The stage in which a row's drill must end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Goal {
    Pass,
    DetectedNoPanic,
    NotDetected,
}

impl Goal {
    /// Returns the stage's name in a report.
    pub fn stage(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::DetectedNoPanic => "detected_no_panic",
            Self::NotDetected => "not_detected",
        }
    }
}

/// The machine of a drill.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Place {
    /// A fresh VM of `drill vm`, with faultline's own crash kernel.
    Vm,
    /// The project's Debian test server, with the distribution's kdump.
    Machine,
}

impl Place {
    /// Returns its name, unless it is the usual one.
    pub fn named(self) -> Option<&'static str> {
        match self {
            Self::Vm => None,
            Self::Machine => Some("a Debian server"),
        }
    }
}

/// The word with which a row puts its drill on the test server.
const ON_MACHINE: &str = "on=machine";

/// A drill of the matrix.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Row {
    pub name: &'static str,
    /// None: the kernel of the matrix.
    pub kernel: Option<&'static str>,
    pub mode: &'static str,
    pub cpus: &'static str,
    pub policy: Policy,
    pub detector: &'static str,
    pub vm_cpus: u32,
    pub tags: Vec<&'static str>,
    pub place: Place,
    /// Further words for the drill.
    pub options: Vec<&'static str>,
}

impl Row {
    fn parse(line: &'static str) -> anyhow::Result<Self> {
        let words: Vec<_> = line.split_whitespace().collect();
        let [name, kernel, mode, cpus, policy, detector, vm_cpus, tags, options @ ..] = &words[..]
        else {
            bail!("fewer than eight columns");
        };
        let place = match options.contains(&ON_MACHINE) {
            true => Place::Machine,
            false => Place::Vm,
        };
        Ok(Row {
            name,
            kernel: Some(*kernel).filter(|kernel| *kernel != "-"),
            mode,
            cpus,
            policy: match *policy {
                "panic" => Policy::Panic,
                "report" => Policy::Report,
                "off" => Policy::Off,
                other => bail!("policy '{other}'; allowed: panic, report, off"),
            },
            detector,
            vm_cpus: vm_cpus.parse().context("the VM's CPUs")?,
            tags: tags.split(',').filter(|tag| *tag != "-").collect(),
            place,
            options: options
                .iter()
                .copied()
                .filter(|word| *word != ON_MACHINE)
                .collect(),
        })
    }

    /// Returns the stage in which its drill must end.
    pub fn goal(&self) -> Goal {
        match self.policy {
            _ if self.detector == "none" => Goal::NotDetected,
            Policy::Panic => Goal::Pass,
            Policy::Report => Goal::DetectedNoPanic,
            Policy::Off => Goal::NotDetected,
        }
    }

    /// Returns the detector expected to report it, if any.
    fn reported_by(&self) -> Option<&'static str> {
        Some(self.detector).filter(|detector| *detector != "none")
    }

    /// Returns the arguments of the drill.
    pub fn arguments(&self, kernel: &str, folder: &Path) -> Vec<OsString> {
        let vm_cpus = self.vm_cpus.to_string();
        let place = match self.place {
            Place::Vm => vec!["drill", "vm", "--json", "--vm-cpus", &vm_cpus],
            Place::Machine => vec![],
        };
        let words = place
            .into_iter()
            .chain(["--kernel", kernel, "--mode", self.mode])
            .chain(["--cpus", self.cpus, "--policy", self.policy.word()])
            .chain(
                self.reported_by()
                    .into_iter()
                    .flat_map(|name| ["--detector", name]),
            )
            .chain(self.options.iter().copied())
            .map(OsString::from);
        words
            .chain(["--keep".into(), folder.as_os_str().into()])
            .collect()
    }

    /// Returns whether `word` is one of its words, or a pattern that matches its name.
    fn is_meant(&self, word: &str) -> bool {
        [self.mode, self.detector, self.policy.word()].contains(&word)
            || self.kernel == Some(word)
            || self.tags.contains(&word)
            || (self.place == Place::Machine && word == "machine")
            || matches(word.as_bytes(), self.name.as_bytes())
    }
}

/// Returns whether `text` matches `pattern`, in which `*` is any text and `?` any character.
fn matches(pattern: &[u8], text: &[u8]) -> bool {
    match (pattern, text) {
        ([], []) => true,
        ([b'*', rest @ ..], _) => (0..=text.len()).any(|at| matches(rest, &text[at..])),
        ([b'?', rest @ ..], [_, text @ ..]) => matches(rest, text),
        ([one, rest @ ..], [other, text @ ..]) => one == other && matches(rest, text),
        _ => false,
    }
}

/// Parses all rows.
pub fn all() -> anyhow::Result<Vec<Row>> {
    TABLE
        .lines()
        .filter(|line| !line.starts_with('#') && !line.trim().is_empty())
        .map(|line| Row::parse(line).with_context(|| format!("the row '{line}'")))
        .collect()
}

/// The selection of rows.
#[derive(Default)]
pub struct Wanted<'a> {
    /// Words of which a row must match one; all rows if empty.
    pub only: &'a [String],
    pub quick: bool,
    /// Only the rows of this kernel, and those without a kernel.
    pub kernel: Option<&'a str>,
}

impl Wanted<'_> {
    /// Returns the selected rows, in the table's order.
    ///
    /// # Errors
    ///
    /// Fails if a word matches no row, or if no row is selected.
    pub fn of(&self, rows: Vec<Row>) -> Result<Vec<Row>, String> {
        if let Some(word) = self
            .only
            .iter()
            .find(|word| !rows.iter().any(|row| row.is_meant(word)))
        {
            return Err(format!(
                "--only {word}: no row has that name, mode, detector, policy, kernel or tag"
            ));
        }
        let wanted: Vec<_> = rows
            .into_iter()
            .filter(|row| {
                (self.only.is_empty() || self.only.iter().any(|word| row.is_meant(word)))
                    && (!self.quick || row.tags.contains(&"quick"))
                    && (self.kernel.is_none() || row.kernel.is_none() || row.kernel == self.kernel)
            })
            .collect();
        if wanted.is_empty() {
            return Err("no row matches all options: --list shows the rows".into());
        }
        Ok(wanted)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::case::Case;
    use crate::fault::mode;
    use std::collections::BTreeSet;

    const DETECTORS: [&str; 8] = [
        "soft-lockup",
        "hard-lockup",
        "rcu-stall",
        "hung-task",
        "nmi",
        "hardware-watchdog",
        "itself",
        "none",
    ];

    /// The module's modes, as its page lists them.
    fn modes() -> BTreeSet<&'static str> {
        let page = include_str!("../../../../docs/lockup.md");
        let table = page.split("## Parameters").next().unwrap();
        table
            .lines()
            .filter(|line| line.starts_with("| `") && !line.starts_with("| `mode`"))
            .flat_map(|line| {
                line.split('|')
                    .nth(1)
                    .unwrap()
                    .split('`')
                    .skip(1)
                    .step_by(2)
            })
            .collect()
    }

    /// The CPUs that a row holds, of those of its VM.
    fn cpus(row: &Row) -> Vec<u32> {
        let list = |list| (0..row.vm_cpus).filter(move |cpu| crate::cpu_list::has(list, *cpu));
        match row.cpus {
            "all" => (0..row.vm_cpus).collect(),
            words => list(words).collect(),
        }
    }

    #[test]
    fn the_table_is_sound() {
        let rows = all().unwrap();
        let names: BTreeSet<_> = rows.iter().map(|row| row.name).collect();
        assert_eq!(names.len(), rows.len(), "a name is there twice");
        for row in &rows {
            let name = row.name;
            assert!(name.len() <= 22, "{name}");
            assert!(
                crate::run::plan::check_run_id(name).is_ok(),
                "{name}: a folder"
            );
            assert!(modes().contains(row.mode), "{name}: mode {}", row.mode);
            assert!(DETECTORS.contains(&row.detector), "{name}");
            // The kernel's own reports cannot be turned off.
            assert!(
                row.detector != "itself" || row.policy != Policy::Off,
                "{name}"
            );
        }
    }

    #[test]
    fn every_mode_and_every_detector_is_there() {
        let rows = all().unwrap();
        assert!(modes().len() > 20);
        for mode in modes() {
            assert!(
                rows.iter().any(|row| row.mode == mode
                    && row.policy == Policy::Panic
                    && cpus(row).contains(&1)),
                "{mode} on another CPU than the first"
            );
        }
        for detector in DETECTORS.into_iter().filter(|name| *name != "none") {
            for goal in [Goal::Pass, Goal::DetectedNoPanic, Goal::NotDetected] {
                assert!(
                    (detector == "itself" && goal == Goal::NotDetected)
                        || rows
                            .iter()
                            .any(|row| row.detector == detector && row.goal() == goal),
                    "{detector}: {goal:?}"
                );
            }
        }
    }

    /// What samples/lockup/plan.rs refuses.
    #[test]
    fn the_module_takes_every_row() {
        for row in all().unwrap() {
            let (name, held) = (row.name, cpus(&row));
            let mode = mode::find(row.mode).unwrap();
            Case::new(mode, row.reported_by()).unwrap();
            let has = |option| row.options.contains(&option);
            let is = |modes: &[&str]| modes.contains(&row.mode);
            assert!(
                held.len() as u32 <= row.vm_cpus && !held.is_empty(),
                "{name}"
            );
            if is(&["deadlock", "deadlock_irq", "smp_call"]) {
                assert!(held.len() >= 2, "{name}: a ring");
            }
            if is(&["stop_machine", "oom"]) {
                assert_eq!(held.len(), 1, "{name}: one CPU");
            }
            let deaf = is(&["hard", "irq", "self_deadlock", "deadlock_irq"]);
            if is(&["panic", "panic_irq", "stack_overflow"])
                || (deaf && held.len() as u32 == row.vm_cpus)
            {
                assert!(has("--force"), "{name}: needs force");
            }
            let sets = |key: &str| row.options.iter().any(|option| option.starts_with(key));
            assert!(is(&["oom"]) || !sets("limit_mib="), "{name}: no limit");
            assert!(
                !sets("touch_watchdog=") || deaf || is(&["soft", "spin", "softirq", "deadlock"]),
                "{name}: nothing to touch the watchdog in"
            );
        }
    }

    #[test]
    fn goals() {
        let goal = |line| Row::parse(line).unwrap().goal();
        assert_eq!(goal("a - soft 1 panic soft-lockup 2 -"), Goal::Pass);
        assert_eq!(
            goal("a - soft 1 report soft-lockup 2 -"),
            Goal::DetectedNoPanic
        );
        assert_eq!(goal("a - soft 1 off soft-lockup 2 -"), Goal::NotDetected);
        assert_eq!(goal("a - spin 1 panic none 2 -"), Goal::NotDetected);
    }

    #[test]
    fn what_is_no_row() {
        for line in [
            "a - soft 1 panic soft-lockup 2",
            "a - soft 1 loud soft-lockup 2 -",
            "a - soft 1 off soft-lockup two -",
        ] {
            assert!(Row::parse(line).is_err(), "{line}");
        }
    }

    #[test]
    fn the_command_of_a_row() {
        let row = Row::parse("a k hard all panic nmi 3 quick --force --param x=1").unwrap();
        let words = row.arguments("k", Path::new("/tmp/a"));
        let words: Vec<_> = words.iter().map(|word| word.to_str().unwrap()).collect();
        assert_eq!(
            words.join(" "),
            "drill vm --json --vm-cpus 3 --kernel k --mode hard --cpus all --policy panic \
             --detector nmi --force --param x=1 --keep /tmp/a"
        );
        let row = Row::parse("a k hard 1 panic nmi 2 - on=machine --param x=1").unwrap();
        assert_eq!(row.place, Place::Machine);
        let words = row.arguments("k", Path::new("/tmp/a"));
        let words: Vec<_> = words.iter().map(|word| word.to_str().unwrap()).collect();
        assert_eq!(
            words.join(" "),
            "--kernel k --mode hard --cpus 1 --policy panic --detector nmi --param x=1 \
             --keep /tmp/a"
        );
    }

    #[test]
    fn what_is_wanted() {
        let rows = || {
            [
                "soft-1 - soft 1 panic soft-lockup 2 quick",
                "soft-0 - soft 0 off soft-lockup 2 -",
                "hard-b b hard 1 panic hard-lockup 2 -",
            ]
            .map(|line| Row::parse(line).unwrap())
            .to_vec()
        };
        let of = |only: &[&str], quick, kernel| {
            let only: Vec<_> = only.iter().map(|word| word.to_string()).collect();
            let wanted = Wanted {
                only: &only,
                quick,
                kernel,
            };
            wanted
                .of(rows())
                .map(|rows| rows.iter().map(|row| row.name).collect::<Vec<_>>())
        };
        assert_eq!(
            of(&[], false, None).unwrap(),
            ["soft-1", "soft-0", "hard-b"]
        );
        assert_eq!(of(&[], true, None).unwrap(), ["soft-1"]);
        assert_eq!(of(&["soft-?"], false, None).unwrap(), ["soft-1", "soft-0"]);
        assert_eq!(
            of(&["off", "b"], false, None).unwrap(),
            ["soft-0", "hard-b"]
        );
        assert_eq!(of(&["*-b"], false, Some("b")).unwrap(), ["hard-b"]);
        assert_eq!(of(&[], false, Some("c")).unwrap(), ["soft-1", "soft-0"]);
        assert!(of(&["sofd"], false, None)
            .unwrap_err()
            .contains("--only sofd"));
        assert!(of(&["hard"], true, None).is_err());
    }
}
