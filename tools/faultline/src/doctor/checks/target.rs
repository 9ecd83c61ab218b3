// SPDX-License-Identifier: GPL-2.0

//! The directory for dumps: it exists, is mounted, and has enough space. And who can read the dumps
//! in it.

use super::kdump::{dump_size, is_one_there, About, With, MIB};
use crate::doctor::check::Check;
use crate::doctor::config::makedumpfile;
use crate::doctor::config::place::Place;
use crate::doctor::config::saver::{Goal, Saver};
use crate::doctor::facts::Facts;
use crate::doctor::finding::{Finding, Link, State};
use crate::system::{FileType, Seen, System};
use crate::verdict::stage::Stage;

const ABOUT: About = About(Link::Dump);

/// The family's checks.
pub const CHECKS: &[Check] = &[
    Check {
        name: "dump_target",
        reads: "KDUMP_COREDIR, path in kdump.conf, KDUMP_SAVEDIR; /etc/fstab, /proc/self/mounts",
        why: "if the file system for dumps is not mounted, the dump is saved on another one, or not at all",
        mend: "mount it, or correct the setting",
        run: target,
    },
    Check {
        name: "dump_room",
        reads: "the free space there, /proc/meminfo, the dump level",
        why: "a full disk leaves an incomplete dump",
        mend: "free space, or save dumps elsewhere",
        run: room,
    },
    Check {
        name: "dump_rights",
        reads: "the permissions of existing dumps",
        why: "a dump contains the whole memory, with keys and passwords",
        mend: "chmod 700 the directory",
        run: rights,
    },
];

pub fn goal(facts: &Facts) -> (Saver, Goal, Place) {
    let saver = Saver::of(facts.system);
    let (goal, place) = saver.goal();
    (saver, goal, place)
}

