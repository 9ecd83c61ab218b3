// SPDX-License-Identifier: GPL-2.0

//! Whether the configuration sets the current values at boot, and lines in it that have no effect.

use crate::doctor::check::Check;
use crate::doctor::checks::panics::SYSCTL_FILE;
use crate::doctor::config::assignment::Assignment;
use crate::doctor::config::sysctl::{Unread, Why, SYSCTL_CONF};
use crate::doctor::facts::Facts;
use crate::doctor::finding::{Finding, Link, State};
use crate::doctor::key::{self, Key, KEYS};
use crate::fault::class::Classes;
use crate::system::{sysctl_path, Seen};

const FILES: &str =
    "sysctl.d in /etc, /run, /usr/local/lib, /usr/lib; the command line; TuneD's profile; KDUMP_SYSCTL";

pub const CHECKS: &[Check] = &[
    Check {
        name: "sysctl_next_boot",
        reads: FILES,
        why: "a value set by hand is lost in the reboot; a value in a file takes effect only then",
        mend: "put a line into sysctl.d; sysctl --system",
        run: |facts| KEYS.iter().filter_map(|key| next_boot(facts, key)).collect(),
    },
    Check {
        name: "sysctl_taken_back",
        reads: FILES,
        why: "files are read in the order of their names, whatever their directory, and a later one silently wins",
        mend: "remove the line from the later file, or set the value in a file that sorts after it",
        run: |facts| KEYS.iter().filter_map(|key| taken_back(facts, key)).collect(),
    },
    Check {
        name: "sysctl_not_read",
        reads: "/etc/sysctl.conf, files in sysctl.d that another one masks, or whose names do not end in .conf",
        why: "systemd-sysctl does not read /etc/sysctl.conf, while sysctl -p does: its values are lost in the reboot",
        mend: "move the line to a file /etc/sysctl.d/*.conf",
        run: |facts| facts.sysctls().unread.iter().filter_map(|unread| not_read(facts, unread)).collect(),
    },
    Check {
        name: "sysctl_unknown_key",
        reads: FILES,
        why: "an unknown key sets nothing; only a line in the journal tells",
        mend: "correct the key",
        run: unknown_key,
    },
    Check {
        name: "sysctl_value",
        reads: FILES,
        why: "a refused value sets nothing; only a line in the journal tells; a comment after a value is a part of it",
        mend: "set a number in the kernel's range",
        run: |facts| facts.sysctls().boot.iter().filter_map(|assignment| refused(facts, assignment)).collect(),
    },
    Check {
        name: "command_line_word",
        reads: "/proc/cmdline",
        why: "the kernel passes an unknown word to init, with only a line in its log",
        mend: "correct the word",
        run: command_line_word,
    },
    Check {
        name: "sysctl_unseen",
        reads: FILES,
        why: "if a file cannot be read, its sysctls are unknown",
        mend: "run the doctor as root",
        run: unseen,
    },
];

fn unseen(facts: &Facts) -> Vec<Finding> {
    let unseen = &facts.sysctls().unseen;
    if unseen.is_empty() {
        return Vec::new();
    }
    let says = "cannot read all files that set sysctls at boot";
    let finding = Finding::note(Classes::ALL, Link::Panic, says);
    let with = |finding: Finding, (path, why): &(String, String)| {
        finding.evidence(path, format!("({why})"))
    };
    vec![unseen.iter().fold(finding, with)]
}

/// Returns whether a key has the right value now.
fn now(facts: &Facts, key: &Key) -> Option<bool> {
    key.is_right(&facts.system.sysctl(key.sysctl).is()?)
}

/// Makes a finding on a wrong configuration, which fails only after the next boot if the current
/// value is right.
fn wrong(facts: &Facts, key: &Key, says: impl Into<String>) -> Finding {
    let finding = Finding::wrong(key.classes, key.link, key.stage, says);
    match now(facts, key) {
        Some(true) => Finding {
            state: State::Later,
            ..finding
        },
        _ if is_usually_off(key) => Finding {
            state: State::Off,
            ..finding
        },
        _ => finding,
    }
}

/// Returns whether most machines have it off on purpose.
fn is_usually_off(key: &Key) -> bool {
    matches!(key.sysctl, "kernel.panic_on_warn" | "vm.panic_on_oom")
}

fn cites(finding: Finding, assignment: &Assignment) -> Finding {
    finding.evidence(assignment.place(), &assignment.text)
}

fn adds(finding: Finding, sysctl: &str, value: &str) -> Finding {
    finding.mend(format!("echo '{sysctl} = {value}' >> {SYSCTL_FILE}"))
}

