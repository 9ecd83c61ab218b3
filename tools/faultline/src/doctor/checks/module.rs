// SPDX-License-Identifier: GPL-2.0

//! Whether the module lockup, which a drill needs, exists and can be loaded.

use super::kdump::About;
use crate::doctor::check::Check;
use crate::doctor::facts::Facts;
use crate::doctor::finding::{Finding, Link};
use crate::system::{Seen, System};
use crate::verdict::stage::Stage;

const ABOUT: About = About(Link::Module);
/// That of the program is that of the package with DKMS.
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The family's checks.
pub const CHECKS: &[Check] = &[
    Check {
        name: "module_loading",
        reads: "kernel.modules_disabled, /sys/kernel/security/lockdown, /sys/module/module/parameters/sig_enforce, SecureBoot in efivars; the signature of lockup.ko, /proc/keys",
        why: "a drill injects its fault with a module: it needs a kernel that loads modules, or a signed module",
        mend: "sign the module with a key that the machine trusts (MOK)",
        run: loading,
    },
    Check {
        name: "module_built",
        reads: "/lib/modules/<release>/updates and extra, and beside this program",
        why: "a module is built for one kernel release",
        mend: "install faultline-modules-<release>, or build it: `dkms install` of faultline-dkms, or `make modules`",
        run: built,
    },
];

fn loading(facts: &Facts) -> Vec<Finding> {
    let system = facts.system;
    let mut findings = Vec::new();
    let disabled = system.sysctl("kernel.modules_disabled");
    if disabled == Seen::Is("1".into()) {
        findings.push(
            ABOUT
                .wrong(
                    Stage::Refused,
                    "the kernel loads no module before the next boot",
                )
                .evidence("/proc/sys/kernel/modules_disabled", "1")
                .mend("# remove kernel.modules_disabled from the sysctl files, and reboot"),
        );
    }
    let lockdown_path = "/sys/kernel/security/lockdown";
    let lockdown = system.text(lockdown_path);
    let mode = match &lockdown {
        Seen::Is(text) => text
            .split_once('[')
            .and_then(|(_, rest)| rest.split_once(']'))
            .map(|(mode, _)| mode.to_owned()),
        _ => None,
    };
    let enforce_path = "/sys/module/module/parameters/sig_enforce";
    let enforce = system.text(enforce_path);
    let is_enforced = matches!(&enforce, Seen::Is(text) if text.trim() == "Y");
    let is_locked = mode.as_deref().is_some_and(|mode| mode != "none");
    if is_locked || is_enforced {
        let what = match is_locked {
            true => format!(
                "the kernel is locked down ({}): it loads only modules signed with a trusted key",
                mode.unwrap_or_default()
            ),
            false => "the kernel loads only modules signed with a trusted key".to_owned(),
        };
        let signed = signed(facts);
        let mut finding = match &signed {
            Signed::By(name) => ABOUT.fine(format!("{what}; lockup.ko is signed by {name}")),
            Signed::Unseen => ABOUT.unknown(format!("{what}: cannot tell whether lockup.ko is")),
            Signed::Not => ABOUT.wrong(Stage::Refused, what),
        };
        finding = match is_locked {
            true => finding.seen(lockdown_path, &lockdown),
            false => finding.seen(enforce_path, &enforce),
        };
        if secure_boot(system) == Some(true) {
            finding = finding.evidence("/sys/firmware/efi/efivars", "SecureBoot is on");
        }
        findings.push(match signed {
            Signed::By(_) => finding,
            _ => finding.mend("# sign lockup.ko with a key enrolled by `mokutil --import`"),
        });
    }
    let is_unknown = disabled.is_unseen() || (lockdown.is_unseen() && enforce.is_unseen());
    if findings.is_empty() {
        findings.push(match is_unknown {
            true => ABOUT
                .unknown("cannot tell whether the kernel loads modules")
                .seen(lockdown_path, &lockdown)
                .seen(enforce_path, &enforce),
            false => ABOUT.fine("the kernel loads modules, signed or not"),
        });
    }
    findings
}

/// The signature of the installed module.
enum Signed {
    /// Signed with one of the kernel's keys; the key's owner. The kernel itself verifies it at load
    /// time.
    By(String),
    Not,
    Unseen,
}

fn signed(facts: &Facts) -> Signed {
    let system = facts.system;
    let Some(file) = file(facts) else {
        return Signed::Not;
    };
    match system.has_word(&file, "~Module signature appended~") {
        Seen::Is(true) => {}
        Seen::Is(false) => return Signed::Not,
        Seen::Absent | Seen::Unseen(_) => return Signed::Unseen,
    }
    let Seen::Is(keys) = system.text("/proc/keys") else {
        return Signed::Unseen;
    };
    let owner = owners(&keys).find(|owner| system.has_word(&file, owner) == Seen::Is(true));
    owner.map_or(Signed::Not, |owner| Signed::By(owner.to_owned()))
}

/// Returns the owners of the kernel's X.509 keys, from lines like
/// `... asymmetri NAME: 3f0a: X509.rsa 0c1d []`.
fn owners(keys: &str) -> impl Iterator<Item = &str> {
    keys.lines()
        .filter_map(|line| line.split_once(" asymmetri ")?.1.split_once(": X509."))
        .filter_map(|(key, _)| Some(key.rsplit_once(": ")?.0.trim()))
        .filter(|name| !name.is_empty())
}

/// Returns whether Secure Boot is on. The variable has 4 bytes of attributes before its value.
fn secure_boot(system: &System) -> Option<bool> {
    let dir = "/sys/firmware/efi/efivars";
    let names = system.list(dir).is()?;
    let name = names.iter().find(|name| name.starts_with("SecureBoot-"))?;
    let text = system.text(&format!("{dir}/{name}")).is()?;
    Some(text.ends_with('\u{1}'))
}

