// SPDX-License-Identifier: GPL-2.0

//! The fingerprint of what a proof depends on, by which it is known later whether the proof still
//! holds: the kernel, its command line, the sysctls of the detector, the crash kernel and its
//! initrd, kdump's configuration and tools, and the module.

use crate::fault::case::Case;
use crate::process::output_within;
use crate::run::plan::Policy;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs::{self, File};
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// The value of an item; none if it could not be read, which counts as neither equal nor different.
#[derive(Debug, Default, Clone, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Fingerprint(pub BTreeMap<String, Option<String>>);

/// The value of an item that does not exist.
const ABSENT: &str = "absent";
/// The prefix of a file's hash.
const HASH: &str = "sha256:";

/// The words of the command line that name the booted file, or differ from boot to boot.
const PASSING: &[&str] = &[
    "BOOT_IMAGE=",
    "initrd=",
    "ostree=",
    "kdump_test_id=",
    "systemd.machine_id=",
    "systemd.boot_id=",
];

/// The sysctls that affect every panic.
const COMMON: &[&str] = &[
    "kernel.panic",
    "kernel.panic_on_oops",
    "kernel.kexec_load_disabled",
];

/// The paths of the crash kernel and its initrd in kdump-tools, kdump-utils and SUSE's kdump, for
/// the running kernel's release.
const CRASH_FILES: &[(&str, &[&str])] = &[
    (
        "crash kernel",
        &["/var/lib/kdump/vmlinuz", "/boot/vmlinuz-{release}"],
    ),
    (
        "crash initrd",
        &[
            "/var/lib/kdump/initrd.img-{release}",
            "/boot/initramfs-{release}kdump.img",
            "/boot/initrd-{release}-kdump",
            "/var/lib/kdump/initrd.img",
            "/var/lib/kdump/initrd",
        ],
    ),
];

/// kdump's configuration.
const CONFIGURATION: &[&str] = &[
    "/etc/default/kdump-tools",
    "/etc/kdump.conf",
    "/etc/sysconfig/kdump",
];

/// The programs, and the options that print their versions.
const TOOLS: &[(&str, &str)] = &[("makedumpfile", "-v"), ("kexec", "--version")];
const PATIENCE: Duration = Duration::from_secs(20);

impl Fingerprint {
    /// Takes the fingerprint of the machine whose root is `root`; under the policy `report` only
    /// that of the detector. `version` returns the versions of programs.
    pub fn take(
        root: &Path,
        case: Case,
        policy: Policy,
        module: Option<&Path>,
        version: &dyn Fn(&str, &str) -> Option<String>,
    ) -> Self {
        let mut found = BTreeMap::new();
        let line = |path: &str| read_line(&at(root, path));
        let release = line("/proc/sys/kernel/osrelease");
        found.insert("kernel release".into(), release.clone());
        found.insert("kernel version".into(), line("/proc/sys/kernel/version"));
        let words = line("/proc/cmdline").map(|text| lasting(&text));
        found.insert("command line".into(), words);
        for key in sysctls(case, policy) {
            let file = crate::run::strike::setting_file(key);
            let value = line(&file.to_string_lossy()).map(|value| settled(key, value));
            found.insert(key.into(), value);
        }
        if let Some(module) = module {
            found.insert("module".into(), hash_of(module));
        }
        if policy != Policy::Panic {
            return Fingerprint(found);
        }
        let release = release.unwrap_or_default();
        for (what, places) in CRASH_FILES {
            let mut places = places
                .iter()
                .map(|place| at(root, &place.replace("{release}", &release)));
            let file = places.find(|place| place.exists());
            let hash = file.map_or(Some(ABSENT.into()), |file| hash_of(&file));
            found.insert((*what).into(), hash);
        }
        for path in CONFIGURATION {
            found.insert((*path).into(), hash_of(&at(root, path)));
        }
        for (tool, argument) in TOOLS {
            found.insert((*tool).into(), version(tool, argument));
        }
        Fingerprint(found)
    }

