// SPDX-License-Identifier: GPL-2.0

//! Where this machine's kdump puts its dumps: read from the configuration of kdump-tools,
//! kdump-utils and SUSE's kdump.

use std::path::{Path, PathBuf};

/// Where all of them put dumps if nothing else is said.
const USUAL: &str = "/var/crash";

/// The place of the dumps.
#[derive(Debug, Clone, PartialEq)]
pub struct Target {
    /// Directories of this machine.
    pub directories: Vec<PathBuf>,
    /// A place on another machine, in words.
    pub remote: Option<String>,
}

impl Target {
    /// Reads the configuration; `text` reads a file, none if it is not there.
    pub fn read(text: &dyn Fn(&str) -> Option<String>) -> Self {
        let mut target = Target {
            directories: vec![USUAL.into()],
            remote: None,
        };
        if let Some(config) = text("/etc/default/kdump-tools") {
            target.kdump_tools(&config);
        }
        if let Some(config) = text("/etc/kdump.conf") {
            let mounts = text("/proc/self/mounts").unwrap_or_default();
            let fstab = text("/etc/fstab").unwrap_or_default();
            target.kdump_utils(&config, &(fstab + "\n" + &mounts));
        }
        if let Some(config) = text("/etc/sysconfig/kdump") {
            target.suse(&config);
        }
        target
    }

    fn add(&mut self, directory: impl Into<PathBuf>) {
        let directory = directory.into();
        if directory.is_absolute() && !self.directories.contains(&directory) {
            self.directories.push(directory);
        }
    }

    fn kdump_tools(&mut self, config: &str) {
        if let Some(directory) = variable(config, "KDUMP_COREDIR") {
            self.add(directory);
        }
        for (name, kind) in [("NFS", "NFS"), ("SSH", "SSH"), ("FTP", "FTP")] {
            if let Some(place) = variable(config, name) {
                self.remote = Some(format!("{place} ({kind})"));
            }
        }
    }

    /// `table` is what is mounted where, as fstab has it.
    fn kdump_utils(&mut self, config: &str, table: &str) {
        let lines = || {
            let lines = config
                .lines()
                .map(|line| line.split('#').next().unwrap_or(""));
            lines.filter_map(|line| line.trim().split_once(char::is_whitespace))
        };
        let path = lines().filter(|(name, _)| *name == "path").last();
        let path = path.map_or(USUAL, |(_, path)| path.trim());
        self.add(path);
        for (name, value) in lines() {
            let value = value.trim();
            match name {
                "nfs" | "ssh" => self.remote = Some(format!("{value} ({})", name.to_uppercase())),
                "raw" => self.remote = Some(format!("the raw device {value}")),
                "ext2" | "ext3" | "ext4" | "xfs" | "btrfs" | "minix" | "virtiofs" => {
                    let entries = table.lines().map(|line| line.split_whitespace());
                    let mut entries = entries.filter_map(|mut words| {
                        (words.next()? == value).then(|| words.next()).flatten()
                    });
                    if let Some(mounted) = entries.next() {
                        self.add(Path::new(mounted).join(path.trim_start_matches('/')));
                    }
                }
                _ => {}
            }
        }
    }

    fn suse(&mut self, config: &str) {
        let Some(place) = variable(config, "KDUMP_SAVEDIR") else {
            return;
        };
        match place.split_once("://") {
            Some(("file", path)) => self.add(path),
            Some(_) => self.remote = Some(place),
            None => self.add(place),
        }
    }

    /// A line for people.
    pub fn says(&self) -> String {
        let shown = self.directories.iter().map(|dir| dir.display().to_string());
        match &self.remote {
            Some(remote) => format!("{remote}: on another machine, or no file"),
            None => shown.collect::<Vec<_>>().join(", "),
        }
    }
}

/// The value that a shell gives a variable in such a file: the last one, without its quotes.
fn variable(config: &str, name: &str) -> Option<String> {
    let lines = config.lines().map(str::trim);
    let values = lines.filter_map(|line| line.strip_prefix(name)?.strip_prefix('='));
    let value = values.last()?;
    let value = match value.chars().next() {
        Some(quote @ ('"' | '\'')) => value[1..].split(quote).next().unwrap_or(""),
        _ => value.split([' ', '\t', '#', ';']).next().unwrap_or(""),
    };
    Some(value.to_string()).filter(|value| !value.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(files: &[(&str, &str)]) -> Target {
        Target::read(&|path| {
            let mut files = files.iter();
            files
                .find(|(name, _)| *name == path)
                .map(|(_, text)| (*text).into())
        })
    }

    fn of(directories: &[&str], remote: Option<&str>) -> Target {
        Target {
            directories: directories.iter().map(PathBuf::from).collect(),
            remote: remote.map(str::to_string),
        }
    }

    #[test]
    fn the_three_families() {
        let tools = "/etc/default/kdump-tools";
        let default = "USE_KDUMP=1\nKDUMP_COREDIR=\"/var/crash\"\n# NFS=\"<nfs mount>\"\n";
        assert_eq!(read(&[(tools, default)]), of(&["/var/crash"], None));
        let other = "#KDUMP_COREDIR=\"/x\"\nKDUMP_COREDIR='/srv/dumps' # here\nSSH=\"user@host\"\n";
        assert_eq!(
            read(&[(tools, other)]),
            of(&["/var/crash", "/srv/dumps"], Some("user@host (SSH)"))
        );
        let conf = "/etc/kdump.conf";
        assert_eq!(
            read(&[(
                conf,
                "#path /x\npath /var/crash\ncore_collector makedumpfile -l\n"
            )]),
            of(&["/var/crash"], None)
        );
        assert_eq!(
            read(&[
                (conf, "xfs UUID=12\npath /dumps\n"),
                (
                    "/etc/fstab",
                    "UUID=11 / xfs\nUUID=12 /data xfs defaults 0 0\n"
                ),
            ]),
            of(&["/var/crash", "/dumps", "/data/dumps"], None)
        );
        assert_eq!(
            read(&[(conf, "nfs host:/export\n")]).remote.unwrap(),
            "host:/export (NFS)"
        );
        let suse = |value: &str| read(&[("/etc/sysconfig/kdump", value)]);
        assert_eq!(
            suse("KDUMP_SAVEDIR=\"file:///srv/crash\"\n"),
            of(&["/var/crash", "/srv/crash"], None)
        );
        let remote = "nfs://host/export";
        let text = format!("KDUMP_SAVEDIR=\"{remote}\"\n");
        assert_eq!(suse(&text), of(&["/var/crash"], Some(remote)));
        // kdump-utils has a file of that name, too.
        assert_eq!(suse("KDUMP_KERNELVER=\"\"\n"), of(&["/var/crash"], None));
    }
}
