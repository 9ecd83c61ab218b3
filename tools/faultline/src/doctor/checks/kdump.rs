// SPDX-License-Identifier: GPL-2.0

//! Shared by the checks of kdump: constructors of findings, and figures of the machine.

use crate::doctor::config::place::Place;
use crate::doctor::finding::{Finding, Link, State};
use crate::fault::class::Classes;
use crate::system::{Seen, System};
use crate::verdict::stage::Stage;

/// Bytes in a MiB.
pub const MIB: u64 = 1 << 20;

/// Makes the findings of a link that all classes of faults share.
#[derive(Clone, Copy)]
pub struct About(pub Link);

impl About {
    fn finding(self, state: State, says: impl Into<String>) -> Finding {
        Finding::new(state, Classes::ALL, self.0, says)
    }

    pub fn fine(self, says: impl Into<String>) -> Finding {
        self.finding(State::Fine, says)
    }

    pub fn note(self, says: impl Into<String>) -> Finding {
        self.finding(State::Note, says)
    }

    /// Makes a finding that the check could not tell.
    pub fn unknown(self, says: impl Into<String>) -> Finding {
        self.finding(State::Unknown, says)
    }

    /// Makes a finding that fails after the next boot: a drill then ends at `stage`.
    pub fn later(self, stage: impl Into<Option<Stage>>, says: impl Into<String>) -> Finding {
        Finding {
            stage: stage.into(),
            ..self.finding(State::Later, says)
        }
    }

    /// Makes a finding that fails: a drill ends at `stage`, if that is known.
    pub fn wrong(self, stage: impl Into<Option<Stage>>, says: impl Into<String>) -> Finding {
        Finding {
            stage: stage.into(),
            ..self.finding(State::Wrong, says)
        }
    }
}

/// Evidence by line.
pub trait With {
    /// Adds the line that shows it.
    fn line(self, place: &Place, text: impl AsRef<str>) -> Self;
}

impl With for Finding {
    fn line(self, place: &Place, text: impl AsRef<str>) -> Self {
        self.evidence(place.to_string(), text.as_ref().trim())
    }
}

/// Reads a file with one number.
pub fn number(system: &System, path: &str) -> Seen<u64> {
    match system.text(path) {
        Seen::Is(text) => match text.trim().parse() {
            Ok(number) => Seen::Is(number),
            Err(_) => Seen::Unseen(format!("`{}` is not a number", text.trim())),
        },
        Seen::Absent => Seen::Absent,
        Seen::Unseen(why) => Seen::Unseen(why),
    }
}

/// Returns whether `path` exists; none if that could not be read.
pub fn is_there(system: &System, path: &str) -> Option<bool> {
    match system.stat(path) {
        Seen::Is(stat) => Some(stat.file_type != crate::system::FileType::Dangling),
        Seen::Absent => Some(false),
        Seen::Unseen(_) => None,
    }
}

/// Returns whether one of `paths` exists; none if that could not be read.
pub fn is_one_there(system: &System, paths: &[&str]) -> Option<bool> {
    let seen: Vec<_> = paths.iter().map(|path| is_there(system, path)).collect();
    match seen.contains(&Some(true)) {
        true => Some(true),
        false => seen.into_iter().collect::<Option<Vec<_>>>().map(|_| false),
    }
}

/// Returns a value of /proc/meminfo, in bytes.
pub fn meminfo(text: &str, name: &str) -> Option<u64> {
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
    line.split_ascii_whitespace()
        .next()?
        .parse::<u64>()
        .ok()?
        .checked_mul(1024)
}

/// Returns the start and end of the ranges of /proc/iomem with that name. Only root sees them.
pub fn ranges(text: &str, name: &str) -> Vec<(u64, u64)> {
    let range = |line: &str| {
        let (range, what) = line.trim().split_once(" : ")?;
        let (start, end) = range.split_once('-')?;
        let hex = |text: &str| u64::from_str_radix(text, 16).ok();
        (what == name).then_some((hex(start)?, hex(end)?))
    };
    text.lines()
        .filter_map(range)
        .filter(|(_, end)| *end != 0)
        .collect()
}

/// Returns the size of the machine's memory: from /proc/iomem, or else as the sum of the kernel's
/// and the crash kernel's memory.
pub fn memory(system: &System) -> Option<u64> {
    let ram: u64 = system.text("/proc/iomem").is().map_or(0, |text| {
        ranges(&text, "System RAM")
            .iter()
            .map(|(start, end)| end - start + 1)
            .sum()
    });
    if ram != 0 {
        return Some(ram);
    }
    let total = meminfo(&system.text("/proc/meminfo").is()?, "MemTotal")?;
    let crash = number(system, "/sys/kernel/kexec_crash_size")
        .is()
        .unwrap_or(0);
    Some(total + crash)
}