    /// Returns the differences to `now`, and the items that could not be read.
    pub fn changes(&self, now: &Self) -> Changes {
        let mut changes = Changes::default();
        for (what, was) in &self.0 {
            let is = now.0.get(what).cloned().flatten();
            match (was, is) {
                (Some(was), Some(is)) if *was == is => {}
                (Some(was), Some(is)) => changes.changed.push(told(what, was, &is)),
                _ => changes.unknown.push(what.clone()),
            }
        }
        changes
    }
}

/// The differences between a proof's fingerprint and the current one.
#[derive(Debug, Default, PartialEq)]
pub struct Changes {
    /// A sentence for each changed item.
    pub changed: Vec<String>,
    /// The items that could not be read, then or now.
    pub unknown: Vec<String>,
}

fn told(what: &str, was: &str, is: &str) -> String {
    match (was == ABSENT, is == ABSENT) {
        (true, _) => format!("{what} is new"),
        (_, true) => format!("{what} is gone"),
        _ if was.starts_with(HASH) => format!("{what} has changed"),
        _ => format!("{what} was {was}, is {is}"),
    }
}

/// Returns the sysctls that a fault and its detector depend on.
fn sysctls(case: Case, policy: Policy) -> Vec<&'static str> {
    let detector = case.detector;
    let threshold = detector.threshold.map(|(key, _)| key);
    let panics = detector.panics.map(|[(key, _), _]| key);
    let off = detector.off.map(|(key, _)| key);
    let mut keys: Vec<_> = detector.arms.iter().map(|(key, _)| *key).collect();
    keys.extend(threshold.into_iter().chain(off));
    keys.push("kernel.watchdog_cpumask");
    if policy == Policy::Panic {
        keys.extend(panics);
        keys.extend(COMMON);
    }
    keys.retain(|key| !key.is_empty());
    keys
}

/// Of a counter that each report decrements, only whether it is 0 matters.
fn settled(key: &str, value: String) -> String {
    match (key, value.as_str()) {
        ("kernel.hung_task_warnings", value) if value != "0" => "not 0".into(),
        _ => value,
    }
}

/// Returns the command line without the words that differ from boot to boot.
fn lasting(command_line: &str) -> String {
    let words = command_line.split_whitespace();
    let words = words.filter(|word| !PASSING.iter().any(|start| word.starts_with(start)));
    words.collect::<Vec<_>>().join(" ")
}

/// Returns a path of a machine, below its root.
fn at(root: &Path, path: &str) -> PathBuf {
    root.join(path.trim_start_matches('/'))
}

/// Returns the text of a file of one line; none if it cannot be read.
fn read_line(path: &Path) -> Option<String> {
    match fs::read_to_string(path) {
        Ok(text) => Some(text.trim().into()),
        Err(error) if error.kind() == ErrorKind::NotFound => Some(ABSENT.into()),
        Err(_) => None,
    }
}

/// Returns the hash of a file.
fn hash_of(path: &Path) -> Option<String> {
    let mut file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Some(ABSENT.into()),
        Err(_) => return None,
    };
    let mut hash = Sha256::new();
    let mut block = vec![0; 1 << 20];
    loop {
        match file.read(&mut block) {
            Ok(0) => break,
            Ok(length) => hash.update(&block[..length]),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(_) => return None,
        }
    }
    let mut text = HASH.to_string();
    for byte in hash.finalize() {
        let _ = write!(text, "{byte:02x}");
    }
    Some(text)
}

