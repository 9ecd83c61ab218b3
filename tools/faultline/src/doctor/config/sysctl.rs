// SPDX-License-Identifier: GPL-2.0

//! The sysctls that are set at boot, in order: by the kernel's command line, by systemd-sysctl from
//! its directories, by TuneD, and by the software that loads the crash kernel. Also the lines that
//! nothing reads.

use super::assignment::Assignment;
use super::command_line::CommandLine;
use super::saver::Saver;
use super::tuned;
use crate::doctor::key::KEYS;
use crate::system::{sysctl_path, FileType, Seen, System};
use std::collections::BTreeMap;

/// The directories of systemd-sysctl. Of files with the same name it reads that of the first
/// directory.
pub const DIRECTORIES: &[&str] = &[
    "/etc/sysctl.d",
    "/run/sysctl.d",
    "/usr/local/lib/sysctl.d",
    "/usr/lib/sysctl.d",
    "/lib/sysctl.d",
];
/// The file that procps reads, but not systemd-sysctl.
pub const SYSCTL_CONF: &str = "/etc/sysctl.conf";
/// Limit on the lines of a file.
const LINES: usize = 10_000;

/// A line that nothing reads at boot, and why.
#[derive(Debug, Clone, PartialEq)]
pub struct Unread {
    pub assignment: Assignment,
    pub why: Why,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Why {
    /// A file of the same name, in an earlier directory, masks it.
    Masked(String),
    /// It is in /etc/sysctl.conf, to which nothing links.
    SysctlConf,
    /// The file's name does not end in .conf.
    Name,
    /// It has no `=`.
    NoValue,
}

/// The sysctls that are set at boot.
#[derive(Debug, Default)]
pub struct Sysctls {
    /// The assignments in order: the last one of a key counts.
    pub boot: Vec<Assignment>,
    pub unread: Vec<Unread>,
    /// The files that could not be read, and why.
    pub unseen: Vec<(String, String)>,
}

impl Sysctls {
    pub fn of(system: &System, command_line: &Seen<CommandLine>) -> Self {
        let mut all = Sysctls::default();
        if let Seen::Is(command_line) = command_line {
            all.boot.extend(of_command_line(command_line));
        }
        let mut names: BTreeMap<String, String> = BTreeMap::new();
        let mut reads_sysctl_conf = false;
        for dir in DIRECTORIES {
            // On a merged /usr, /lib is /usr/lib.
            if *dir == "/lib/sysctl.d"
                && system
                    .stat("/lib")
                    .is()
                    .is_some_and(|stat| stat.link.is_some())
            {
                continue;
            }
            match system.list(dir) {
                Seen::Is(found) => {
                    for name in found {
                        all.file(system, &mut names, dir, &name);
                    }
                }
                Seen::Absent => {}
                Seen::Unseen(why) => all.unseen.push(((*dir).into(), why)),
            }
        }
        let mut globs = Vec::new();
        for path in names.into_values() {
            let link = system.stat(&path).is().and_then(|stat| stat.link);
            let of_sysctl_conf = |link: &String| link == SYSCTL_CONF || link == "../sysctl.conf";
            reads_sysctl_conf |= link.as_ref().is_some_and(of_sysctl_conf);
            for assignment in all.read(system, &path) {
                match assignment.key.contains(['*', '?']) {
                    true => globs.push(assignment),
                    false => all.boot.push(assignment),
                }
            }
        }
        all.expand(globs);
        if !reads_sysctl_conf {
            let unread = all.read(system, SYSCTL_CONF);
            let unread = unread.into_iter().map(|assignment| Unread {
                assignment,
                why: Why::SysctlConf,
            });
            all.unread.extend(unread);
        }
        all.tuned(system);
        all.boot.extend(of_saver(system));
        all
    }

    /// Adds the sysctls that TuneD sets afterwards, before it may set the administrator's again.
    fn tuned(&mut self, system: &System) {
        let of_tuned = tuned::assignments(system);
        let is_own =
            |one: &&Assignment| one.file.starts_with("/etc/") || one.file.starts_with("/run/");
        let own: Vec<_> = match !of_tuned.is_empty() && tuned::reapplies(system) {
            true => self.boot.iter().filter(is_own).cloned().collect(),
            false => Vec::new(),
        };
        self.boot.extend(of_tuned);
        self.boot.extend(own);
    }

