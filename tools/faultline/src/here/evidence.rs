// SPDX-License-Identifier: GPL-2.0

//! Gathers what a drill without a dump left on this machine: pstore, the journals of earlier boots,
//! the logs in the dump's directory, its free space, and the watchdog's boot status.

use super::facts;
use super::find::{self, Place};
use super::leftovers::Leftovers;
use super::state::Armed;
use crate::klog::{kmsg, saved};
use crate::process::output_within;
use crate::run::timeline::megabytes;
use rustix::fs::StatVfs;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// Time limit for `journalctl`.
const PATIENCE: Duration = Duration::from_secs(120);
/// With less free space than this, no dump fits.
const ROOM: u64 = 16 << 20;
/// A machine that boots later than this after its crash was probably reset by hand.
const LATE_SECS: u64 = 15 * 60;
/// Number of lines read from the journal of another boot.
const LINES: &str = "4000";
/// The kernel's flag for a reset by this device (`WDIOF_CARDRESET`).
const CARD_RESET: u32 = 0x20;
/// A word on the command line of every crash kernel that kexec loads, and of no other kernel.
const CRASH_KERNEL: &str = " elfcorehdr=";
const PSTORES: &[&str] = &["/sys/fs/pstore", "/var/lib/systemd/pstore"];
/// Messages in the journal of an orderly shutdown.
const SHUTDOWNS: &[&str] = &[
    "systemd-shutdown[1]: ",
    "Reached target Reboot",
    "Reached target System Reboot",
    "Reached target Power-Off",
    "Reached target System Power Off",
];
/// Words that make a line of a crash kernel's journal evidence.
const SAVERS: &[&str] = &[
    "kdump",
    "makedumpfile",
    "vmcore",
    "No space left",
    "oom",
    "memory",
];

/// Gathers all evidence.
pub fn gather(armed: &Armed, same_boot: bool, places: &[Place]) -> Leftovers {
    let mut left = Leftovers {
        same_boot,
        ..Leftovers::default()
    };
    if same_boot {
        match kmsg::whole() {
            Ok(text) => left.logs.push(("this boot's log".into(), text)),
            Err(error) => left.unseen.push(format!("this boot's log: {error:#}")),
        }
        return left;
    }
    for place in places {
        beside(armed, place, &mut left);
    }
    let text = pstore();
    if !text.is_empty() {
        left.logs.push(("pstore".into(), saved::in_order(&text)));
    }
    journals(armed, &mut left);
    left.back = back(armed.armed_at, facts::now(), facts::uptime());
    left.watchdog = watchdog(Path::new("/sys/class/watchdog"));
    left.full = armed
        .directories
        .iter()
        .find_map(|directory| full(directory));
    left
}

/// Reads what a crash kernel saved instead of a dump, or beside a broken dump.
fn beside(armed: &Armed, place: &Place, left: &mut Leftovers) {
    let shown = place.directory.display();
    let log = place.log.as_deref().and_then(find::read_text);
    let runs: Vec<_> = log.as_deref().map(find::runs).unwrap_or_default();
    if !runs.is_empty() && !runs.contains(&armed.run_id.as_str()) {
        let others = runs.join(", ");
        left.others
            .push(format!("{shown} is of another run: {others}"));
        return;
    }
    for saver in &place.savers {
        let text = find::read_text(saver).unwrap_or_default();
        left.saver.extend(text.lines().map(str::to_string));
    }
    let incomplete = place
        .incomplete
        .as_ref()
        .map(|path| path.display().to_string());
    let log_path = place.log.as_ref().map(|path| path.display().to_string());
    left.saved_something = incomplete.or(log_path).or(left.saved_something.take());
    if let Some(log) = log {
        let source = place.log.as_deref().unwrap_or(&place.directory);
        left.logs.insert(0, (source.display().to_string(), log));
    }
}

/// Reads all records of pstore, from the kernel's directory or from systemd's copies.
fn pstore() -> String {
    let mut files: Vec<PathBuf> = Vec::new();
    for directory in PSTORES {
        walk(Path::new(directory), 3, &mut files);
    }
    files.sort();
    let texts = files.iter().filter_map(|path| find::read_text(path));
    texts.map(|text| text + "\n").collect()
}

