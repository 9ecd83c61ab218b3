// SPDX-License-Identifier: GPL-2.0

//! The sysctls of TuneD's active profile, which are set after those of systemd-sysctl.

use super::assignment::Assignment;
use crate::system::{Seen, System};

const ACTIVE: &str = "/etc/tuned/active_profile";
const MAIN: &str = "/etc/tuned/tuned-main.conf";
const DIRECTORIES: &[&str] = &[
    "/etc/tuned/profiles",
    "/etc/tuned",
    "/usr/lib/tuned/profiles",
    "/usr/lib/tuned",
];
/// Limit on the number of profiles.
const PROFILES: usize = 32;

/// Returns the sysctls of the active profile, those of included profiles first.
pub fn assignments(system: &System) -> Vec<Assignment> {
    let (mut found, mut done) = (Vec::new(), Vec::new());
    let active = system.text(ACTIVE).is().unwrap_or_default();
    for profile in active.split_whitespace() {
        read(system, profile, &mut done, &mut found);
    }
    found
}

/// Returns whether TuneD sets the administrator's sysctls again after its own.
pub fn reapplies(system: &System) -> bool {
    let text = system.text(MAIN).is().unwrap_or_default();
    let values = text.lines().filter_map(|line| line.split_once('='));
    let mut values = values.filter(|(key, _)| key.trim() == "reapply_sysctl");
    values.next_back().is_none_or(|(_, value)| {
        !matches!(
            value.trim().to_ascii_lowercase().as_str(),
            "0" | "false" | "no" | "off" | "n"
        )
    })
}

fn read(system: &System, profile: &str, done: &mut Vec<String>, found: &mut Vec<Assignment>) {
    // A name must not be a path.
    let is_name = !profile.contains('/') && !profile.starts_with('.');
    if !is_name || done.len() >= PROFILES || done.iter().any(|known| known == profile) {
        return;
    }
    done.push(profile.into());
    let paths = DIRECTORIES
        .iter()
        .map(|dir| format!("{dir}/{profile}/tuned.conf"));
    let mut files = paths.filter_map(|path| match system.text(&path) {
        Seen::Is(text) => Some((path, text)),
        _ => None,
    });
    let Some((path, text)) = files.next() else {
        return;
    };
    let (mut section, mut own) = (String::new(), Vec::new());
    for (at, line) in text.lines().enumerate() {
        let line = line.trim();
        if let Some(name) = line
            .strip_prefix('[')
            .and_then(|rest| rest.strip_suffix(']'))
        {
            section = name.into();
        }
        if line.starts_with(['#', ';']) {
            continue;
        }
        let Some((key, value)) = line.split_once('=') else {
            continue;
        };
        let (key, value) = (key.trim(), value.trim());
        match section.as_str() {
            "main" if key == "include" => {
                for name in value.split([',', ' ']).filter(|name| !name.is_empty()) {
                    read(system, name, done, found);
                }
            }
            "sysctl" => own.push(Assignment {
                key: key.into(),
                // `>` and `<` keep a value that is already larger or smaller.
                value: value.trim_start_matches(['>', '<', '=']).into(),
                file: path.clone(),
                line: at + 1,
                text: line.into(),
                may_fail: false,
            }),
            _ => {}
        }
    }
    found.extend(own);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::system::testing::Machine;

    #[test]
    fn profiles_that_include_others() {
        let system = Machine::new()
            .file("/etc/tuned/active_profile", "realtime\n")
            .file(
                "/usr/lib/tuned/realtime/tuned.conf",
                "[main]\ninclude = base, ../../x\n[sysctl]\nkernel.nmi_watchdog=0\n# a=b\n[cpu]\nx=y\n",
            )
            .file("/usr/lib/tuned/profiles/base/tuned.conf", "[main]\ninclude=realtime\n[sysctl]\nkernel.hung_task_timeout_secs = 600\n")
            .file("/etc/tuned/tuned-main.conf", "reapply_sysctl = 0\n")
            .system();
        let found = assignments(&system);
        let last = found.last().unwrap();
        assert_eq!(
            (last.key.as_str(), last.place().as_str()),
            (
                "kernel.nmi_watchdog",
                "/usr/lib/tuned/realtime/tuned.conf:4"
            )
        );
        assert!(found
            .iter()
            .any(|one| one.key == "kernel.hung_task_timeout_secs" && one.value == "600"));
        assert!(!reapplies(&system));
        let without = Machine::new().file("/etc/x", "").system();
        assert!(assignments(&without).is_empty() && reapplies(&without));
    }
}