/// Returns the earlier line with a right value that the last one overrides.
fn taken<'f>(facts: &'f Facts, key: &Key) -> Option<(&'f Assignment, &'f Assignment)> {
    let last = facts.sysctls().last(key.sysctl)?;
    if key.is_right(&last.value) != Some(false) {
        return None;
    }
    let right = |assignment: &&Assignment| {
        assignment.key == key.sysctl && key.is_right(&assignment.value) == Some(true)
    };
    facts
        .sysctls()
        .boot
        .iter()
        .rev()
        .find(right)
        .map(|earlier| (earlier, last))
}

fn taken_back(facts: &Facts, key: &Key) -> Option<Finding> {
    let (earlier, last) = taken(facts, key)?;
    let says = format!(
        "{}: {} sets {}, but {}, which is read later, overrides it",
        key.sysctl,
        earlier.place(),
        earlier.value,
        last.place()
    );
    let finding = cites(cites(wrong(facts, key, says), earlier), last);
    Some(finding.mend(format!(
        "# remove the line from {}, or put yours into a file that sorts after it",
        last.file
    )))
}

fn next_boot(facts: &Facts, key: &Key) -> Option<Finding> {
    let value = facts.system.sysctl(key.sysctl).is()?;
    let (is_right, last) = (key.is_right(&value)?, facts.sysctls().last(key.sysctl));
    let (sysctl, path) = (key.sysctl, sysctl_path(key.sysctl));
    if taken(facts, key).is_some() {
        return None;
    }
    match (is_right, last.map(|last| (last, key.is_right(&last.value)))) {
        (false, Some((last, Some(true)))) => {
            let says = format!(
                "{sysctl} is {value}, and will be {} after the next boot",
                last.value
            );
            let finding = cites(wrong(facts, key, says).evidence(path, &value), last);
            Some(finding.mend(format!("sysctl -w {sysctl}={}", last.value)))
        }
        (true, Some((last, Some(false)))) => {
            let says = format!(
                "{sysctl} is {value} now, but will be {} after the next boot",
                last.value
            );
            let finding = cites(wrong(facts, key, says).evidence(path, &value), last);
            Some(finding.mend(format!("# set {sysctl} = {value} in {} instead", last.file)))
        }
        (true, None) if !is_default(facts, key) => {
            let says = format!(
                "{sysctl} is {value} now, but no file sets it: it is lost in the next boot"
            );
            let finding = wrong(facts, key, says).evidence(path, &value);
            Some(adds(finding, sysctl, &value))
        }
        _ => None,
    }
}

/// Returns whether the kernel's default is right.
fn is_default(facts: &Facts, key: &Key) -> bool {
    let Some(option) = key.option else {
        return key.right_by_default;
    };
    match facts.kernel_option(option).1 {
        Seen::Is(value) => value != "0",
        _ => key.right_by_default,
    }
}

fn not_read(facts: &Facts, unread: &Unread) -> Option<Finding> {
    let assignment = &unread.assignment;
    let name = assignment.key.split_whitespace().next()?;
    let key = Key::of(name).or_else(|| Key::of(key::meant(name)?))?;
    let place = assignment.place();
    let why = match &unread.why {
        Why::SysctlConf => {
            format!("{SYSCTL_CONF} is not read at boot, only by sysctl -p and sysctl --system")
        }
        Why::Masked(other) => format!("{other} has the same name and is read instead"),
        Why::Name => "its name does not end in .conf".into(),
        Why::NoValue => "it has no '='".into(),
    };
    let is_wanted = unread.why == Why::NoValue || key.is_right(&assignment.value) == Some(true);
    let boot = facts
        .sysctls()
        .last(key.sysctl)
        .map(|last| key.is_right(&last.value) == Some(true));
    let says = format!("the line for {name} in {place} sets nothing at boot: {why}");
    if !is_wanted || boot.unwrap_or_else(|| is_default(facts, key)) {
        // The line would not be needed, or another one sets the right value.
        return Some(cites(
            Finding::note(key.classes, key.link, says),
            assignment,
        ));
    }
    let value = if assignment.value.is_empty() {
        key.want
    } else {
        &assignment.value
    };
    Some(adds(
        cites(wrong(facts, key, says), assignment),
        key.sysctl,
        value,
    ))
}