/// Returns whether `path` is `dir` or below it.
fn is_below(path: &str, dir: &str) -> bool {
    let dir = dir.trim_end_matches('/');
    path.strip_prefix(dir)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Returns the line of fstab with the longest mount point above `path`, except `/`.
fn in_fstab(text: &str, path: &str) -> Option<(usize, String, String)> {
    let lines = text.lines().enumerate().filter_map(|(index, line)| {
        let words: Vec<_> = line.split('#').next()?.split_ascii_whitespace().collect();
        let [_, point, _, options, ..] = words.as_slice() else {
            return None;
        };
        let is_it = *point != "/"
            && point.starts_with('/')
            && is_below(path, point)
            && !options.split(',').any(|one| one == "noauto");
        is_it.then(|| (index + 1, (*point).to_owned(), line.trim().to_owned()))
    });
    lines.max_by_key(|(_, point, _)| point.len())
}

fn target(facts: &Facts) -> Vec<Finding> {
    let system = facts.system;
    let (saver, goal, place) = goal(facts);
    let finding = match goal {
        Goal::Directory(dir) => return vec![directory(system, &saver, &dir, &place)],
        Goal::Remote { protocol, host, .. } => ABOUT
            .fine(format!("dumps go to {host}, by {protocol}"))
            .line(&place, host),
        Goal::Device(what) => ABOUT
            .fine(format!("dumps go to {what}"))
            .line(&place, &what),
        Goal::Invalid(text) => ABOUT
            .wrong(
                Stage::DumpFailed,
                format!("`{text}` is not a valid target for dumps"),
            )
            .line(&place, text)
            .mend("# correct the line"),
        Goal::Unknown if matches!(saver, Saver::Nothing) => ABOUT.wrong(
            Stage::PanicNoCrashKernel,
            "nothing on this machine saves dumps",
        ),
        Goal::Unknown => ABOUT
            .unknown("cannot tell where dumps go: the setting needs a shell")
            .line(&place, "..."),
    };
    vec![finding]
}

fn directory(system: &System, saver: &Saver, dir: &str, place: &Place) -> Finding {
    let (Seen::Is(mounts), fstab) = (
        system.mounts(),
        system.text("/etc/fstab").is().unwrap_or_default(),
    ) else {
        return ABOUT
            .unknown(format!(
                "cannot tell whether the file system of {dir} is mounted"
            ))
            .line(place, dir);
    };
    if let Some((line, point, text)) = in_fstab(&fstab, dir) {
        if !mounts.iter().any(|mount| mount.point == point) {
            let says = format!("{point} is in fstab but not mounted: a dump is saved on the file system below it, or not at all");
            return ABOUT
                .wrong(None, says)
                .evidence(format!("/etc/fstab:{line}"), text)
                .line(place, dir)
                .evidence("/proc/self/mounts", format!("(no {point})"))
                .mend(format!(
                    "mount {point}  # and find out why it was not mounted"
                ));
        }
    }
    let on = mounts
        .iter()
        .filter(|mount| is_below(dir, &mount.point))
        .max_by_key(|mount| mount.point.len());
    if let Some(mount) = on {
        if matches!(mount.fstype.as_str(), "tmpfs" | "ramfs") {
            let says =
                format!("dumps go to {dir}, which is in memory: a dump is lost in the reboot");
            return ABOUT
                .wrong(Stage::DumpFailed, says)
                .line(place, dir)
                .evidence(
                    "/proc/self/mounts",
                    format!("{} {}", mount.point, mount.fstype),
                )
                .mend("# set a directory on a disk");
        }
        if mount.options.iter().any(|option| option == "ro") {
            let says = format!("dumps go to {dir}, which is read-only");
            return ABOUT
                .wrong(Stage::DumpFailed, says)
                .line(place, dir)
                .evidence(
                    "/proc/self/mounts",
                    format!("{} {} ro", mount.point, mount.fstype),
                )
                .mend(format!("mount -o remount,rw {}", mount.point));
        }
    }
    match system.stat(dir) {
        Seen::Is(stat) if stat.file_type != FileType::Directory => ABOUT
            .wrong(
                Stage::DumpFailed,
                format!("dumps go to {dir}, which is not a directory"),
            )
            .line(place, dir)
            .mend(format!("# move {dir} away")),
        // kdump-config and SUSE's kdump create it.
        Seen::Absent if matches!(saver, Saver::KdumpUtils { .. }) => ABOUT
            .wrong(
                None,
                format!("dumps go to {dir}, which does not exist: kdumpctl does not start"),
            )
            .line(place, dir)
            .mend(format!("mkdir -p {dir}")),
        _ => {
            let point = on.map_or("/", |mount| &mount.point);
            ABOUT
                .fine(format!("dumps go to {dir}, on the file system at {point}"))
                .line(place, dir)
        }
    }
}

fn room(facts: &Facts) -> Vec<Finding> {
    let system = facts.system;
    let (saver, goal, _) = goal(facts);
    let Goal::Directory(dir) = goal else {
        return Vec::new();
    };
    // A wrong target has its own finding.
    if matches!(
        directory(system, &saver, &dir, &Place::whole("")).state,
        State::Wrong
    ) {
        return Vec::new();
    }
    let (arguments, level_place) = saver.collector();
    let Some(arguments) = arguments else {
        return Vec::new();
    };
    // Refused options have their own finding.
    let Ok(call) = makedumpfile::call(&arguments) else {
        return Vec::new();
    };
    let has_makedumpfile = is_one_there(system, super::collector::PROGRAMS) != Some(false);
    let (level, is_compressed) = match has_makedumpfile && !arguments.is_empty() {
        true => (call.level, call.is_compressed),
        false => (0, false),
    };
    let Some(size) = dump_size(system, level, is_compressed) else {
        return vec![ABOUT
            .unknown("the size of a dump is unknown")
            .evidence("/proc/meminfo", "(not seen)")];
    };
    // The directory may be created only for the first dump.
    let mut at = dir.clone();
    let room = loop {
        match system.room(&at) {
            Seen::Absent if at != "/" => {
                at = match at.rsplit_once('/') {
                    Some(("", _)) | None => "/".to_owned(),
                    Some((above, _)) => above.to_owned(),
                }
            }
            Seen::Is(room) => break room,
            Seen::Absent => return Vec::new(),
            Seen::Unseen(why) => {
                return vec![ABOUT
                    .unknown(format!("cannot read the free space of {dir}"))
                    .evidence(dir, why)]
            }
        }
    };
    let expected = format!(
        "{} to {} MiB expected: {}",
        size.least / MIB,
        size.most / MIB,
        size.how
    );
    let free = room.free / MIB;
    let more = format!("# free space on {}, or save dumps elsewhere", room.mount);
    let finding = if room.free < size.least {
        ABOUT
            .wrong(
                Stage::DumpIncomplete,
                format!(
                    "{free} MiB are free on {}: not enough for a dump",
                    room.mount
                ),
            )
            .mend(more)
    } else if room.free < size.most {
        ABOUT
            .unknown(format!(
                "{free} MiB are free on {}: enough only for a dump that compresses well",
                room.mount
            ))
            .mend(more)
    } else if room.files == Some(0) {
        ABOUT
            .wrong(
                Stage::DumpFailed,
                format!(
                    "no file can be created on {}: no inodes are free",
                    room.mount
                ),
            )
            .mend(more)
    } else {
        ABOUT.fine(format!("{free} MiB are free for a dump"))
    };
    vec![finding
        .evidence(dir, format!("{free} of {} MiB free", room.total / MIB))
        .line(&level_place, arguments)
        .evidence("/proc/meminfo", expected)]
}

fn rights(facts: &Facts) -> Vec<Finding> {
    let system = facts.system;
    let (_, Goal::Directory(dir), _) = goal(facts) else {
        return Vec::new();
    };
    let (Seen::Is(stat), Seen::Is(names)) = (system.stat(&dir), system.list(&dir)) else {
        return Vec::new();
    };
    let is_open = |mode: u32| mode & 0o001 != 0;
    let mut open = Vec::new();
    let mut unfinished = Vec::new();
    for name in &names {
        let below = format!("{dir}/{name}");
        let (Seen::Is(inner), Seen::Is(files)) = (system.stat(&below), system.list(&below)) else {
            continue;
        };
        for file in files {
            let path = format!("{below}/{file}");
            let Seen::Is(dump) = system.stat(&path) else {
                continue;
            };
            if file.contains("incomplete") {
                unfinished.push(path);
            } else if (file.starts_with("dump.") || file.starts_with("vmcore"))
                && dump.mode & 0o004 != 0
                && is_open(stat.mode)
                && is_open(inner.mode)
            {
                open.push((path, dump.mode));
            }
        }
    }
    let mut findings = Vec::new();
    if let Some((path, mode)) = open.first() {
        let says = format!(
            "{} of the existing dumps can be read by every user",
            open.len()
        );
        findings.push(
            ABOUT
                .note(says)
                .evidence(path, format!("mode {mode:04o}"))
                .mend(format!("chmod 700 {dir}")),
        );
    }
    if let Some(path) = unfinished.first() {
        findings.push(
            ABOUT
                .note("an earlier dump is unfinished")
                .evidence(path, "(there)"),
        );
    }
    findings
}

#[cfg(test)]
mod tests;