/// Returns the first line that a program of this machine prints for its version.
pub fn version_of(tool: &str, argument: &str) -> Option<String> {
    const PLACES: &[&str] = &["/usr/sbin", "/sbin", "/usr/bin", "/bin"];
    let mut places = PLACES.iter().map(|place| Path::new(place).join(tool));
    let Some(program) = places.find(|program| program.exists()) else {
        return Some(ABSENT.into());
    };
    let output = output_within(Command::new(program).arg(argument), PATIENCE).ok()?;
    // Some print it on stderr.
    let said = format!("{}\n{}", output.stdout, output.stderr);
    let mut lines = said.lines().map(str::trim);
    lines.find(|line| !line.is_empty()).map(str::to_string)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::mode;

    fn machine() -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        for (path, text) in [
            ("proc/sys/kernel/osrelease", "6.12\n"),
            ("proc/sys/kernel/version", "#1 SMP\n"),
            ("proc/sys/kernel/softlockup_panic", "1\n"),
            ("proc/sys/kernel/watchdog_thresh", "10\n"),
            (
                "proc/cmdline",
                "BOOT_IMAGE=/vmlinuz-6.12 root=/dev/vda1 crashkernel=256M\n",
            ),
            ("var/lib/kdump/initrd.img-6.12", "initrd"),
            ("etc/default/kdump-tools", "USE_KDUMP=1\n"),
            ("lockup.ko", "module"),
        ] {
            let path = root.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        root
    }

    fn take(root: &Path) -> Fingerprint {
        take_for(root, Policy::Panic)
    }

    fn take_for(root: &Path, policy: Policy) -> Fingerprint {
        let case = Case::new(mode::find("soft").unwrap(), None).unwrap();
        let module = root.join("lockup.ko");
        let version = |tool: &str, _: &str| Some(format!("{tool} 1"));
        Fingerprint::take(root, case, policy, Some(&module), &version)
    }

    #[test]
    fn each_change_is_named() {
        let machine = machine();
        let root = machine.path();
        let before = take(root);
        assert_eq!(before.changes(&take(root)), Changes::default());
        let changed = |path: &str, text: &str| {
            let path = root.join(path);
            let old = fs::read(&path).ok();
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, text).unwrap();
            let changes = before.changes(&take(root));
            assert_eq!(changes.unknown, [""; 0]);
            match old {
                Some(old) => fs::write(&path, old).unwrap(),
                None => fs::remove_file(&path).unwrap(),
            }
            changes.changed
        };
        for (path, text, said) in [
            (
                "proc/sys/kernel/softlockup_panic",
                "0\n",
                "kernel.softlockup_panic was 1, is 0",
            ),
            (
                "proc/sys/kernel/watchdog_thresh",
                "20\n",
                "kernel.watchdog_thresh was 10, is 20",
            ),
            (
                "proc/cmdline",
                "root=/dev/vda1 crashkernel=128M\n",
                "command line was root=/dev/vda1 crashkernel=256M, is root=/dev/vda1 crashkernel=128M",
            ),
            ("var/lib/kdump/initrd.img-6.12", "rebuilt", "crash initrd has changed"),
            ("etc/default/kdump-tools", "USE_KDUMP=0\n", "/etc/default/kdump-tools has changed"),
            ("etc/kdump.conf", "path /x\n", "/etc/kdump.conf is new"),
            ("lockup.ko", "another", "module has changed"),
        ] {
            assert_eq!(changed(path, text), [said]);
        }
        // What is only reported rests on nothing that comes after the report.
        let of_report = take_for(root, Policy::Report);
        let has = |what: &str| of_report.0.contains_key(what);
        assert!(has("kernel.watchdog_thresh") && has("module"));
        assert!(!has("kernel.softlockup_panic") && !has("crash initrd"));
        // Another file of the same kernel was booted: nothing to do with the proof.
        let other = "BOOT_IMAGE=/other root=/dev/vda1 crashkernel=256M\n";
        assert!(changed("proc/cmdline", other).is_empty());
        fs::remove_file(root.join("var/lib/kdump/initrd.img-6.12")).unwrap();
        let changes = before.changes(&take(root));
        assert_eq!(changes.changed, ["crash initrd is gone"]);
    }

    #[test]
    fn what_cannot_be_read_is_not_the_same() {
        let machine = machine();
        let before = take(machine.path());
        let file = machine.path().join("proc/sys/kernel/softlockup_panic");
        fs::remove_file(&file).unwrap();
        fs::create_dir(&file).unwrap();
        let changes = before.changes(&take(machine.path()));
        assert!(changes.changed.is_empty());
        assert_eq!(changes.unknown, ["kernel.softlockup_panic"]);
        // A program that could not be asked then.
        let mut without = before.clone();
        without.0.insert("makedumpfile".into(), None);
        assert_eq!(without.changes(&before).unknown, ["makedumpfile"]);
    }
}
