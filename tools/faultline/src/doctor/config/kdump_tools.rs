// SPDX-License-Identifier: GPL-2.0

//! `/etc/default/kdump-tools` of Debian and Ubuntu, which the scripts of kdump-tools source. Names
//! and defaults are those of kdump-tools 1.8.1 and 1.10.7 (`kdump-config`,
//! `/etc/init.d/kdump-tools`).

use super::shell::{Settings, Value};

/// Its path.
pub const FILE: &str = "/etc/default/kdump-tools";
/// The default words appended to the crash kernel's command line.
pub const APPEND: &str =
    "reset_devices systemd.unit=kdump-tools-dump.service nr_cpus=1 irqpoll usbcore.nousb";

/// The names that the scripts read.
const KNOWN: &[&str] = &[
    "USE_KDUMP",
    "KDUMP_KERNEL",
    "KDUMP_INITRD",
    "KDUMP_CONFIG",
    "KDUMP_COREDIR",
    "KDUMP_FAIL_CMD",
    "KDUMP_DUMP_DMESG",
    "KDUMP_NUM_DUMPS",
    "KDUMP_COMPRESSION",
    "MAKEDUMP_ARGS",
    "KDUMP_KEXEC_ARGS",
    "KDUMP_CMDLINE",
    "KDUMP_CMDLINE_APPEND",
    "HOSTTAG",
    "NFS",
    "NFS_TIMEO",
    "NFS_RETRANS",
    "NFS_MOUNT_RETRY",
    "FTP",
    "FTP_USER",
    "FTP_PASSWORD",
    "FTP_PORT",
    "SSH",
    "SSH_KEY",
    "SSH_KDUMP_RETRY",
    // Older names, which are no longer read.
    "KDUMP_SYSCTL",
];

/// The file.
#[derive(Debug, Clone, Default)]
pub struct KdumpTools {
    pub settings: Settings,
}

impl KdumpTools {
    pub fn parse(text: &str) -> Self {
        Self {
            settings: Settings::of(FILE, text),
        }
    }

    fn or<'a>(&'a self, name: &str, default: &'a str) -> Value<'a> {
        self.settings.or(name, default, FILE)
    }

    /// Returns whether the scripts are switched on; off if not set.
    pub fn use_kdump(&self) -> Value<'_> {
        self.or("USE_KDUMP", "")
    }

    pub fn core_dir(&self) -> Value<'_> {
        self.or("KDUMP_COREDIR", "/var/crash")
    }

    pub fn kernel(&self) -> Value<'_> {
        self.or("KDUMP_KERNEL", "")
    }

    pub fn initrd(&self) -> Value<'_> {
        self.or("KDUMP_INITRD", "")
    }

    pub fn makedump_args(&self) -> Value<'_> {
        self.or("MAKEDUMP_ARGS", "-F -c -d 31")
    }

    pub fn fail_cmd(&self) -> Value<'_> {
        self.or("KDUMP_FAIL_CMD", "")
    }

    pub fn ssh(&self) -> Value<'_> {
        self.or("SSH", "")
    }

    pub fn ssh_key(&self) -> Value<'_> {
        self.or("SSH_KEY", "/root/.ssh/kdump_id_rsa")
    }

    pub fn nfs(&self) -> Value<'_> {
        self.or("NFS", "")
    }

    pub fn ftp(&self) -> Value<'_> {
        self.or("FTP", "")
    }

    pub fn append(&self) -> Value<'_> {
        self.or("KDUMP_CMDLINE_APPEND", APPEND)
    }

    /// Returns the crash kernel's command line; `now` is that of the running kernel.
    pub fn command_line(&self, now: &str) -> Option<String> {
        let base = match self.or("KDUMP_CMDLINE", "").text? {
            "" => now
                .split_ascii_whitespace()
                .filter(|word| {
                    let name = word.split_once('=').map(|(name, _)| name);
                    !matches!(
                        name,
                        Some("crashkernel" | "hugepages" | "hugepagesz" | "abm")
                    )
                })
                .collect::<Vec<_>>()
                .join(" "),
            own => own.to_owned(),
        };
        let line = format!("{base} {}", self.append().text?);
        Some(line.split_ascii_whitespace().collect::<Vec<_>>().join(" "))
    }

    /// Returns the unknown names with a prefix of kdump-tools.
    pub fn unknown(&self) -> impl Iterator<Item = &super::shell::Setting> {
        self.settings.all().iter().filter(|one| {
            let name = one.name.as_str();
            !KNOWN.contains(&name)
                && ["KDUMP", "MAKEDUMP", "SSH", "NFS", "FTP", "USE_"]
                    .iter()
                    .any(|start| name.starts_with(start))
        })
    }
}

