// SPDX-License-Identifier: GPL-2.0

//! What several checks need of a machine, read once.

use super::class::Classes;
use super::config::command_line::CommandLine;
use crate::system::{Seen, System};
use std::cell::OnceCell;

/// The machine, and what is known of it.
pub struct Facts<'s> {
    pub system: &'s System,
    /// The classes that were asked for.
    pub only: Classes,
    /// The release of the kernel that runs.
    pub release: Seen<String>,
    /// The command line of the kernel that runs.
    pub command_line: Seen<CommandLine>,
    log: OnceCell<Seen<String>>,
    os: OnceCell<Vec<(String, String)>>,
}

impl<'s> Facts<'s> {
    pub fn of(system: &'s System, only: Classes) -> Self {
        Facts {
            system,
            only,
            release: system.release(),
            command_line: system
                .text("/proc/cmdline")
                .map(|text| CommandLine::parse(&text)),
            log: OnceCell::new(),
            os: OnceCell::new(),
        }
    }

    /// Returns whether some classes were named, which then count even if they are usually off.
    pub fn insists(&self) -> bool {
        self.only != Classes::ALL
    }

    /// This boot's kernel log. Its beginning may be lost: see [`System::log`].
    pub fn log(&self) -> &Seen<String> {
        self.log.get_or_init(|| self.system.log())
    }

    /// The first line of the kernel log that has `text` in it: none where the whole log has none.
    /// `unseen` is what it means that the log, or its beginning, could not be read.
    pub fn logged(&self, text: &str) -> Seen<String> {
        let log = match self.log() {
            Seen::Is(log) => log,
            Seen::Absent => return Seen::Absent,
            Seen::Unseen(why) => return Seen::Unseen(why.clone()),
        };
        match log.lines().find(|line| line.contains(text)) {
            Some(line) => Seen::Is(line.into()),
            None if log.contains("Linux version ") => Seen::Absent,
            None => Seen::Unseen("the beginning of the kernel log is lost".into()),
        }
    }

    /// A key of os-release, such as `ID` or `VERSION_ID`.
    pub fn os(&self, key: &str) -> Option<&str> {
        let pairs = self.os.get_or_init(|| {
            let text = self.system.text("/etc/os-release");
            let text = text.or_else(|| self.system.text("/usr/lib/os-release"));
            let pairs = text.is().unwrap_or_default();
            let pairs = pairs.lines().filter_map(|line| line.split_once('='));
            let plain = |value: &str| value.trim().trim_matches(['"', '\'']).to_string();
            pairs
                .map(|(key, value)| (key.trim().into(), plain(value)))
                .collect()
        });
        pairs
            .iter()
            .find(|(known, _)| known == key)
            .map(|(_, value)| value.as_str())
    }
}
