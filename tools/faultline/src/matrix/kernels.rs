// SPDX-License-Identifier: GPL-2.0

//! The kernels of the rows, and the files of each for a drill.

use super::row::Place;
use crate::process::output_within;
use std::collections::hash_map::{DefaultHasher, Entry};
use std::collections::HashMap;
use std::hash::{Hash, Hasher};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// A kernel with built modules.
#[derive(Debug, Clone, PartialEq)]
pub struct Kernel {
    /// Its row of scripts/kernels.
    pub row: String,
    pub release: String,
    /// Its release, as of uname.
    pub machine: String,
    /// The hash of everything that a drill on it depends on, except this program and the row.
    pub hash: u64,
}

/// The kernels found so far, or why one cannot be drilled.
pub struct Kernels {
    project: PathBuf,
    /// The kernel's row for the rows without one; empty for the first.
    default: String,
    known: HashMap<(String, Place), Result<Kernel, String>>,
}

const PATIENCE: Duration = Duration::from_secs(20);

impl Kernels {
    pub fn new(project: &Path, default: Option<&str>) -> Self {
        Kernels {
            project: project.into(),
            default: default.unwrap_or_default().into(),
            known: HashMap::new(),
        }
    }

    /// Returns the kernel of that row, or why it cannot be drilled.
    pub fn get(&mut self, row: Option<&str>, place: Place) -> Result<Kernel, String> {
        let row = row.unwrap_or(&self.default).to_string();
        match self.known.entry((row, place)) {
            Entry::Occupied(known) => known.get().clone(),
            Entry::Vacant(new) => {
                let (row, place) = new.key();
                let kernel = look_up(&self.project, row, *place);
                new.insert(kernel).clone()
            }
        }
    }
}

/// The project's files in a drill besides the module: those that make the VM, and those that run in
/// it.
const SCRIPTS: &[&str] = &[
    "vm",
    "lib.sh",
    "in-root",
    "faultline",
    "kernels",
    "initramfs",
    "guest-init",
    "guest-run",
    "crash-init",
];
/// The same for a drill on the test server; the server's stamp covers what it was made from.
const MACHINE_SCRIPTS: &[&str] = &[
    "machine",
    "machine-drill",
    "machine-host.py",
    "lib.sh",
    "in-root",
    "kernels",
    "setup-machine.sh",
];
/// The files of the kernel's directory: the kernel and its initrds.
const KERNEL: &[&str] = &["vmlinuz", "images/guest.img", "images/crash.img"];
/// The files of the guest's root and of QEMU's. The list of packages stands for all packages; these
/// programs are listed as well, in case they were replaced by hand.
const GUEST: &[&str] = &[
    "var/lib/dpkg/status",
    "usr/bin/busybox",
    "usr/bin/kmod",
    "usr/bin/makedumpfile",
    "usr/sbin/kexec",
];
const HOST: &[&str] = &["var/lib/dpkg/status", "usr/bin/makedumpfile"];
/// Files that are too large to hash: their sizes and times are used.
const LARGE: &[&str] = &["usr/libexec/virtiofsd"];

