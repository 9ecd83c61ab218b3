// SPDX-License-Identifier: GPL-2.0

//! What a check says that it reads, it reads on one machine or another.

use super::{directory, unpack};
use crate::doctor::check::Check;
use crate::doctor::checks;
use crate::doctor::facts::Facts;
use crate::fault::class::Classes;
use crate::system::System;
use std::fs;

/// What recorded machines do not have, and a check looks further for.
const MORE: &[(&str, &str)] = &[
    ("/etc/corosync/corosync.conf", ""),
    ("/etc/crypttab", "x UUID=1 none luks\n"),
    ("/proc/sys/kernel/watchdog_cpumask", "0\n"),
    ("/proc/sys/kernel/osrelease", "7.3.4\n"),
    ("/sys/class/watchdog/watchdog0/identity", "iTCO_wdt\n"),
    ("/sys/class/watchdog/watchdog0/state", "active\n"),
    ("/sys/class/watchdog/watchdog0/pretimeout", "10\n"),
    (
        "/sys/class/watchdog/watchdog0/pretimeout_governor",
        "panic\n",
    ),
    ("/sys/module/softdog/parameters/soft_panic", "1\n"),
    ("/sys/kernel/security/lockdown", "none [integrity]\n"),
    (
        "/lib/modules/7.3.4/updates/lockup.ko",
        "~Module signature appended~\n",
    ),
];

/// Every path that the check asks for, on a machine.
fn asked(check: &Check, system: &System) -> Vec<String> {
    (check.run)(&Facts::of(system, Classes::ALL));
    let record = system.record();
    let paths = record.texts.keys().chain(record.lists.keys());
    let paths = paths.chain(record.stats.keys()).chain(record.rooms.keys());
    paths.cloned().collect()
}

#[test]
fn a_check_reads_what_it_names() {
    let machines: Vec<_> = ["debian-13", "rhel-9", "opensuse-tumbleweed"]
        .into_iter()
        .flat_map(|name| [(name, false), (name, true)])
        .map(|(name, more)| {
            assert!(directory().join(format!("{name}.machine")).is_file());
            let dir = tempfile::tempdir().unwrap();
            unpack(name, dir.path());
            for (path, text) in MORE.iter().filter(|_| more) {
                fs::write(super::place(dir.path(), path), text).unwrap();
            }
            dir
        })
        .collect();
    let mut wrong = Vec::new();
    for check in checks::all() {
        let paths: Vec<_> = machines
            .iter()
            .flat_map(|dir| asked(check, &System::at(dir.path()).unwrap()))
            .collect();
        let words = check.reads.split([' ', ',', ';', '(', ')']);
        for word in words {
            // A path; or the name of a file in a directory that was named before it.
            let is_name =
                |letter: char| letter.is_ascii_lowercase() || "_0123456789".contains(letter);
            let is_file = word.contains('_') && word.chars().all(is_name);
            let is_directive = matches!(
                word,
                "final_action" | "failure_action" | "core_collector" | "fence_kdump_nodes"
            );
            if !(word.starts_with('/') || is_file && !is_directive) {
                continue;
            }
            let parts: Vec<_> = word
                .split(['*', '<', '>'])
                .enumerate()
                .filter_map(|(at, part)| (at % 2 == 0 || word.contains('*')).then_some(part))
                .collect();
            let is_read = |path: &String| parts.iter().all(|part| path.contains(part));
            if !paths.iter().any(is_read) {
                wrong.push(format!("{}: {word}", check.name));
            }
        }
    }
    assert!(wrong.is_empty(), "not read:\n{}", wrong.join("\n"));
}
