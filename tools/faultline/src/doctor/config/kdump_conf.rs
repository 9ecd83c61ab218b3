// SPDX-License-Identifier: GPL-2.0

//! `/etc/kdump.conf` of kdump-utils (Fedora, RHEL and derivatives): one directive per line.
//! Directives and defaults are those of kdump-utils 1.0.61 (`gen-kdump-conf.sh`, `kdumpctl`).

use super::place::Place;

/// Its path.
pub const FILE: &str = "/etc/kdump.conf";

/// A directive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Directive {
    pub name: String,
    pub value: String,
    pub place: Place,
}

/// The file.
#[derive(Debug, Clone, Default)]
pub struct KdumpConf {
    pub directives: Vec<Directive>,
}

/// The directives of `kdumpctl`; the name of a file system is one as well.
const KNOWN: &[&str] = &[
    "auto_reset_crashkernel",
    "core_collector",
    "default",
    "dracut_args",
    "extra_bins",
    "extra_modules",
    "failure_action",
    "fence_kdump_args",
    "fence_kdump_nodes",
    "final_action",
    "force_no_rebuild",
    "force_rebuild",
    "kdump_emergency",
    "kdump_post",
    "kdump_pre",
    "nfs",
    "path",
    "raw",
    "ssh",
    "sshkey",
];
const FILE_SYSTEMS: &[&str] = &["ext2", "ext3", "ext4", "xfs", "btrfs", "minix", "virtiofs"];

/// The target of the dump.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target<'a> {
    /// The directory `path` on a mounted file system.
    Local,
    /// A device or label, mounted for the dump.
    FileSystem(&'a Directive),
    Raw(&'a Directive),
    Nfs(&'a Directive),
    Ssh(&'a Directive),
}

impl KdumpConf {
    pub fn parse(text: &str) -> Self {
        let directives = text
            .lines()
            .enumerate()
            .filter_map(|(index, line)| {
                // A comment may follow on the same line.
                let line = line.split('#').next().unwrap_or_default().trim();
                let (name, value) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
                (!name.is_empty()).then(|| Directive {
                    name: name.to_owned(),
                    value: value.trim().to_owned(),
                    place: Place::at(FILE, index + 1),
                })
            })
            .collect();
        Self { directives }
    }

    /// Returns the last directive `name`, which is the effective one.
    pub fn last(&self, name: &str) -> Option<&Directive> {
        self.directives.iter().rev().find(|one| one.name == name)
    }

    /// Returns the directives with which kdumpctl refuses to start.
    pub fn unknown(&self) -> impl Iterator<Item = &Directive> {
        self.directives.iter().filter(|one| {
            !KNOWN.contains(&one.name.as_str()) && !FILE_SYSTEMS.contains(&one.name.as_str())
        })
    }

    /// Returns repeated directives, or a second target, which kdumpctl refuses as well.
    pub fn twice(&self) -> impl Iterator<Item = &Directive> {
        let kind = |one: &Directive| match one.name.as_str() {
            "raw" | "nfs" | "ssh" => "target".to_owned(),
            name if FILE_SYSTEMS.contains(&name) => "target".to_owned(),
            name => name.to_owned(),
        };
        self.directives
            .iter()
            .enumerate()
            .filter_map(move |(index, one)| {
                self.directives[..index]
                    .iter()
                    .any(|before| kind(before) == kind(one))
                    .then_some(one)
            })
    }

    /// `path`, or its default.
    pub fn path(&self) -> (&str, Place) {
        match self.last("path") {
            Some(one) => (&one.value, one.place.clone()),
            None => ("/var/crash", Place::whole(FILE)),
        }
    }

    pub fn target(&self) -> Target<'_> {
        let targets = self
            .directives
            .iter()
            .rev()
            .find_map(|one| match one.name.as_str() {
                "raw" => Some(Target::Raw(one)),
                "nfs" => Some(Target::Nfs(one)),
                "ssh" => Some(Target::Ssh(one)),
                name if FILE_SYSTEMS.contains(&name) => Some(Target::FileSystem(one)),
                _ => None,
            });
        targets.unwrap_or(Target::Local)
    }

    /// `core_collector`, or its default.
    pub fn collector(&self) -> (&str, Place) {
        match self.last("core_collector") {
            Some(one) => (&one.value, one.place.clone()),
            None => (
                "makedumpfile -l --message-level 7 -d 31",
                Place::whole(FILE),
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_packages_own() {
        let conf = KdumpConf::parse(
            "# a comment\n#ssh user@host\nauto_reset_crashkernel yes\npath /var/crash\n\
             core_collector makedumpfile -l --message-level 7 -d 31\n",
        );
        assert_eq!(conf.target(), Target::Local);
        assert_eq!(conf.path(), ("/var/crash", Place::at(FILE, 4)));
        assert_eq!(
            conf.collector().0,
            "makedumpfile -l --message-level 7 -d 31"
        );
        assert_eq!(conf.unknown().count(), 0);
    }

    #[test]
    fn targets() {
        for (line, expected) in [
            ("nfs server:/x", "nfs"),
            ("ssh a@b # c", "ssh"),
            ("xfs UUID=1", "xfs"),
            ("raw /dev/x", "raw"),
        ] {
            let conf = KdumpConf::parse(&format!("path /x\n{line}\n"));
            let (Target::Nfs(one) | Target::Ssh(one) | Target::Raw(one) | Target::FileSystem(one)) =
                conf.target()
            else {
                panic!("{line}");
            };
            assert_eq!((one.name.as_str(), one.place.line), (expected, 2));
            assert!(!one.value.contains('#'));
        }
    }

    #[test]
    fn what_it_does_not_know() {
        let conf = KdumpConf::parse("pathh /var/crash\nfinal_action poweroff\nlink_delay 60");
        let unknown: Vec<_> = conf
            .unknown()
            .map(|one| (one.name.as_str(), one.place.line))
            .collect();
        assert_eq!(unknown, [("pathh", 1), ("link_delay", 3)]);
        let conf = KdumpConf::parse("ssh a@b\npath /x\nnfs s:/x\npath /y\n");
        assert_eq!(
            conf.twice().map(|one| one.place.line).collect::<Vec<_>>(),
            [3, 4]
        );
    }
}
