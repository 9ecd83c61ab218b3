// SPDX-License-Identifier: GPL-2.0

//! The kernels that rows are about: what there is of each to drill with.

use crate::process::output_within;
use std::collections::hash_map::{DefaultHasher, Entry};
use std::collections::HashMap;
use std::hash::{Hash, Hasher};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// A kernel whose modules are built.
#[derive(Debug, Clone, PartialEq)]
pub struct Kernel {
    /// Its row of scripts/kernels.
    pub row: String,
    pub release: String,
    /// As uname has it.
    pub machine: String,
    /// Of what a guest of it gets from us.
    pub hash: u64,
}

/// Those that were asked for already; or why there is nothing to drill with.
pub struct Kernels {
    project: PathBuf,
    /// The row that those without one are about; empty for the first.
    default: String,
    known: HashMap<String, Result<Kernel, String>>,
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

    /// The kernel of that row, or why it cannot be drilled.
    pub fn get(&mut self, row: Option<&str>) -> Result<Kernel, String> {
        let row = row.unwrap_or(&self.default).to_string();
        match self.known.entry(row) {
            Entry::Occupied(known) => known.get().clone(),
            Entry::Vacant(new) => {
                let kernel = look_up(&self.project, new.key());
                new.insert(kernel).clone()
            }
        }
    }
}

fn look_up(project: &Path, row: &str) -> Result<Kernel, String> {
    let named = if row.is_empty() { "the first" } else { row };
    let ask = |what: &str| {
        let mut command = Command::new(project.join("scripts/paths"));
        let output = output_within(command.arg(what).env("KERNEL", row), PATIENCE)
            .map_err(|error| format!("{error:#}"))?;
        if output.status.success() {
            return Ok(output.stdout.trim().to_string());
        }
        let why = output.stderr.trim();
        let why = why.strip_prefix("paths: ").unwrap_or(why);
        Err(match why.split_once("; it has:") {
            _ if why.contains("is not set up") => not_built(named),
            Some((why, _)) => why.into(),
            None => why.into(),
        })
    };
    let (row, release, machine) = (ask("ROW")?, ask("RELEASE")?, ask("MACHINE")?);
    let mut files = vec![project.join("build").join(&release).join("lockup.ko")];
    if machine != std::env::consts::ARCH {
        let suite = ask("ROOT_SUITE")?;
        files.push(project.join(format!(
            "build/tools/{suite}/{machine}-unknown-linux-gnu/release/faultline"
        )));
    }
    let mut hasher = DefaultHasher::new();
    for file in &files {
        let bytes = std::fs::read(file).map_err(|_| not_built(&row))?;
        bytes.hash(&mut hasher);
    }
    Ok(Kernel {
        row,
        release,
        machine,
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

    /// A project with a kernel that is built, `built`, and one that is not, `bare`.
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
case $1 in
ROW) echo "${KERNEL:-built}" ;;
RELEASE) echo "7.3-${KERNEL:-built}" ;;
MACHINE) uname -m ;;
esac"#,
        );
        project
    }

    /// Makes a shell script that can be run. Another process writes it: what this one has open
    /// for writing, a child that another test starts might hold for a moment.
    pub fn script(path: &Path, text: &str) {
        let write = r#"printf '#!/bin/sh\n%s\n' "$2" >"$1" && chmod 755 "$1""#;
        let mut command = Command::new("sh");
        command.args(["-c", write, "sh"]).arg(path).arg(text);
        assert!(command.status().unwrap().success());
    }

    #[test]
    fn what_is_built_and_what_is_not() {
        let project = project();
        let get = |row: Option<&str>| Kernels::new(project.path(), None).get(row);
        let kernel = get(None).unwrap();
        assert_eq!(
            (kernel.row.as_str(), kernel.release.as_str()),
            ("built", "7.3-built")
        );
        assert_eq!(
            Kernels::new(project.path(), Some("built")).get(None),
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
        fs::write(project.path().join("build/7.3-built/lockup.ko"), "other").unwrap();
        assert_ne!(get(None).unwrap().hash, kernel.hash);
    }
}
