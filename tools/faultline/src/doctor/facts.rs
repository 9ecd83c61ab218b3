// SPDX-License-Identifier: GPL-2.0

//! The facts of a machine that several checks use, read once.

use super::config::command_line::CommandLine;
use super::config::sysctl::Sysctls;
use crate::cpu_list;
use crate::fault::class::Classes;
use crate::system::{Seen, System};
use std::cell::OnceCell;

/// A machine and its facts.
pub struct Facts<'s> {
    pub system: &'s System,
    /// The classes to examine.
    pub only: Classes,
    /// The release of the running kernel.
    pub release: Seen<String>,
    /// The command line of the running kernel.
    pub command_line: Seen<CommandLine>,
    log: OnceCell<Seen<String>>,
    os: OnceCell<Vec<(String, String)>>,
    sysctls: OnceCell<Sysctls>,
    kernel_config: OnceCell<(String, Seen<String>)>,
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
            sysctls: OnceCell::new(),
            kernel_config: OnceCell::new(),
        }
    }

    /// Returns whether the user named classes, which then count even if they are usually off.
    pub fn insists(&self) -> bool {
        self.only != Classes::ALL
    }

    /// Returns this boot's kernel log. Its beginning may be lost: see [`System::log`].
    pub fn log(&self) -> &Seen<String> {
        self.log.get_or_init(|| self.system.log())
    }

    /// Returns the first line of the kernel log with `text`; absent if the complete log has none,
    /// and unseen if the log, or its beginning, could not be read.
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

    /// Returns the sysctls that are set at boot.
    pub fn sysctls(&self) -> &Sysctls {
        self.sysctls
            .get_or_init(|| Sysctls::of(self.system, &self.command_line))
    }

    /// Returns an option of the kernel's configuration (`y`, `10`), and the file with it. Absent:
    /// it is not set.
    pub fn kernel_option(&self, option: &str) -> (&str, Seen<String>) {
        let (path, text) = self.kernel_config.get_or_init(|| {
            let Seen::Is(release) = &self.release else {
                return (
                    "/boot/config-*".into(),
                    Seen::Unseen("the kernel's release is unknown".into()),
                );
            };
            let of_boot = format!("/boot/config-{release}");
            let mut places = vec![of_boot.clone()];
            for dir in ["/lib/modules", "/usr/lib/modules"] {
                places.extend(
                    ["config", "build/.config"].map(|name| format!("{dir}/{release}/{name}")),
                );
            }
            for place in places {
                if let text @ Seen::Is(_) = self.system.text(&place) {
                    return (place, text);
                }
            }
            let why = "the configuration of this kernel was not found".to_string();
            (of_boot, Seen::Unseen(why))
        });
        let value = match text {
            Seen::Is(text) => {
                let pairs = text.lines().filter_map(|line| line.split_once('='));
                let mut found = pairs.filter(|(key, _)| *key == option);
                found
                    .next()
                    .map_or(Seen::Absent, |(_, value)| Seen::Is(value.trim().into()))
            }
            Seen::Absent => Seen::Absent,
            Seen::Unseen(why) => Seen::Unseen(why.clone()),
        };
        (path, value)
    }

    /// Returns the online CPUs.
    pub fn online(&self) -> Seen<Vec<u32>> {
        let text = self.system.text("/sys/devices/system/cpu/online");
        match text.map(|text| cpu_list::parse(&text)) {
            Seen::Is(Some(cpus)) => Seen::Is(cpus),
            Seen::Is(None) => Seen::Unseen("not a list of CPUs".into()),
            Seen::Absent => Seen::Absent,
            Seen::Unseen(why) => Seen::Unseen(why),
        }
    }

    /// Returns a key of os-release, such as `ID` or `VERSION_ID`.
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::system::testing::Machine;

    #[test]
    fn what_is_in_the_log_and_in_the_configuration() {
        let system = Machine::new()
            .sysctl("kernel.osrelease", "6.1")
            .file("/boot/config-6.1", "CONFIG_A=y\n# CONFIG_B is not set\n")
            .file("/usr/lib/os-release", "ID=\"debian\"\n")
            .log("[    0.0] Linux version 6.1\n[    1.0] b\n")
            .system();
        let facts = Facts::of(&system, Classes::ALL);
        assert_eq!(
            facts.kernel_option("CONFIG_A"),
            ("/boot/config-6.1", Seen::Is("y".into()))
        );
        assert_eq!(facts.kernel_option("CONFIG_B").1, Seen::Absent);
        assert_eq!(facts.logged("] b"), Seen::Is("[    1.0] b".into()));
        assert_eq!(facts.logged("] c"), Seen::Absent);
        assert_eq!(facts.os("ID"), Some("debian"));
        let system = Machine::new()
            .sysctl("kernel.osrelease", "6.1")
            .log("[    9.0] b\n")
            .system();
        let facts = Facts::of(&system, Classes::ALL);
        assert!(facts.logged("] c").is_unseen() && facts.kernel_option("CONFIG_A").1.is_unseen());
    }
}