/// Returns the command line in kdump-config's record of its call of kexec (`kexec_cmd`).
pub fn of_kexec_command(text: &str) -> Option<String> {
    let rest = &text[text.find("--command-line=\"")? + "--command-line=\"".len()..];
    // Quotes in the command line itself are escaped with backslashes.
    let end = rest
        .match_indices('"')
        .find(|(at, _)| !rest[..*at].ends_with('\\'))?
        .0;
    Some(
        rest[..end]
            .split_ascii_whitespace()
            .collect::<Vec<_>>()
            .join(" "),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_packages_own() {
        let own = KdumpTools::parse(
            "USE_KDUMP=1\nKDUMP_KERNEL=/var/lib/kdump/vmlinuz\nKDUMP_INITRD=/var/lib/kdump/initrd.img\n\
             KDUMP_COREDIR=\"/var/crash\"\n#KDUMP_FAIL_CMD=\"reboot -f\"\n#MAKEDUMP_ARGS=\"-c -d 31\"\n",
        );
        assert_eq!(own.use_kdump().text, Some("1"));
        assert_eq!(
            own.core_dir().place.to_string(),
            "/etc/default/kdump-tools:4"
        );
        assert!(own.makedump_args().is_default);
        assert_eq!(own.unknown().count(), 0);
    }

    #[test]
    fn what_it_loads_with() {
        let own = KdumpTools::parse("USE_KDUMP=1\n");
        let now = "BOOT_IMAGE=/vmlinuz root=/dev/vda ro crashkernel=512M-:192M quiet hugepages=4\n";
        assert_eq!(
            own.command_line(now).unwrap(),
            format!("BOOT_IMAGE=/vmlinuz root=/dev/vda ro quiet {APPEND}")
        );
        let own =
            KdumpTools::parse("KDUMP_CMDLINE=\"root=/dev/x\"\nKDUMP_CMDLINE_APPEND=\"nr_cpus=1\"");
        assert_eq!(own.command_line(now).unwrap(), "root=/dev/x nr_cpus=1");
        let own = KdumpTools::parse("KDUMP_CMDLINE_APPEND=\"$(cat /x)\"");
        assert_eq!(own.command_line(now), None);
    }

    #[test]
    fn what_it_was_loaded_with() {
        let text = "/sbin/kexec -p --command-line=\"root=/dev/vda  ro a=\\\"x y\\\" nr_cpus=1\" --initrd=/i /v\n";
        assert_eq!(
            of_kexec_command(text).unwrap(),
            "root=/dev/vda ro a=\\\"x y\\\" nr_cpus=1"
        );
        assert_eq!(of_kexec_command("kexec -p"), None);
    }

    #[test]
    fn a_name_that_it_does_not_read() {
        let own =
            KdumpTools::parse("USE_KDUMP=1\nKDUMP_CORE_DIR=/x\nPATH=/bin\nMAKEDUMPARGS=-d1\n");
        assert_eq!(
            own.unknown().map(|one| one.place.line).collect::<Vec<_>>(),
            [2, 4]
        );
    }
}
