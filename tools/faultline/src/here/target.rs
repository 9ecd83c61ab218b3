// SPDX-License-Identifier: GPL-2.0

//! The directories into which this machine's kdump saves its dumps, from the configuration that the
//! doctor reads.

use crate::doctor::config::kdump_conf;
use crate::doctor::config::saver::{Goal, Saver};
use crate::system::System;
use std::path::{Path, PathBuf};

/// The default directory of every distribution.
const USUAL: &str = "/var/crash";

/// The target of the dumps.
#[derive(Debug, Clone, PartialEq)]
pub struct Target {
    /// Directories of this machine.
    pub directories: Vec<PathBuf>,
    /// A description of a target that is not a directory of this machine.
    pub remote: Option<String>,
}

impl Target {
    /// Reads the target of the machine's kdump.
    pub fn of(system: &System) -> Self {
        let mut target = Target {
            directories: vec![USUAL.into()],
            remote: None,
        };
        let saver = Saver::of(system);
        match saver.goal().0 {
            Goal::Directory(directory) => target.add(directory),
            Goal::Remote { protocol, host, .. } => {
                target.remote = Some(format!("{host}, by {protocol}"));
            }
            Goal::Device(device) => match mounted(&saver, system) {
                Some(directory) => target.add(directory),
                None => target.remote = Some(device),
            },
            Goal::Unknown if !matches!(saver, Saver::Nothing) => {
                target.remote = Some("an unknown place".into());
            }
            // kdump saves no dump.
            Goal::Invalid(_) | Goal::Unknown => {}
        }
        target
    }

    fn add(&mut self, directory: impl Into<PathBuf>) {
        let directory = directory.into();
        if directory.is_absolute() && !self.directories.contains(&directory) {
            self.directories.push(directory);
        }
    }

    /// Returns a description.
    pub fn says(&self) -> String {
        let shown = self.directories.iter().map(|dir| dir.display().to_string());
        match &self.remote {
            Some(remote) => format!("{remote}, not on this machine"),
            None => shown.collect::<Vec<_>>().join(", "),
        }
    }
}

/// Returns where this machine mounts the file system that kdump-utils mounts for a dump, with
/// `path` appended.
fn mounted(saver: &Saver, system: &System) -> Option<PathBuf> {
    let Saver::KdumpUtils { conf, .. } = saver else {
        return None;
    };
    let kdump_conf::Target::FileSystem(one) = conf.target() else {
        return None;
    };
    // fstab first: it usually has the name that kdump.conf has, while the mounts have the device's.
    let fstab = system.text("/etc/fstab").is().unwrap_or_default();
    let in_fstab = fstab.lines().find_map(|line| {
        let mut words = line.split_ascii_whitespace();
        (words.next()? == one.value).then(|| words.next().map(str::to_owned))?
    });
    let point = in_fstab.or_else(|| {
        let mounts = system.mounts().is()?;
        let mount = mounts.into_iter().find(|mount| mount.source == one.value)?;
        Some(mount.point)
    })?;
    Some(Path::new(&point).join(conf.path().0.trim_start_matches('/')))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::system::testing::Machine;

    fn of(file: &str, text: &str) -> Target {
        let machine = Machine::new()
            .file(file, text)
            .file(
                "/etc/fstab",
                "UUID=11 / xfs\nUUID=12 /data xfs defaults 0 0\n",
            )
            .file("/proc/self/mounts", "/dev/vdc /other ext4 rw 0 0\n");
        Target::of(&machine.system())
    }

    fn is(directories: &[&str], remote: Option<&str>) -> Target {
        Target {
            directories: directories.iter().map(PathBuf::from).collect(),
            remote: remote.map(str::to_string),
        }
    }

    #[test]
    fn kdump_tools() {
        let of = |text: &str| of("/etc/default/kdump-tools", text);
        let default = "USE_KDUMP=1\nKDUMP_COREDIR=\"/var/crash\"\n# NFS=\"<nfs mount>\"\n";
        assert_eq!(of(default), is(&["/var/crash"], None));
        let other = "#KDUMP_COREDIR=\"/x\"\nKDUMP_COREDIR='/srv/dumps' # here\n";
        assert_eq!(of(other), is(&["/var/crash", "/srv/dumps"], None));
        let ssh = "KDUMP_COREDIR=/srv/dumps\nSSH=\"user@host\"\n";
        assert_eq!(of(ssh), is(&["/var/crash"], Some("host, by ssh")));
        assert_eq!(of("KDUMP_COREDIR=crash\n"), is(&["/var/crash"], None));
        let shell = Some("an unknown place");
        assert_eq!(of("KDUMP_COREDIR=$(x)\n"), is(&["/var/crash"], shell));
    }

    #[test]
    fn kdump_utils() {
        let of = |text: &str| of("/etc/kdump.conf", text);
        let default = "#path /x\npath /var/crash\ncore_collector makedumpfile -l\n";
        assert_eq!(of(default), is(&["/var/crash"], None));
        assert_eq!(
            of("xfs UUID=12\npath /dumps\n"),
            is(&["/var/crash", "/data/dumps"], None)
        );
        assert_eq!(
            of("ext4 /dev/vdc\n"),
            is(&["/var/crash", "/other/var/crash"], None)
        );
        let nowhere = is(&["/var/crash"], Some("ext4 LABEL=x"));
        assert_eq!(of("ext4 LABEL=x\n"), nowhere);
        let raw = is(&["/var/crash"], Some("raw /dev/vdb"));
        assert_eq!(of("raw /dev/vdb\n"), raw);
        let nfs = is(&["/var/crash"], Some("host, by nfs"));
        assert_eq!(of("nfs host:/export\n"), nfs);
    }

    #[test]
    fn suses_kdump() {
        let of = |text: &str| of("/etc/sysconfig/kdump", text);
        assert_eq!(
            of("KDUMP_SAVEDIR=\"file:///srv/crash\"\n"),
            is(&["/var/crash", "/srv/crash"], None)
        );
        assert_eq!(
            of("KDUMP_SAVEDIR=\"nfs://host/export\"\n"),
            is(&["/var/crash"], Some("host, by nfs"))
        );
        // kdump-utils has a file of that name, too.
        let usual = of("KDUMP_COMMANDLINE=\"\"\n");
        assert_eq!(usual.directories, [PathBuf::from("/var/crash")]);
    }

    #[test]
    fn what_is_said_of_it() {
        assert_eq!(is(&["/a", "/b"], None).says(), "/a, /b");
        let away = is(&["/a"], Some("host, by nfs"));
        assert_eq!(away.says(), "host, by nfs, not on this machine");
    }
}
