// SPDX-License-Identifier: GPL-2.0

//! The software that saves dumps on a machine: kdump-tools, kdump-utils or SUSE's kdump, with its
//! configuration; and the settings that all three have, with their lines.

use super::kdump_conf::{self, KdumpConf, Target};
use super::kdump_tools::{self, KdumpTools};
use super::place::Place;
use super::shell::{Settings, Value};
use super::suse::{self, SaveDir, Suse};
use crate::system::{Seen, System};

/// The software that saves dumps.
#[derive(Debug, Clone)]
pub enum Saver {
    /// Debian's and Ubuntu's.
    KdumpTools(KdumpTools),
    /// Fedora's and RHEL's; `/etc/sysconfig/kdump` is for the crash kernel's command line.
    KdumpUtils {
        conf: KdumpConf,
        sysconfig: Settings,
    },
    Suse(Suse),
    /// None of them is installed.
    Nothing,
    /// One is installed, but its configuration could not be read.
    Unreadable {
        file: &'static str,
        why: String,
    },
}

/// The target of dumps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Goal {
    /// A directory of this machine.
    Directory(String),
    /// A host, with the protocol and its TCP port.
    Remote {
        protocol: &'static str,
        host: String,
        port: u16,
        key: Option<String>,
    },
    /// A device; its description.
    Device(String),
    /// An invalid target; its text.
    Invalid(String),
    /// A value that only a shell can expand.
    Unknown,
}

