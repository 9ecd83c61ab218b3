// SPDX-License-Identifier: GPL-2.0

//! The directory that dumps go to: there, mounted, with room. And who can read the dumps that are
//! there.

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
        why: "where the file system for dumps is not mounted, the dump goes to another, or nowhere",
        mend: "mount it, or correct the setting",
        run: target,
    },
    Check {
        name: "dump_room",
        reads: "the room there, /proc/meminfo, the dump level",
        why: "a full disk leaves half a dump",
        mend: "make room, or save dumps elsewhere",
        run: room,
    },
    Check {
        name: "dump_rights",
        reads: "the rights of dumps that are there",
        why: "a dump has everything that was in memory: keys, passwords",
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

/// The line of fstab for the longest mount point, `/` left out, that `path` is below.
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
                format!("`{text}` is no place for a dump"),
            )
            .line(&place, text)
            .mend("# correct the line"),
        Goal::Unknown if matches!(saver, Saver::Nothing) => {
            ABOUT.wrong(Stage::PanicNoCrashKernel, "nothing here saves dumps")
        }
        Goal::Unknown => ABOUT
            .unknown("where dumps go: only a shell could tell")
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
                "whether the file system of {dir} is mounted could not be seen"
            ))
            .line(place, dir);
    };
    if let Some((line, point, text)) = in_fstab(&fstab, dir) {
        if !mounts.iter().any(|mount| mount.point == point) {
            let says = format!("{point} is not mounted, although it is in fstab: a dump goes to what is below it, or nowhere");
            return ABOUT
                .wrong(None, says)
                .evidence(format!("/etc/fstab:{line}"), text)
                .line(place, dir)
                .evidence("/proc/self/mounts", format!("(no {point})"))
                .mend(format!("mount {point}  # and see why it was not"));
        }
    }
    let on = mounts
        .iter()
        .filter(|mount| is_below(dir, &mount.point))
        .max_by_key(|mount| mount.point.len());
    if let Some(mount) = on {
        if matches!(mount.fstype.as_str(), "tmpfs" | "ramfs") {
            let says =
                format!("dumps go to {dir}, which is in memory: a dump is gone with the reboot");
            return ABOUT
                .wrong(Stage::DumpFailed, says)
                .line(place, dir)
                .evidence(
                    "/proc/self/mounts",
                    format!("{} {}", mount.point, mount.fstype),
                )
                .mend("# name a directory on a disk");
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
                format!("dumps go to {dir}, which is no directory"),
            )
            .line(place, dir)
            .mend(format!("# move {dir} away")),
        // kdump-config makes it; so does SUSE's.
        Seen::Absent if matches!(saver, Saver::KdumpUtils { .. }) => ABOUT
            .wrong(
                None,
                format!("dumps go to {dir}, which is not there: kdumpctl does not start"),
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
    // What is wrong with such a place is a finding of its own.
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
    // What makedumpfile refuses is a finding of its own.
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
            .unknown("how large a dump would be is not known")
            .evidence("/proc/meminfo", "(not seen)")];
    };
    // The directory may be made only when there is a dump.
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
                    .unknown(format!("the room at {dir} could not be seen"))
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
    let more = format!("# make room at {}, or save dumps elsewhere", room.mount);
    let finding = if room.free < size.least {
        ABOUT
            .wrong(
                Stage::DumpIncomplete,
                format!("{free} MiB are free at {}: too few for a dump", room.mount),
            )
            .mend(more)
    } else if room.free < size.most {
        ABOUT
            .unknown(format!(
                "{free} MiB are free at {}: enough for a dump only if it compresses well",
                room.mount
            ))
            .mend(more)
    } else if room.files == Some(0) {
        ABOUT
            .wrong(
                Stage::DumpFailed,
                format!(
                    "no file can be made at {} any more: no inodes are left",
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
            "{} of the dumps that are there can be read by everybody",
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
                .note("an earlier dump was not finished")
                .evidence(path, "(there)"),
        );
    }
    findings
}

#[cfg(test)]
mod tests;