fn walk(directory: &Path, depth: usize, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
        let Ok(kind) = entry.file_type() else {
            continue;
        };
        let name = entry.file_name();
        if kind.is_dir() && depth > 1 {
            walk(&entry.path(), depth - 1, files);
        } else if kind.is_file() && name.to_string_lossy().starts_with("dmesg") {
            files.push(entry.path());
        }
    }
}

/// Reads the journal of the boot with the fault, and of those between it and this boot: a crash
/// kernel that boots the same root file system has one.
fn journals(armed: &Armed, left: &mut Leftovers) {
    let journal = |arguments: &[&str]| {
        let mut command = Command::new("journalctl");
        command.args(["--no-pager", "-q"]).args(arguments);
        match output_within(&mut command, PATIENCE) {
            Ok(output) if output.status.success() => Ok(output.stdout),
            Ok(output) => Err(format!("the journal: {}", output.stderr.trim())),
            Err(error) => Err(format!("the journal: {error:#}")),
        }
    };
    let boots = match journal(&["--list-boots"]) {
        Ok(text) => boots(&text),
        Err(error) => return left.unseen.push(error),
    };
    let boot = armed.boot_id.replace('-', "");
    let Some(at) = boots.iter().position(|other| *other == boot) else {
        let unseen =
            "the journal of that boot is lost: set Storage=persistent in journald.conf to keep it";
        return left.unseen.push(unseen.into());
    };
    match journal(&["-k", "-o", "short-monotonic", "-b", &boot]) {
        Ok(text) => left.logs.push(("the journal of that boot".into(), text)),
        Err(error) => left.unseen.push(error),
    }
    if let Ok(text) = journal(&["-n", "100", "-o", "short-monotonic", "-b", &boot]) {
        left.shutdown = shutdown(&text);
    }
    let between = boots.get(at + 1..boots.len().saturating_sub(1));
    for boot in between.unwrap_or_default() {
        let text = journal(&["-n", LINES, "-o", "short-monotonic", "-b", boot]);
        let text = text.unwrap_or_default();
        left.crash_kernel = crash_kernel(boot, &text).or(left.crash_kernel.take());
        let lines = text
            .lines()
            .filter(|line| SAVERS.iter().any(|word| line.contains(word)));
        left.saver.extend(lines.map(str::to_string));
    }
}

/// Returns the end of a boot's journal, if a crash kernel wrote it.
fn crash_kernel(boot: &str, text: &str) -> Option<String> {
    let is_one = |line: &str| line.contains("ommand line: ") && line.contains(CRASH_KERNEL);
    text.lines().find(|line| is_one(line))?;
    let last = text.lines().last().unwrap_or_default().trim();
    Some(format!(
        "the journal of the crash kernel's boot ({boot}) ends with: {last}"
    ))
}

/// Returns how long after the drill was armed this boot began.
fn back(armed_at: u64, now: u64, uptime: u64) -> Option<String> {
    let secs = now.checked_sub(uptime)?.checked_sub(armed_at)?;
    Some(format!(
        "this boot began {secs} s after the drill was armed, by this machine's clock"
    ))
}

/// Returns a note if the machine booted so late after its dump that it may have been reset by hand.
pub fn late(taken_at: u64) -> Option<String> {
    late_by(taken_at, facts::now(), facts::uptime())
}

fn late_by(taken_at: u64, now: u64, uptime: u64) -> Option<String> {
    let secs = now.checked_sub(uptime)?.checked_sub(taken_at)?;
    (secs > LATE_SECS).then(|| {
        format!(
            "this boot began {} min after the dump was written: check that the machine reboots \
             by itself",
            secs / 60
        )
    })
}

/// Returns the boots that the journal has, oldest first.
fn boots(list: &str) -> Vec<String> {
    let ids = list.lines().filter_map(|line| {
        let mut words = line.split_whitespace();
        words.next()?.parse::<i32>().ok()?;
        Some(words.next()?.to_string())
    });
    ids.collect()
}

fn shutdown(text: &str) -> Option<String> {
    let mut lines = text.lines();
    let line = lines.find(|line| SHUTDOWNS.iter().any(|words| line.contains(words)))?;
    Some(line.trim().into())
}