fn look_up(project: &Path, row: &str, place: Place) -> Result<Kernel, String> {
    let named = if row.is_empty() { "the first" } else { row };
    let ask = |names: &[&str]| {
        let mut command = Command::new(project.join("scripts/paths"));
        let output = output_within(command.args(names).env("KERNEL", row), PATIENCE)
            .map_err(|error| format!("{error:#}"))?;
        if output.status.success() {
            return Ok(output.stdout);
        }
        let why = output.stderr.trim();
        let why = why.strip_prefix("paths: ").unwrap_or(why);
        Err(match why.split_once("; it has:") {
            _ if why.contains("is not set up") => not_built(named),
            Some((why, _)) => why.into(),
            None => why.into(),
        })
    };
    let names = [
        "ROW",
        "RELEASE",
        "MACHINE",
        "ROOT_SUITE",
        "KERNEL_DIR",
        "GUEST_ROOT",
        "ROOT",
        "CACHE",
        "VMLINUX_DEBUG",
    ];
    let answer = ask(&names)?;
    let lines: Vec<_> = answer.lines().collect();
    let [row, release, machine, suite, kernel, guest, root, cache, vmlinux] = lines[..] else {
        return Err(format!(
            "scripts/paths says {} lines of {}",
            lines.len(),
            names.len()
        ));
    };
    let mut built = vec![project.join("build").join(release).join("lockup.ko")];
    if machine != std::env::consts::ARCH {
        built.push(project.join(format!(
            "build/tools/{suite}/{machine}-unknown-linux-gnu/release/faultline"
        )));
    }
    let mut hasher = DefaultHasher::new();
    for file in &built {
        let bytes = std::fs::read(file).map_err(|_| not_built(row))?;
        bytes.hash(&mut hasher);
    }
    let below = |dir: &str, names: &[&str]| -> Vec<PathBuf> {
        names.iter().map(|name| Path::new(dir).join(name)).collect()
    };
    let scripts = project.join("scripts");
    let of_scripts =
        |names: &[&str]| -> Vec<_> { names.iter().map(|name| scripts.join(name)).collect() };
    let read = match place {
        Place::Vm => vec![
            of_scripts(SCRIPTS),
            below(kernel, KERNEL),
            below(guest, GUEST),
            below(root, HOST),
            below(cache, &[&format!("stamps/drgn-{suite}")]),
        ],
        Place::Machine => {
            let stamp = format!("stamps/machine-boot-{row}");
            if !Path::new(cache).join(&stamp).exists() {
                return Err(format!(
                    "no machine with that kernel: make KERNEL={row} setup-machine"
                ));
            }
            vec![of_scripts(MACHINE_SCRIPTS), below(cache, &[&stamp])]
        }
    };
    for file in read.concat() {
        // A missing file counts as well, as it may exist the next time.
        (&file, std::fs::read(&file).ok()).hash(&mut hasher);
    }
    // Whether scripts/vm found KVM usable; the rest of the file is of this boot only.
    let kvm = std::fs::read_to_string(Path::new(kernel).join("kvm")).unwrap_or_default();
    (kvm.lines().last() == Some("works")).hash(&mut hasher);
    let qemu = format!("usr/bin/qemu-system-{machine}");
    let large = [
        below(root, LARGE),
        below(root, &[&qemu]),
        vec![PathBuf::from(vmlinux)],
    ];
    for file in large.concat() {
        let about = std::fs::metadata(&file).ok();
        let about = about.map(|about| (about.len(), about.modified().ok()));
        (&file, about).hash(&mut hasher);
    }
    Ok(Kernel {
        row: row.into(),
        release: release.into(),
        machine: machine.into(),
        hash: hasher.finish(),
    })
}

fn not_built(row: &str) -> String {
    format!("not built: make KERNEL={row} modules tools")
}

#[cfg(test)]
pub mod tests {
    use super::*;
    use std::fs;

    /// Makes a project with a kernel with built modules, `built`, and one without, `bare`.
    pub fn project() -> tempfile::TempDir {
        let project = tempfile::tempdir().unwrap();
        let path = project.path();
        fs::create_dir_all(path.join("scripts")).unwrap();
        fs::create_dir_all(path.join("build/7.3-built")).unwrap();
        fs::write(path.join("build/7.3-built/lockup.ko"), "module").unwrap();
        script(
            &path.join("scripts/paths"),
            r#"case ${KERNEL:-built} in
built | bare) ;;
unset) echo "paths: kernel 'unset' is not set up: run 'make setup'" >&2; exit 1 ;;
*) echo "paths: no kernel '$KERNEL' in scripts/kernels" >&2; exit 1 ;;
esac
here=$(cd "$(dirname "$0")/.." && pwd)
for name; do
    case $name in
    ROW) echo "${KERNEL:-built}" ;;
    RELEASE) echo "7.3-${KERNEL:-built}" ;;
    MACHINE) uname -m ;;
    ROOT_SUITE) echo suite ;;
    VMLINUX_DEBUG) echo "$here/cache/vmlinux" ;;
    *) echo "$here/cache/$name" ;;
    esac