    /// Returns the assignment that counts at boot.
    pub fn last(&self, key: &str) -> Option<&Assignment> {
        self.boot
            .iter()
            .rev()
            .find(|assignment| assignment.key == key)
    }

    /// Records a file of a directory as read, or its lines as unread.
    fn file(
        &mut self,
        system: &System,
        names: &mut BTreeMap<String, String>,
        dir: &str,
        name: &str,
    ) {
        let path = format!("{dir}/{name}");
        let why = match names.get(name) {
            Some(other) => Why::Masked(other.clone()),
            None if name.ends_with(".conf") => {
                names.insert(name.into(), path);
                return;
            }
            None => Why::Name,
        };
        if system
            .stat(&path)
            .is()
            .is_some_and(|stat| stat.file_type == FileType::File)
        {
            let unread = self.read(system, &path).into_iter();
            self.unread.extend(unread.map(|assignment| Unread {
                assignment,
                why: why.clone(),
            }));
        }
    }

    /// Returns the assignments of a file.
    fn read(&mut self, system: &System, path: &str) -> Vec<Assignment> {
        let masks = |stat: crate::system::Stat| stat.link.as_deref() == Some("/dev/null");
        let text = match system.text(path) {
            Seen::Is(text) => text,
            Seen::Absent => return Vec::new(),
            Seen::Unseen(_) if system.stat(path).is().is_some_and(masks) => return Vec::new(),
            Seen::Unseen(why) => {
                self.unseen.push((path.into(), why));
                return Vec::new();
            }
        };
        let mut found = Vec::new();
        for (at, line) in text.lines().enumerate() {
            if at == LINES {
                let why = format!("more than {LINES} lines");
                self.unseen.push((path.into(), why));
                break;
            }
            let text = line.trim();
            if text.is_empty() || text.starts_with(['#', ';']) {
                continue;
            }
            let (name, value) = text.split_once('=').unwrap_or((text, ""));
            let (name, may_fail) = match name.strip_prefix('-') {
                Some(name) => (name, true),
                None => (name, false),
            };
            let assignment = Assignment {
                key: dotted(name.trim()),
                value: value.trim().into(),
                file: path.into(),
                line: at + 1,
                text: text.into(),
                may_fail,
            };
            match text.contains('=') {
                true => found.push(assignment),
                // A line with only `-` and a key excludes the key from patterns.
                false if may_fail => {}
                false => self.unread.push(Unread {
                    assignment,
                    why: Why::NoValue,
                }),
            }
        }
        found
    }