fn unknown_key(facts: &Facts) -> Vec<Finding> {
    let mut found = Vec::new();
    let sysctls = facts.sysctls();
    let by_mistake = sysctls
        .unread
        .iter()
        .filter(|unread| unread.why == Why::SysctlConf);
    for assignment in sysctls
        .boot
        .iter()
        .chain(by_mistake.map(|unread| &unread.assignment))
    {
        let name = assignment.key.as_str();
        // Other words of the command line are the kernel's own, and a sysctl that exists is known.
        let is_word = assignment.line == 0 && !assignment.text.starts_with("sysctl");
        if is_word || facts.system.sysctl(name).is().is_some() {
            continue;
        }
        let is_meant = key::meant(name);
        let Some(key) = is_meant.and_then(Key::of) else {
            let is_ours = is_meant.is_some() || Key::of(name).is_some();
            if is_ours && facts.system.sysctl(name) == Seen::Absent && !assignment.may_fail {
                let says = match is_meant {
                    Some(meant) => format!("no kernel has {name}: did you mean {meant}?"),
                    None => format!("this kernel has no {name}"),
                };
                let (classes, link) = Key::of(name)
                    .map_or((Classes::ALL, Link::Panic), |key| (key.classes, key.link));
                found.push(cites(Finding::note(classes, link, says), assignment));
            }
            continue;
        };
        let says = format!("no kernel has {name}: did you mean {}?", key.sysctl);
        let last = sysctls
            .last(key.sysctl)
            .map(|last| key.is_right(&last.value) == Some(true));
        let made_up_for = last.unwrap_or_else(|| is_default(facts, key));
        let finding = match made_up_for || key.is_right(&assignment.value) == Some(false) {
            true => Finding::note(key.classes, key.link, says),
            false => wrong(facts, key, says),
        };
        let right = format!(
            "sed -i 's/{}/{}/' {}",
            name.replace('.', "[./]"),
            key.sysctl,
            assignment.file
        );
        found.push(match assignment.line {
            0 => cites(finding, assignment),
            _ => cites(finding, assignment)
                .mend(right)
                .mend("sysctl --system"),
        });
    }
    found
}

fn refused(facts: &Facts, assignment: &Assignment) -> Option<Finding> {
    let key = Key::of(&assignment.key)?;
    let says = match assignment.value.parse::<u64>() {
        Ok(value) if value <= key.largest => return None,
        Ok(value) => format!(
            "{} = {value} is refused: the kernel allows 0 to {}",
            key.sysctl, key.largest
        ),
        Err(_) => format!(
            "{} = {:?} is refused: not a number",
            key.sysctl, assignment.value
        ),
    };
    let finding = cites(wrong(facts, key, says), assignment);
    Some(finding.mend(format!("# set {} = {} there", key.sysctl, key.want)))
}

/// The kernel's words that a misspelt word may stand for.
const WORDS: &[(&str, Option<&str>)] = &[
    ("softlockup_panic", Some("kernel.softlockup_panic")),
    ("hung_task_panic", Some("kernel.hung_task_panic")),
    ("nmi_watchdog", Some("kernel.nmi_watchdog")),
    ("unknown_nmi_panic", Some("kernel.unknown_nmi_panic")),
    ("panic_on_warn", Some("kernel.panic_on_warn")),
    ("crashkernel", None),
    ("watchdog_thresh", Some("kernel.watchdog_thresh")),
];

/// The sysctls that only the prefix `sysctl.` sets, not a word of their own.
const BARE: &[&str] = &[
    "hardlockup_panic",
    "panic_on_rcu_stall",
    "panic_on_oops",
    "panic_on_oom",
    "panic_on_unrecovered_nmi",
];

fn command_line_word(facts: &Facts) -> Vec<Finding> {
    let Seen::Is(command_line) = &facts.command_line else {
        return Vec::new();
    };
    let mut found = Vec::new();
    for word in command_line.words() {
        let name = word.split('=').next().unwrap_or(word).replace('-', "_");
        let near = WORDS.iter().find(|(known, _)| {
            let far = key::distance(&name, known);
            far > 0 && far <= 2
        });
        let (says, sysctl) = match near {
            _ if BARE.contains(&name.as_str()) => {
                let key = KEYS
                    .iter()
                    .find(|key| key.sysctl.ends_with(&format!(".{name}")));
                let full = key.map_or(format!("kernel.{name}"), |key| key.sysctl.into());
                (
                    format!("no kernel has the word {name}: did you mean sysctl.{full}=1?"),
                    key,
                )
            }
            Some((known, sysctl)) => (
                format!("no kernel has the word {name}: did you mean {known}?"),
                sysctl.and_then(Key::of),
            ),
            None => continue,
        };
        let finding = match sysctl {
            Some(key) if now(facts, key) != Some(true) => wrong(facts, key, says),
            Some(key) => Finding::note(key.classes, key.link, says),
            None => Finding::note(Classes::ALL, Link::CrashKernel, says),
        };
        found.push(finding.evidence("/proc/cmdline", word));
    }
    found
}

#[cfg(test)]
mod tests;
