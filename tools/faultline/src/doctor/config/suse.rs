// SPDX-License-Identifier: GPL-2.0

//! `/etc/sysconfig/kdump` of SUSE's kdump, which its scripts source. Names and defaults are those
//! of kdump 2.1.9 (`kdump-read-config.sh`). (RHEL's file of this name has other settings, without a
//! target.)

use super::shell::{Settings, Value};

/// Its path.
pub const FILE: &str = "/etc/sysconfig/kdump";

/// The file.
#[derive(Debug, Clone, Default)]
pub struct Suse {
    pub settings: Settings,
}

/// The target in `KDUMP_SAVEDIR`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SaveDir<'a> {
    Local(&'a str),
    /// A protocol and the host.
    Remote(&'a str, &'a str),
    /// An unknown protocol.
    Invalid(&'a str),
}

impl Suse {
    pub fn parse(text: &str) -> Self {
        Self {
            settings: Settings::of(FILE, text),
        }
    }

    /// Returns whether this is SUSE's file: RHEL's has none of these settings.
    pub fn is_suses(&self) -> bool {
        ["KDUMP_SAVEDIR", "KDUMP_DUMPLEVEL", "KDUMP_DUMPFORMAT"]
            .iter()
            .any(|name| self.settings.last(name).is_some())
    }

    pub fn or<'a>(&'a self, name: &str, default: &'a str) -> Value<'a> {
        self.settings.or(name, default, FILE)
    }

    /// Returns a boolean; its default if the value is neither yes nor no.
    pub fn flag(&self, name: &str, default: bool) -> (Option<bool>, Value<'_>) {
        let value = self.or(name, "");
        let flag = match value.text {
            None => None,
            Some("yes" | "1" | "true") => Some(true),
            Some("no" | "0" | "false") => Some(false),
            Some(_) => Some(default),
        };
        (flag, value)
    }

    /// Returns `KDUMP_SAVEDIR`; none if only a shell can expand it.
    pub fn save_dir(&self) -> (Option<SaveDir<'_>>, Value<'_>) {
        let value = self.or("KDUMP_SAVEDIR", "/var/crash");
        let dir = value.text.map(|text| match text.split_once("://") {
            None if text.starts_with('/') => SaveDir::Local(text),
            Some((protocol, path)) if protocol.eq_ignore_ascii_case("file") => SaveDir::Local(path),
            Some((protocol, rest))
                if ["ftp", "scp", "sftp", "ssh", "nfs", "smb", "cifs"]
                    .iter()
                    .any(|known| known.eq_ignore_ascii_case(protocol)) =>
            {
                let host = rest.split('/').next().unwrap_or_default();
                let host = host.rsplit('@').next().unwrap_or_default();
                SaveDir::Remote(protocol, host)
            }
            _ => SaveDir::Invalid(text),
        });
        (dir, value)
    }

    /// Returns the arguments of its call of makedumpfile.
    pub fn collector(&self) -> Option<String> {
        let format = match self.or("KDUMP_DUMPFORMAT", "compressed").text? {
            "none" | "raw" => return Some(String::new()),
            "ELF" => "-E",
            "compressed" => "-c",
            "lzo" => "-l",
            "snappy" => "-p",
            _ => "-z",
        };
        let level = self.or("KDUMP_DUMPLEVEL", "31").text?;
        let options = self.or("MAKEDUMPFILE_OPTIONS", "").text?;
        Some(
            format!("-F {format} -d {level} {options}")
                .trim_end()
                .to_owned(),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_packages_own() {
        let own = Suse::parse("KDUMP_CRASHKERNEL=\"auto\"\nKDUMP_SAVEDIR=\"/var/crash\"\nKDUMP_DUMPLEVEL=31\nKDUMP_DUMPFORMAT=\"compressed\"\n");
        assert!(own.is_suses());
        assert_eq!(own.save_dir().0, Some(SaveDir::Local("/var/crash")));
        assert_eq!(own.collector().unwrap(), "-F -c -d 31");
        assert!(!Suse::parse(
            "KDUMP_COMMANDLINE_APPEND=\"irqpoll nr_cpus=1\"\nKDUMP_IMG=\"vmlinuz\"\n"
        )
        .is_suses());
    }

    #[test]
    fn save_dirs() {
        for (text, expected) in [
            ("file:///x/y", SaveDir::Local("/x/y")),
            ("ssh://a:b@host/var", SaveDir::Remote("ssh", "host")),
            ("nfs://server/export", SaveDir::Remote("nfs", "server")),
            ("gopher://x", SaveDir::Invalid("gopher://x")),
            ("var/crash", SaveDir::Invalid("var/crash")),
        ] {
            let own = Suse::parse(&format!("KDUMP_SAVEDIR=\"{text}\""));
            assert_eq!(own.save_dir().0, Some(expected));
        }
    }

    #[test]
    fn flags() {
        let own = Suse::parse("A=no\nB=maybe\nC=$(x)\n");
        assert_eq!(own.flag("A", true).0, Some(false));
        assert_eq!(own.flag("B", true).0, Some(true));
        assert_eq!(own.flag("C", true).0, None);
        assert_eq!(own.flag("D", false).0, Some(false));
    }
}
