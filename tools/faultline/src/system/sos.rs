// SPDX-License-Identifier: GPL-2.0

//! The facts that a sosreport has from programs instead of from files.

use super::sysctl::sysctl_path;

/// The paths at which a tree may have the kernel log of its boot.
pub const LOGS: &[&str] = &[
    "/sos_commands/kernel/dmesg",
    "/sos_commands/logs/journalctl_--no-pager_--boot",
    "/var/log/dmesg",
];

/// Returns a value from the output of `sysctl -a`.
pub fn sysctl(all: &str, name: &str) -> Option<String> {
    let path = sysctl_path(name);
    let mut lines = all.lines().filter_map(|line| line.split_once('='));
    let found = lines.find(|(key, _)| sysctl_path(key.trim()) == path);
    found.map(|(_, value)| value.trim().to_string())
}

/// Returns the release from the output of `uname -a`.
pub fn release(uname: &str) -> Option<String> {
    let mut words = uname.split_whitespace();
    (words.next() == Some("Linux")).then_some(())?;
    words.nth(1).map(str::to_string)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_programs_printed() {
        let all = "kernel.panic = 0\nnet.ipv4.conf.eth0/1.x = 1\nkernel.core_pattern = a = b\n";
        assert_eq!(sysctl(all, "kernel.panic").as_deref(), Some("0"));
        assert_eq!(sysctl(all, "kernel/panic").as_deref(), Some("0"));
        assert_eq!(sysctl(all, "kernel.core_pattern").as_deref(), Some("a = b"));
        assert_eq!(sysctl(all, "kernel.pani"), None);
        assert_eq!(
            release("Linux host 6.1.0-1 #1 SMP x86_64").as_deref(),
            Some("6.1.0-1")
        );
        assert_eq!(release("nonsense"), None);
    }
}