/// Returns the possible paths of the module for this kernel.
fn places(system: &System, release: &str) -> Vec<String> {
    let mut places = Vec::new();
    for root in ["/lib/modules", "/usr/lib/modules"] {
        for dir in [
            "updates",
            "updates/faultline",
            "updates/dkms",
            "extra",
            "extra/faultline",
        ] {
            places.push(format!("{root}/{release}/{dir}"));
        }
    }
    if system.is_here() {
        if let Some(dir) = std::env::current_exe()
            .ok()
            .and_then(|path| Some(path.parent()?.to_path_buf()))
        {
            places.push(dir.join(release).display().to_string());
            places.push(dir.display().to_string());
        }
    }
    places
}

/// The module for this kernel.
fn file(facts: &Facts) -> Option<String> {
    let Seen::Is(release) = &facts.release else {
        return None;
    };
    places(facts.system, release).into_iter().find_map(|dir| {
        let names = facts.system.list(&dir).is()?;
        let name = names.iter().find(|name| name.starts_with("lockup.ko"))?;
        Some(format!("{dir}/{name}"))
    })
}

fn built(facts: &Facts) -> Vec<Finding> {
    let Seen::Is(release) = &facts.release else {
        return Vec::new();
    };
    if let Some(file) = file(facts) {
        return vec![ABOUT
            .fine("the module for this kernel is installed")
            .evidence(file, "(there)")];
    }
    let places = places(facts.system, release);
    // The module may lie elsewhere: --module names it.
    vec![ABOUT
        .unknown(format!("no lockup.ko for {release}, which a drill needs"))
        .evidence(&places[0], "(no lockup.ko)")
        .mend(format!(
            "# install the package faultline-modules-{release}, or build it: `make modules`,"
        ))
        .mend(format!(
            "# or with faultline-dkms: dkms install faultline/{VERSION} -k {release}"
        ))
        .mend("# or name its file: faultline drill here --module PATH")]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::checks::testing::found;
    use crate::doctor::finding::State;
    use crate::system::testing::Machine;

    fn machine(lockdown: &str, enforce: &str, disabled: &str) -> Machine {
        Machine::new()
            .sysctl("kernel.osrelease", "6.1")
            .sysctl("kernel.modules_disabled", disabled)
            .file("/sys/kernel/security/lockdown", lockdown)
            .file("/sys/module/module/parameters/sig_enforce", enforce)
    }

    #[test]
    fn whether_the_kernel_takes_modules() {
        const NONE: &str = "[none] integrity confidentiality\n";
        assert_eq!(
            found(machine(NONE, "N\n", "0"), loading)[0].state,
            State::Fine
        );
        let locked = found(
            machine("none [integrity] confidentiality\n", "N\n", "0"),
            loading,
        );
        assert!(locked[0].says.contains("(integrity)") && locked[0].stage == Some(Stage::Refused));
        assert!(found(machine(NONE, "Y\n", "0"), loading)[0]
            .says
            .contains("only modules signed with"));
        assert!(found(machine(NONE, "N\n", "1"), loading)[0]
            .says
            .contains("no module before"));
        let unseen = Machine::new().sysctl("kernel.osrelease", "6.1");
        assert_eq!(found(unseen, loading)[0].state, State::Unknown);
    }

    #[test]
    fn who_signed_it() {
        const KEYS: &str = "0aa I------ 1 perm 1f030000 0 0 keyring .ima: empty\n\
            0ab I------ 1 perm 1f010000 0 0 asymmetri Example: Our key: 3f0a: X509.rsa 0c1d []\n";
        let with = |name: &str, bytes: &str| {
            let machine = machine("none [integrity] confidentiality\n", "N\n", "0");
            let machine = machine.file("/proc/keys", KEYS);
            found(
                machine.file(&format!("/lib/modules/6.1/updates/{name}"), bytes),
                loading,
            )
            .remove(0)
        };
        let signed = with(
            "lockup.ko",
            "\u{7f}ELF Example: Our key ~Module signature appended~\n",
        );
        assert_eq!(signed.state, State::Fine);
        assert!(signed.says.ends_with("signed by Example: Our key"));
        for (bytes, state) in [
            ("\u{7f}ELF Example: Our key", State::Wrong),
            (
                "\u{7f}ELF Other key ~Module signature appended~\n",
                State::Wrong,
            ),
        ] {
            assert_eq!(with("lockup.ko", bytes).state, state, "{bytes}");
        }
    }

    #[test]
    fn secure_boot_is_a_byte() {
        let with = |bytes: &str| {
            let machine =
                Machine::new().file("/sys/firmware/efi/efivars/SecureBoot-8be4df61", bytes);
            secure_boot(&machine.system())
        };
        assert_eq!(with("\u{6}\0\0\0\u{1}"), Some(true));
        assert_eq!(with("\u{6}\0\0\0\0"), Some(false));
    }

    #[test]
    fn whether_it_is_there() {
        let there = machine("", "", "0").file("/lib/modules/6.1/updates/dkms/lockup.ko.xz", "");
        assert_eq!(found(there, built)[0].state, State::Fine);
        // As the Debian package installs it.
        let there = machine("", "", "0").file("/lib/modules/6.1/updates/faultline/lockup.ko", "");
        assert_eq!(found(there, built)[0].state, State::Fine);
        let other = machine("", "", "0").file("/lib/modules/6.2/updates/lockup.ko", "");
        let missing = &found(other, built)[0];
        assert_eq!(missing.state, State::Unknown);
        assert!(missing.mend[0].contains("faultline-modules-6.1, "));
        assert!(missing.mend[1].ends_with(&format!("dkms install faultline/{VERSION} -k 6.1")));
    }
}