impl Saver {
    /// Finds the software by its files.
    pub fn of(system: &System) -> Self {
        let unseen = std::cell::RefCell::new(None);
        let has = |path: &'static str| match system.stat(path) {
            Seen::Is(_) => true,
            Seen::Absent => false,
            Seen::Unseen(why) => {
                unseen
                    .borrow_mut()
                    .get_or_insert(Self::Unreadable { file: path, why });
                false
            }
        };
        let text = |file: &'static str| match system.text(file) {
            Seen::Is(text) => Ok(text),
            Seen::Absent => Ok(String::new()),
            Seen::Unseen(why) => Err(Self::Unreadable { file, why }),
        };
        let of = || -> Result<Self, Self> {
            if has("/usr/sbin/kdump-config") {
                return Ok(Self::KdumpTools(KdumpTools::parse(&text(
                    kdump_tools::FILE,
                )?)));
            }
            if has(kdump_conf::FILE) || has("/usr/bin/kdumpctl") {
                let conf = KdumpConf::parse(&text(kdump_conf::FILE)?);
                let sysconfig = Settings::of(suse::FILE, &text(suse::FILE)?);
                return Ok(Self::KdumpUtils { conf, sysconfig });
            }
            if has("/usr/sbin/kdumptool") {
                return Ok(Self::Suse(Suse::parse(&text(suse::FILE)?)));
            }
            // A tree may have the configuration alone.
            if let Seen::Is(text) = system.text(kdump_tools::FILE) {
                return Ok(Self::KdumpTools(KdumpTools::parse(&text)));
            }
            if let Seen::Is(text) = system.text(suse::FILE) {
                let own = Suse::parse(&text);
                if own.is_suses() {
                    return Ok(Self::Suse(own));
                }
            }
            Ok(unseen.take().unwrap_or(Self::Nothing))
        };
        of().unwrap_or_else(|unreadable| unreadable)
    }

    /// Returns its name in texts.
    pub fn name(&self) -> &'static str {
        match self {
            Self::KdumpTools(_) => "kdump-tools",
            Self::KdumpUtils { .. } => "kdump-utils",
            Self::Suse(_) => "SUSE's kdump",
            Self::Nothing => "nothing",
            Self::Unreadable { .. } => "unreadable software",
        }
    }

    /// Returns the units that load the crash kernel.
    pub fn units(&self) -> &'static [&'static str] {
        match self {
            Self::KdumpTools(_) => &["kdump-tools.service"],
            Self::KdumpUtils { .. } | Self::Suse(_) => &["kdump.service"],
            Self::Nothing | Self::Unreadable { .. } => &[],
        }
    }

    /// Returns the possible paths of the crash kernel's initrd for `release`.
    pub fn initrds(&self, release: &str) -> Vec<String> {
        match self {
            Self::KdumpTools(own) => match own.initrd().text {
                Some("") => vec![format!("/boot/initrd.img-{release}")],
                Some(path) => vec![path.to_owned()],
                None => Vec::new(),
            },
            // In /var/lib/kdump where /boot cannot be written.
            Self::KdumpUtils { .. } => vec![
                format!("/boot/initramfs-{release}kdump.img"),
                format!("/var/lib/kdump/initramfs-{release}kdump.img"),
            ],
            Self::Suse(_) => vec![
                "/var/lib/kdump/initrd".to_owned(),
                format!("/boot/initrd-{release}-kdump"),
            ],
            Self::Nothing | Self::Unreadable { .. } => Vec::new(),
        }
    }

    /// Returns the target of dumps, and its line.
    pub fn goal(&self) -> (Goal, Place) {
        match self {
            Self::KdumpTools(own) => of_kdump_tools(own),
            Self::KdumpUtils { conf, .. } => {
                let (path, place) = conf.path();
                match conf.target() {
                    Target::Local => (Goal::Directory(path.to_owned()), place),
                    Target::FileSystem(one) | Target::Raw(one) => (
                        Goal::Device(format!("{} {}", one.name, one.value)),
                        one.place.clone(),
                    ),
                    Target::Nfs(one) => (
                        remote("nfs", host_of_export(&one.value), None),
                        one.place.clone(),
                    ),
                    Target::Ssh(one) => {
                        let key = conf
                            .last("sshkey")
                            .map_or("/root/.ssh/kdump_id_rsa", |key| &key.value);
                        (remote("ssh", &one.value, Some(key)), one.place.clone())
                    }
                }
            }
            Self::Suse(own) => {
                let (dir, value) = own.save_dir();
                let goal = match dir {
                    None => Goal::Unknown,
                    Some(SaveDir::Local(path)) => Goal::Directory(path.to_owned()),
                    Some(SaveDir::Remote(protocol, host)) => remote(protocol, host, None),
                    Some(SaveDir::Invalid(text)) => Goal::Invalid(text.to_owned()),
                };
                (goal, value.place)
            }
            Self::Nothing | Self::Unreadable { .. } => (Goal::Unknown, Place::whole("/etc")),
        }
    }

    /// Returns the arguments of its call of makedumpfile, and their line. Empty if it does not call
    /// makedumpfile.
    pub fn collector(&self) -> (Option<String>, Place) {
        match self {
            Self::KdumpTools(own) => {
                let Value { text, place, .. } = own.makedump_args();
                (text.map(str::to_owned), place)
            }
            Self::KdumpUtils { conf, .. } => {
                let (text, place) = conf.collector();
                let mut words = text.split_ascii_whitespace();
                let arguments = match words.next() {
                    Some("makedumpfile") => words.collect::<Vec<_>>().join(" "),
                    _ => String::new(),
                };
                (Some(arguments), place)
            }
            Self::Suse(own) => {
                let places = [
                    "MAKEDUMPFILE_OPTIONS",
                    "KDUMP_DUMPLEVEL",
                    "KDUMP_DUMPFORMAT",
                ];
                let place = places.iter().find_map(|name| own.settings.last(name));
                (
                    own.collector(),
                    place.map_or_else(|| Place::whole(suse::FILE), |one| one.place.clone()),
                )
            }
            Self::Nothing | Self::Unreadable { .. } => (None, Place::whole("/etc")),
        }
    }
}

