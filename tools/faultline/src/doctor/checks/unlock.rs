// SPDX-License-Identifier: GPL-2.0

//! Encrypted disks: whether the crash kernel can unlock those that it needs without a passphrase.

use super::kdump::About;
use crate::doctor::check::Check;
use crate::doctor::config::images::initrd;
use crate::doctor::config::saver::Saver;
use crate::doctor::facts::Facts;
use crate::doctor::finding::{Evidence, Finding, Link};
use crate::system::{Seen, System};
use crate::verdict::stage::Stage;

const ABOUT: About = About(Link::CrashKernel);
const FILE: &str = "/etc/crypttab";
/// The crypttab in Debian's and Ubuntu's initrds, and the program that unlocks without it.
const INSIDE: &str = "cryptroot/crypttab";
const CLEVIS: &str = "scripts/local-top/clevis";

/// The family's checks.
pub const CHECKS: &[Check] = &[Check {
    name: "crash_unlock",
    reads: "/etc/crypttab, /proc/self/mounts; the crash kernel's initrd: cryptroot/crypttab",
    why: "a crash kernel that asks for a passphrase waits for ever; kdump-tools boots the root file system, wherever dumps go",
    mend: "put a key into the crash kernel's initrd: see \"An encrypted root\" in machine.md",
    run: unlock,
}];

/// A line of a crypttab.
struct Entry<'a> {
    number: usize,
    line: &'a str,
    name: &'a str,
    key: &'a str,
    options: &'a str,
}

impl<'a> Entry<'a> {
    fn all(text: &'a str) -> impl Iterator<Item = Self> {
        text.lines().enumerate().filter_map(|(index, line)| {
            let mut words = line.split('#').next()?.split_ascii_whitespace();
            let (name, _) = (words.next()?, words.next()?);
            Some(Entry {
                number: index + 1,
                line: line.trim(),
                name,
                key: words.next().unwrap_or("none"),
                options: words.next().unwrap_or_default(),
            })
        })
    }

    fn has(&self, option: &str) -> bool {
        self.options.split(',').any(|one| one == option)
    }

    /// Returns whether it asks for a passphrase.
    fn asks(&self) -> bool {
        matches!(self.key, "none" | "-")
            && !["tpm2-device", "fido2-device", "pkcs11-uri", "keyscript"]
                .iter()
                .any(|one| self.options.contains(one))
    }
}

fn unlock(facts: &Facts) -> Vec<Finding> {
    let system = facts.system;
    let saver = Saver::of(system);
    let Seen::Is(text) = system.text(FILE) else {
        return Vec::new();
    };
    match &saver {
        Saver::KdumpTools(_) => of_kdump_tools(facts, &saver, &text),
        Saver::KdumpUtils { .. } | Saver::Suse(_) => Entry::all(&text)
            .filter(|one| one.asks() && !is_left_out(one) && !one.options.contains("link-volume-key"))
            .map(|one| {
                let says = format!("cannot tell whether the crash kernel needs {}, which asks for a passphrase, to save the dump", one.name);
                ABOUT
                    .unknown(says)
                    .mend("# see `kdumpctl setup-crypttab`")
                    .evidence(format!("{FILE}:{}", one.number), one.line)
            })
            .collect(),
        Saver::Nothing | Saver::Unreadable { .. } => Vec::new(),
    }
}

/// Returns the first line of a crypttab for a device that the crash kernel opens with a key slot,
/// as evidence, and whether it asks for a passphrase. Devices that ask come first.
pub fn opened(facts: &Facts) -> Option<(Evidence, bool)> {
    let text = facts.system.text(FILE).is()?;
    let by_slot = |one: &Entry| !is_left_out(one) && !one.options.contains("link-volume-key");
    let (initrd, inside) = in_initrd(facts, &Saver::of(facts.system), &text);
    let own = |one: &Entry| Entry::all(&inside).find(|own| own.name == one.name && !own.asks());
    let asks = |one: &Entry| one.asks() && own(one).is_none();
    let one = Entry::all(&text)
        .filter(by_slot)
        .min_by_key(|one| !asks(one))?;
    let evidence = match own(&one).filter(|_| one.asks()) {
        Some(own) => Evidence::new(format!("{initrd}:{INSIDE}:{}", own.number), own.line),
        None => Evidence::new(format!("{FILE}:{}", one.number), one.line),
    };
    Some((evidence, asks(&one)))
}