done"#,
        );
        project
    }

    /// Makes an executable shell script. Another process writes it: a child that another test
    /// starts might inherit a file that this process has open for writing (ETXTBSY).
    pub fn script(path: &Path, text: &str) {
        let write = r#"printf '#!/bin/sh\n%s\n' "$2" >"$1" && chmod 755 "$1""#;
        let mut command = Command::new("sh");
        command.args(["-c", write, "sh"]).arg(path).arg(text);
        assert!(command.status().unwrap().success());
    }

    #[test]
    fn what_is_built_and_what_is_not() {
        let project = project();
        let get = |row: Option<&str>| Kernels::new(project.path(), None).get(row, Place::Vm);
        let kernel = get(None).unwrap();
        assert_eq!(
            (kernel.row.as_str(), kernel.release.as_str()),
            ("built", "7.3-built")
        );
        assert_eq!(
            Kernels::new(project.path(), Some("built")).get(None, Place::Vm),
            Ok(kernel.clone())
        );
        for row in ["bare", "unset"] {
            let why = get(Some(row)).unwrap_err();
            assert!(why.contains(&format!("make KERNEL={row} modules")), "{why}");
        }
        assert_eq!(
            get(Some("no")).unwrap_err(),
            "no kernel 'no' in scripts/kernels"
        );
    }

    #[test]
    fn a_pass_is_of_all_that_it_depends_on() {
        let project = project();
        let hash = || {
            let kernel = Kernels::new(project.path(), None).get(None, Place::Vm);
            kernel.unwrap().hash
        };
        let mut known = hash();
        assert_eq!(hash(), known);
        let scripts = SCRIPTS.iter().map(|name| format!("scripts/{name}"));
        let files = ["build/7.3-built/lockup.ko"].map(String::from).into_iter();
        let others = [
            "KERNEL_DIR/vmlinuz",
            "KERNEL_DIR/images/guest.img",
            "KERNEL_DIR/images/crash.img",
            "GUEST_ROOT/usr/bin/makedumpfile",
            "GUEST_ROOT/usr/sbin/kexec",
            "ROOT/var/lib/dpkg/status",
            "vmlinux",
        ];
        let others = others.iter().map(|name| format!("cache/{name}"));
        let qemu = format!("cache/ROOT/usr/bin/qemu-system-{}", std::env::consts::ARCH);
        for file in files.chain(scripts).chain(others).chain([qemu]) {
            let path = project.path().join(&file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            for text in ["new", "another one"] {
                fs::write(&path, text).unwrap();
                assert_ne!(hash(), known, "{file}: {text}");
                known = hash();
            }
        }
    }

    #[test]
    fn a_machine_has_to_be_there_and_is_what_a_pass_depends_on() {
        let project = project();
        let get = || Kernels::new(project.path(), None).get(None, Place::Machine);
        let why = get().unwrap_err();
        assert!(why.contains("make KERNEL=built setup-machine"), "{why}");
        let stamps = project.path().join("cache/CACHE/stamps");
        fs::create_dir_all(&stamps).unwrap();
        let mut known = None;
        for recipe in ["one", "another"] {
            fs::write(stamps.join("machine-boot-built"), recipe).unwrap();
            let hash = Some(get().unwrap().hash);
            assert_ne!(hash, known);
            known = hash;
        }
        fs::write(project.path().join("scripts/machine-drill"), "new").unwrap();
        assert_ne!(Some(get().unwrap().hash), known);
    }
}