    /// Applies patterns, which set the keys that no other line sets.
    fn expand(&mut self, globs: Vec<Assignment>) {
        for key in KEYS {
            let is_set =
                |assignment: &Assignment| assignment.key == key.sysctl && assignment.line > 0;
            if self.boot.iter().any(is_set) {
                continue;
            }
            if let Some(glob) = globs
                .iter()
                .rev()
                .find(|glob| matches(&glob.key, key.sysctl))
            {
                self.boot.push(Assignment {
                    key: key.sysctl.into(),
                    ..glob.clone()
                });
            }
        }
    }
}

/// Returns a sysctl's name with dots.
fn dotted(name: &str) -> String {
    let path = sysctl_path(name);
    let swap = |letter| match letter {
        '/' => '.',
        '.' => '/',
        other => other,
    };
    path.trim_start_matches("/proc/sys/")
        .chars()
        .map(swap)
        .collect()
}

/// Returns whether a pattern of `*` and `?` matches the text; no `*` spans a dot.
fn matches(pattern: &str, text: &str) -> bool {
    // Backtracks only to the last star, so that the time does not grow with the number of stars.
    fn part(pattern: &[u8], text: &[u8]) -> bool {
        let (mut pattern_at, mut text_at) = (0, 0);
        let mut star = None;
        while let Some(letter) = text.get(text_at) {
            match (pattern.get(pattern_at), star) {
                (Some(b'*'), _) => {
                    pattern_at += 1;
                    star = Some((pattern_at, text_at));
                }
                (Some(one), _) if *one == b'?' || one == letter => {
                    pattern_at += 1;
                    text_at += 1;
                }
                (_, Some((behind, from))) => {
                    (pattern_at, text_at) = (behind, from + 1);
                    star = Some((behind, text_at));
                }
                (_, None) => return false,
            }
        }
        pattern[pattern_at..].iter().all(|rest| *rest == b'*')
    }
    let (patterns, texts) = (pattern.split('.'), text.split('.'));
    pattern.split('.').count() == text.split('.').count()
        && patterns
            .zip(texts)
            .all(|(pattern, text)| part(pattern.as_bytes(), text.as_bytes()))
}

/// Returns the sysctls that words of the command line set.
fn of_command_line(command_line: &CommandLine) -> Vec<Assignment> {
    let mut found = Vec::new();
    for word in command_line.words() {
        let (name, value) = word.split_once('=').unwrap_or((word, ""));
        let mut set = |key: &str, value: &str| {
            found.push(Assignment {
                key: key.into(),
                value: value.into(),
                file: "/proc/cmdline".into(),
                line: 0,
                text: word.into(),
                may_fail: false,
            });
        };
        if let Some(key) = name
            .strip_prefix("sysctl.")
            .or(name.strip_prefix("sysctl/"))
        {
            set(&dotted(key), value);
            continue;
        }
        match name.replace('-', "_").as_str() {
            key @ ("softlockup_panic" | "hung_task_panic" | "panic_on_warn" | "watchdog_thresh"
            | "panic") => {
                set(&format!("kernel.{key}"), value);
            }
            "oops" if value == "panic" => set("kernel.panic_on_oops", "1"),
            "unknown_nmi_panic" => set("kernel.unknown_nmi_panic", "1"),
            "nowatchdog" => set("kernel.watchdog", "0"),
            "nosoftlockup" => set("kernel.soft_watchdog", "0"),
            "nmi_watchdog" => {
                for part in value.split(',') {
                    match part {
                        "panic" => set("kernel.hardlockup_panic", "1"),
                        "nopanic" => set("kernel.hardlockup_panic", "0"),
                        "0" | "1" => set("kernel.nmi_watchdog", part),
                        _ => {}
                    }
                }
            }
            _ => {}
        }
    }
    found
}

/// Returns the sysctls that are set with the load of the crash kernel: in the program of
/// kdump-tools of Debian 12 and 13, by KDUMP_SYSCTL in others. kdump-utils sets none.
fn of_saver(system: &System) -> Vec<Assignment> {
    const KDUMP_CONFIG: &str = "/usr/sbin/kdump-config";
    let own = |file: &str| Assignment {
        key: "kernel.panic_on_oops".into(),
        value: "1".into(),
        file: file.into(),
        line: 0,
        text: "set when the crash kernel is loaded".into(),
        may_fail: false,
    };
    let tools = match Saver::of(system) {
        Saver::KdumpTools(tools) => tools,
        Saver::Suse(_) => return vec![own("/usr/lib/kdump/load.sh")],
        _ => return Vec::new(),
    };
    let reads_setting = system.text(KDUMP_CONFIG).is().is_some_and(|text| {
        text.contains("KDUMP_SYSCTL}")
            || text.contains("KDUMP_SYSCTL:")
            || text.contains("$KDUMP_SYSCTL")
    });
    let setting = tools
        .settings
        .last("KDUMP_SYSCTL")
        .filter(|_| reads_setting);
    let Some((setting, value)) = setting.and_then(|one| Some((one, one.value.as_deref()?))) else {
        return vec![own(KDUMP_CONFIG)];
    };
    let pairs = value
        .split_whitespace()
        .filter_map(|pair| pair.split_once('='));
    pairs
        .map(|(key, value)| Assignment {
            key: dotted(key),
            value: value.into(),
            file: setting.place.file.clone(),
            line: setting.place.line,
            text: format!("KDUMP_SYSCTL=\"{key}={value}\""),
            may_fail: false,
        })
        .collect()
}

#[cfg(test)]
mod tests;