/// Returns the crash kernel's initrd, and the crypttab in it, if any. Nothing is unpacked if
/// `text`, the machine's crypttab, has no line.
fn in_initrd(facts: &Facts, saver: &Saver, text: &str) -> (String, String) {
    let Seen::Is(release) = &facts.release else {
        return Default::default();
    };
    if !matches!(saver, Saver::KdumpTools(_))
        || saver.initrds(release).is_empty()
        || Entry::all(text).next().is_none()
    {
        return Default::default();
    }
    let path = initrd(facts.system, saver, release).0;
    let inside = facts.system.inside(&path, INSIDE).is();
    (path, inside.unwrap_or_default())
}

fn is_left_out(entry: &Entry) -> bool {
    ["noauto", "swap", "plain"].iter().any(|one| entry.has(one))
}

/// Checks kdump-tools, whose crash kernel boots the same root file system: the initrd unlocks that,
/// systemd the rest.
fn of_kdump_tools(facts: &Facts, saver: &Saver, text: &str) -> Vec<Finding> {
    let system = facts.system;
    let (initrd, unpacked) = in_initrd(facts, saver, text);
    let mut findings: Vec<_> = Entry::all(&unpacked)
        .map(|own| of_initrd(system, &initrd, text, &own))
        .collect();
    let mounts = system.mounts().is().unwrap_or_default();
    let is_in_initrd = |name: &str| Entry::all(&unpacked).any(|own| own.name == name);
    for one in Entry::all(text).filter(|one| one.asks() && !is_left_out(one)) {
        let is_for_root = mounts
            .iter()
            .any(|mount| mount.point == "/" && mount.source == format!("/dev/mapper/{}", one.name));
        if !is_in_initrd(one.name) && (is_for_root || !one.has("nofail")) {
            findings.push(asked(&one).evidence(format!("{FILE}:{}", one.number), one.line));
        }
    }
    findings
}

fn asked(entry: &Entry) -> Finding {
    let says = format!(
        "the crash kernel waits for the passphrase of {}",
        entry.name
    );
    ABOUT
        .wrong(Stage::CrashKernelDied, says)
        .mend("# put a key into the crash kernel's initrd: see \"An encrypted root\" in machine.md")
}