/// Returns the watchdog that reset the machine, if one did.
fn watchdog(devices: &Path) -> Option<String> {
    let entries = fs::read_dir(devices).ok()?.flatten();
    let mut names: Vec<_> = entries.map(|entry| entry.path()).collect();
    names.sort();
    names.iter().find_map(|device| {
        let status: u32 = fs::read_to_string(device.join("bootstatus"))
            .ok()?
            .trim()
            .parse()
            .ok()?;
        let name = fs::read_to_string(device.join("identity")).unwrap_or_default();
        let text = format!("the hardware watchdog ({}) reset the machine", name.trim());
        (status & CARD_RESET != 0).then_some(text)
    })
}

/// Returns why no dump fits into a directory, if none does.
fn full(directory: &Path) -> Option<String> {
    let room = rustix::fs::statvfs(directory).ok()?;
    let free = free(&room);
    let shown = directory.display();
    (free < ROOM).then(|| format!("{shown} has {} left", megabytes(free)))
}

/// Returns the free space for root, who saves the dumps, with the blocks reserved for root.
fn free(room: &StatVfs) -> u64 {
    room.f_bfree.saturating_mul(room.f_frsize)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn boots_of_the_journal() {
        let list = "IDX BOOT ID                          FIRST ENTRY                 LAST ENTRY\n \
                    -1 aaaa0000 Sat 2026-11-28 05:00:00 UTC Sat 2026-11-28 05:10:00 UTC\n  \
                    0 bbbb0000 Sat 2026-11-28 05:12:00 UTC Sat 2026-11-28 05:13:00 UTC\n";
        assert_eq!(boots(list), ["aaaa0000", "bbbb0000"]);
        let end = "[ 9.0] host systemd-shutdown[1]: Syncing filesystems\n";
        assert!(shutdown(end).is_some() && shutdown("[ 9.0] host sshd[1]: x\n").is_none());
    }

    #[test]
    fn a_boot_of_a_crash_kernel() {
        let log = |line: &str| {
            format!(
                "[ 0.0] host kernel: Linux version 6.12\n\
                 [ 0.0] host kernel: Command line: root=/dev/vda ro {line}\n\
                 [ 9.0] host systemd[1]: Reached target emergency.target.\n"
            )
        };
        assert_eq!(crash_kernel("bb", &log("quiet")), None);
        let said = crash_kernel("bb", &log("reset_devices elfcorehdr=0x6f000000")).unwrap();
        assert!(
            said.contains("(bb)") && said.ends_with("Reached target emergency.target."),
            "{said}"
        );
        assert_eq!(
            back(1000, 1500, 100).unwrap(),
            "this boot began 400 s after the drill was armed, by this machine's clock"
        );
        // The clock may have been set back.
        assert_eq!(back(2000, 1500, 100), None);
        assert_eq!(late_by(2000, 3000, 100), None);
        assert_eq!(late_by(9000, 3000, 100), None);
        let said = late_by(2000, 5600, 100).unwrap();
        assert!(said.starts_with("this boot began 58 min after"), "{said}");
    }

    #[test]
    fn a_watchdog_that_reset_the_machine() {
        let dir = tempfile::tempdir().unwrap();
        for (name, status) in [("watchdog0", "0\n"), ("watchdog1", "32\n")] {
            let device = dir.path().join(name);
            fs::create_dir(&device).unwrap();
            fs::write(device.join("bootstatus"), status).unwrap();
            fs::write(device.join("identity"), format!("{name}\n")).unwrap();
        }
        let said = watchdog(dir.path()).unwrap();
        assert_eq!(said, "the hardware watchdog (watchdog1) reset the machine");
        fs::write(dir.path().join("watchdog1/bootstatus"), "0\n").unwrap();
        assert_eq!(watchdog(dir.path()), None);
    }

    #[test]
    fn blocks_reserved_for_root_are_free() {
        let room = |bfree| {
            let mut room = rustix::fs::statvfs("/").unwrap();
            (room.f_frsize, room.f_bfree, room.f_bavail) = (4096, bfree, 0);
            free(&room)
        };
        assert_eq!((room(51200), room(0)), (200 << 20, 0));
    }
}