/// The estimated size of a dump.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Size {
    /// If each page compresses as well as kernel pages usually do.
    pub least: u64,
    /// If no page compresses.
    pub most: u64,
    pub how: String,
}

/// Estimates the size of a dump now, at a dump level of makedumpfile.
pub fn dump_size(system: &System, level: u8, is_compressed: bool) -> Option<Size> {
    let text = system.text("/proc/meminfo").is()?;
    let crash = number(system, "/sys/kernel/kexec_crash_size")
        .is()
        .unwrap_or(0);
    let mut most = memory(system)?.saturating_sub(crash);
    let mut how = format!("{} MiB of memory", most / MIB);
    let mut less = |bits: u8, names: &[&str], what: &str| {
        if level & bits == bits {
            let bytes = names.iter().filter_map(|name| meminfo(&text, name)).sum();
            most = most.saturating_sub(bytes);
            how.push_str(&format!(", less {} MiB {what}", bytes / MIB));
        }
    };
    less(16, &["MemFree"], "free");
    less(6, &["Cached", "Buffers"], "cached");
    less(8, &["AnonPages"], "of programs");
    if is_compressed {
        how.push_str("; compressed to a quarter at best");
    }
    Some(Size {
        least: if is_compressed { most / 4 } else { most },
        most,
        how,
    })
}

/// Returns the version of an installed package from dpkg's status.
pub fn package(system: &System, name: &str) -> Seen<String> {
    let status = system.text("/var/lib/dpkg/status");
    let of = |text: String| {
        text.split("\n\n").find_map(|part| {
            let field = |field: &str| {
                part.lines()
                    .find_map(|line| line.strip_prefix(field)?.strip_prefix(": "))
            };
            let is_it = field("Package") == Some(name)
                && field("Status").is_some_and(|status| status.ends_with(" installed"));
            is_it.then(|| field("Version").map(str::to_owned)).flatten()
        })
    };
    match status {
        Seen::Is(text) => of(text).map_or(Seen::Absent, Seen::Is),
        Seen::Absent => Seen::Unseen("dpkg does not manage the packages".into()),
        Seen::Unseen(why) => Seen::Unseen(why),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::system::testing::Machine;

    const IOMEM: &str = "00001000-0009fbff : System RAM\n00100000-7ffdefff : System RAM\n  01000000-021fffff : Kernel code\n";

    #[test]
    fn the_machines_memory() {
        let machine = Machine::new().file("/proc/iomem", IOMEM);
        assert_eq!(
            memory(&machine.system()),
            Some(0x7ffd_f000 - 0x0010_0000 + 0x9fc00 - 0x1000)
        );
        // As whoever is not root sees it.
        let hidden = Machine::new()
            .file("/proc/iomem", "00000000-00000000 : System RAM\n")
            .file("/proc/meminfo", "MemTotal:  1024 kB\n")
            .file("/sys/kernel/kexec_crash_size", "1048576\n");
        assert_eq!(memory(&hidden.system()), Some(2 * MIB));
    }

    #[test]
    fn a_dumps_size() {
        let machine = Machine::new()
            .file("/proc/iomem", "00000000-7fffffff : System RAM\n")
            .file("/sys/kernel/kexec_crash_size", "201326592\n")
            .file("/proc/meminfo", "MemTotal: 1794076 kB\nMemFree: 1048576 kB\nBuffers: 10240 kB\nCached: 512000 kB\nAnonPages: 102400 kB\n");
        let system = machine.system();
        let size = |level, is_compressed| dump_size(&system, level, is_compressed).unwrap();
        assert_eq!(size(0, false).most / MIB, 1856);
        let usual = size(31, true);
        assert_eq!((usual.least / MIB, usual.most / MIB), (55, 222));
        assert_eq!(
            usual.how,
            "1856 MiB of memory, less 1024 MiB free, less 510 MiB cached, less 100 MiB of programs; \
             compressed to a quarter at best"
        );
        assert_eq!(size(17, false).most / MIB, 1856 - 1024);
    }

    #[test]
    fn versions_of_packages() {
        let machine = Machine::new().file(
            "/var/lib/dpkg/status",
            "Package: kdump-tools\nStatus: install ok installed\nVersion: 1:1.10.7\n\n\
             Package: crash\nStatus: deinstall ok config-files\nVersion: 8\n",
        );
        let system = machine.system();
        assert_eq!(package(&system, "kdump-tools"), Seen::Is("1:1.10.7".into()));
        assert_eq!(package(&system, "crash"), Seen::Absent);
    }
}