/// Checks a device that the initrd unlocks.
fn of_initrd(system: &System, initrd: &str, text: &str, own: &Entry) -> Finding {
    let name = own.name;
    let place = format!("{initrd}:{INSIDE}:{}", own.number);
    let outside = Entry::all(text).find(|one| one.name == name);
    let evidence = |finding: Finding| {
        let finding = match &outside {
            Some(one) => finding.evidence(format!("{FILE}:{}", one.number), one.line),
            None => finding,
        };
        finding.evidence(&place, own.line)
    };
    if own.asks() {
        return evidence(match system.is_inside(initrd, CLEVIS) {
            Seen::Is(true) => ABOUT.unknown(format!(
                "cannot tell whether clevis unlocks {name} in the crash kernel, or it asks for the passphrase"
            )),
            _ => asked(own),
        });
    }
    // A keyscript takes it as an argument; a key on the root file system is read once that is
    // mounted.
    let is_own_key = !own.options.contains("keyscript=") && !own.key.starts_with("/FIXME");
    let is_there = match is_own_key && own.key.starts_with('/') && !own.key.starts_with("/dev/") {
        true => system.is_inside(initrd, own.key.trim_start_matches('/')),
        false => {
            let says = format!("cannot tell whether the crash kernel can unlock {name} by itself");
            return evidence(ABOUT.unknown(says));
        }
    };
    let is_open = system
        .stat(initrd)
        .is()
        .is_some_and(|stat| stat.mode & 0o004 != 0);
    evidence(match is_there {
        Seen::Is(true) if is_open => ABOUT
            .note(format!(
                "every user can read the initrd, which contains the key of {name}"
            ))
            .mend("echo UMASK=0077 >/etc/initramfs-tools/conf.d/umask")
            .mend(format!("chmod 600 {initrd}")),
        Seen::Is(true) => ABOUT.fine(format!("the crash kernel's initrd has a key of {name}")),
        Seen::Is(false) => ABOUT.wrong(
            Stage::CrashKernelDied,
            format!("the key of {name} is not in the crash kernel's initrd"),
        ),
        Seen::Absent | Seen::Unseen(_) => ABOUT.unknown(format!(
            "cannot tell whether the crash kernel's initrd has a key of {name}"
        )),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::checks::testing::{found, says};
    use crate::doctor::finding::State;
    use crate::pack::cpio;
    use crate::system::testing::Machine;

    const INITRD: &str = "/var/lib/kdump/initrd.img";

    fn machine(crypttab: &str) -> Machine {
        Machine::new()
            .sysctl("kernel.osrelease", "6.1")
            .file("/usr/sbin/kdump-config", "")
            .file(
                "/etc/default/kdump-tools",
                &format!("KDUMP_INITRD={INITRD}\n"),
            )
            .file(INITRD, "")
            .file("/etc/crypttab", crypttab)
            .file("/proc/self/mounts", "/dev/mapper/root / ext4 rw 0 0\n")
    }

    #[test]
    fn who_types_the_passphrase() {
        let asked = found(machine("# x\nroot UUID=1 none luks,discard\n"), unlock);
        assert_eq!(asked[0].evidence[0].place, "/etc/crypttab:2");
        assert_eq!(asked[0].stage, Some(Stage::CrashKernelDied));
        for fine in [
            "root UUID=1 /etc/keys/root luks",
            "root UUID=1 none luks,tpm2-device=auto",
            "swap /dev/x /dev/urandom swap",
            "data UUID=2 none luks,noauto",
            "data UUID=2 none luks,nofail",
            "#root UUID=1 none",
        ] {
            assert!(says(machine(fine), unlock).is_empty(), "{fine}");
        }
    }

    /// A machine whose root is on LVM on LUKS, and these files in the crash kernel's initrd.
    fn lvm(files: &[(&str, &str)], mode: u32) -> Machine {
        use std::os::unix::fs::PermissionsExt;
        let machine = machine("lvm_crypt UUID=1 none luks,nofail\n");
        let path = machine.place(INITRD);
        std::fs::write(&path, cpio(files)).unwrap();
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
        machine
    }

    #[test]
    fn what_the_initrd_unlocks_with() {
        let tab = |text| ("cryptroot/crypttab", text);
        let own = "lvm_crypt UUID=1 /cryptroot/keyfiles/kdump.key luks,keyslot=7\n";
        let key = ("cryptroot/keyfiles/kdump.key", "0123456789");
        let of = |files: &[_], mode| {
            let mut found = found(lvm(files, mode), unlock);
            assert_eq!(found.len(), 1, "{found:?}");
            found.remove(0)
        };
        // By its name alone, nothing of it is the root's.
        let asks = of(&[tab("lvm_crypt UUID=1 none luks\n")], 0o600);
        assert_eq!(asks.state, State::Wrong);
        assert_eq!(asks.evidence[0].place, "/etc/crypttab:1");
        assert_eq!(
            asks.evidence[1].place,
            "/var/lib/kdump/initrd.img:cryptroot/crypttab:1"
        );
        assert_eq!(of(&[tab(own), key], 0o600).state, State::Fine);
        assert_eq!(of(&[tab(own), key], 0o644).state, State::Note);
        // What the memory that it takes depends on.
        let asks = |files: &[_]| {
            let system = lvm(files, 0o600).system();
            opened(&Facts::of(&system, crate::fault::class::Classes::ALL)).unwrap()
        };
        assert!(asks(&[tab("lvm_crypt UUID=1 none luks\n")]).1);
        let (line, asks) = asks(&[tab(own), key]);
        assert!(!asks && line.place == "/var/lib/kdump/initrd.img:cryptroot/crypttab:1");
        let gone = of(&[tab(own)], 0o600);
        assert_eq!(gone.state, State::Wrong);
        assert!(gone.says.starts_with("the key of lvm_crypt is not in"));
        let clevis = (CLEVIS, "#!/bin/sh\n");
        let may = of(&[tab("lvm_crypt UUID=1 none luks\n"), clevis], 0o600);
        assert_eq!(may.state, State::Unknown);
        let script = "lvm_crypt UUID=1 none luks,keyscript=/lib/cryptsetup/scripts/passdev\n";
        assert_eq!(of(&[tab(script)], 0o600).state, State::Unknown);
    }

    #[test]
    fn a_key_is_never_kept() {
        let own = "lvm_crypt UUID=1 /cryptroot/keyfiles/x luks\n";
        let files = [
            ("cryptroot/crypttab", own),
            ("cryptroot/keyfiles/x", "0123456789"),
        ];
        let system = lvm(&files, 0o600).system();
        let facts = Facts::of(&system, crate::fault::class::Classes::ALL);
        assert_eq!(unlock(&facts)[0].state, State::Fine);
        let record = format!("{:?}", system.record());
        assert!(!record.contains("0123456789"));
        // And the answer is the same from what was collected.
        let again = System::replay(system.record().clone());
        let facts = Facts::of(&again, crate::fault::class::Classes::ALL);
        assert_eq!(unlock(&facts)[0].state, State::Fine);
    }
}