fn of_kdump_tools(own: &KdumpTools) -> (Goal, Place) {
    // As `kdump-config savecore` looks at them.
    let (ftp, ssh, nfs) = (own.ftp(), own.ssh(), own.nfs());
    if [&ftp, &ssh, &nfs].iter().any(|value| value.text.is_none()) {
        return (Goal::Unknown, ftp.place);
    }
    let set = |value: &Value<'_>| {
        value
            .text
            .filter(|text| !text.is_empty())
            .map(str::to_owned)
    };
    if let Some(host) = set(&ssh) {
        return match own.ssh_key().text {
            Some(key) => (remote("ssh", &host, Some(key)), ssh.place),
            None => (Goal::Unknown, own.ssh_key().place),
        };
    }
    if let Some(host) = set(&ftp) {
        return (remote("ftp", host_of_export(&host), None), ftp.place);
    }
    if let Some(export) = set(&nfs) {
        return (remote("nfs", host_of_export(&export), None), nfs.place);
    }
    let dir = own.core_dir();
    let goal = match dir.text {
        None => Goal::Unknown,
        Some(path) if path.starts_with('/') => Goal::Directory(path.to_owned()),
        Some(other) => Goal::Invalid(other.to_owned()),
    };
    (goal, dir.place)
}

/// Returns the host of `HOST:PATH`, where an IPv6 address is in brackets.
fn host_of_export(text: &str) -> &str {
    match text.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((host, _)) => host,
        None => text.split(':').next().unwrap_or(text),
    }
}

fn remote(protocol: &str, host: &str, key: Option<&str>) -> Goal {
    let (protocol, port) = match protocol.to_ascii_lowercase().as_str() {
        "nfs" => ("nfs", 2049),
        "ftp" => ("ftp", 21),
        "smb" | "cifs" => ("cifs", 445),
        "ssh" => ("ssh", 22),
        _ => ("sftp", 22),
    };
    let host = host.rsplit('@').next().unwrap_or(host);
    if host.is_empty() {
        return Goal::Invalid(format!("{protocol} without a host"));
    }
    Goal::Remote {
        protocol,
        host: host.to_owned(),
        port,
        key: key.map(str::to_owned),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn goals_of_kdump_tools() {
        let goal = |text: &str| of_kdump_tools(&KdumpTools::parse(text));
        assert_eq!(goal("").0, Goal::Directory("/var/crash".into()));
        let (dir, place) = goal("A=1\nKDUMP_COREDIR=\"/srv/x\"\n");
        assert_eq!((dir, place.line), (Goal::Directory("/srv/x".into()), 2));
        assert_eq!(goal("KDUMP_COREDIR=$(x)").0, Goal::Unknown);
        assert_eq!(goal("KDUMP_COREDIR=crash").0, Goal::Invalid("crash".into()));
        let (ssh, place) = goal("SSH=\"kdump@logs\"\nSSH_KEY=/root/k\n");
        assert_eq!(place.line, 1);
        let key = Some("/root/k".to_owned());
        assert_eq!(
            ssh,
            Goal::Remote {
                protocol: "ssh",
                host: "logs".into(),
                port: 22,
                key
            }
        );
        let nfs = |host: &str| Goal::Remote {
            protocol: "nfs",
            host: host.into(),
            port: 2049,
            key: None,
        };
        assert_eq!(goal("NFS=\"logs:/x\"").0, nfs("logs"));
        assert_eq!(goal("NFS=\"[fe80::1]:/x\"").0, nfs("fe80::1"));
    }

    #[test]
    fn of_the_others() {
        let conf = KdumpConf::parse("path /x\ncore_collector makedumpfile -l -d 31\n");
        let saver = Saver::KdumpUtils {
            conf,
            sysconfig: Settings::default(),
        };
        assert_eq!(saver.goal().0, Goal::Directory("/x".into()));
        assert_eq!(saver.collector().0.unwrap(), "-l -d 31");
        let saver = Saver::KdumpUtils {
            conf: KdumpConf::parse("core_collector scp\nssh a@b\n"),
            sysconfig: Settings::default(),
        };
        assert_eq!(saver.collector().0.unwrap(), "");
        assert!(matches!(
            saver.goal().0,
            Goal::Remote {
                protocol: "ssh",
                ..
            }
        ));
        let saver = Saver::Suse(Suse::parse("KDUMP_SAVEDIR=nfs://s/x\nKDUMP_DUMPLEVEL=17\n"));
        assert!(matches!(
            saver.goal().0,
            Goal::Remote {
                protocol: "nfs",
                ..
            }
        ));
        assert_eq!(saver.collector().1.line, 2);
    }
}
