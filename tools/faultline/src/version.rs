// SPDX-License-Identifier: GPL-2.0

//! The version of the program, of its JSON documents, and of the modules for the running kernel.

mod rows;

use crate::here::facts;
use crate::here::module::{self, Module};
use crate::terminal::layout::wrapped;
use serde::Serialize;
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

const SCHEMA: &str = "faultline.version/1";

/// The schemas of all JSON documents.
const SCHEMAS: &[&str] = &[
    "faultline.armed/1",
    "faultline.blocked/1",
    "faultline.collect/1",
    "faultline.doctor/1",
    "faultline.drill/1",
    "faultline.fleet/1",
    "faultline.here/1",
    "faultline.ledger/1",
    "faultline.matrix-rows/1",
    "faultline.matrix/1",
    "faultline.probe-list/1",
    "faultline.probe/1",
    "faultline.route/1",
    "faultline.signals/1",
    "faultline.status/1",
    "faultline.verdict/1",
    SCHEMA,
];

/// The modules that commands of the program use.
const MODULES: &[&str] = &["lockup", "route_probe", "func_probe"];

static COMMIT: OnceLock<&'static str> = OnceLock::new();

/// Sets the commit that the program was built from.
pub fn built_from(commit: Option<&'static str>) {
    if let Some(commit) = commit.filter(|commit| !commit.is_empty()) {
        let _ = COMMIT.set(commit);
    }
}

/// The program.
#[derive(Debug, Serialize)]
pub struct Program {
    pub version: &'static str,
    /// What it was built from; null if that is unknown.
    pub commit: Option<&'static str>,
    pub target: String,
}

impl Program {
    pub fn this() -> Self {
        let libc = match () {
            () if cfg!(target_env = "gnu") => "gnu",
            () if cfg!(target_env = "musl") => "musl",
            () => "unknown",
        };
        Program {
            version: env!("CARGO_PKG_VERSION"),
            commit: COMMIT.get().copied(),
            target: format!("{}-unknown-linux-{libc}", std::env::consts::ARCH),
        }
    }
}

/// Returns the program's version in a line.
pub fn line() -> String {
    let program = Program::this();
    let commit = program.commit.unwrap_or("unknown");
    format!(
        "faultline {} (commit {commit}, {})",
        program.version, program.target
    )
}

/// The document.
#[derive(Debug, Serialize)]
pub struct Version {
    schema: &'static str,
    program: Program,
    kernel: Kernel,
    modules: Vec<Found>,
    schemas: &'static [&'static str],
}

/// The running kernel.
#[derive(Debug, Serialize)]
struct Kernel {
    release: String,
    machine: String,
    /// The rows of scripts/kernels that may be this kernel.
    rows: Vec<&'static str>,
}

/// A module of ours, and its file for the running kernel; null for what is not there.
#[derive(Debug, Serialize)]
struct Found {
    name: &'static str,
    path: Option<PathBuf>,
    version: Option<String>,
    srcversion: Option<String>,
    /// Why the file is not used.
    trouble: Option<String>,
    is_loaded: bool,
}

impl Version {
    /// Looks at the running kernel.
    pub fn look() -> anyhow::Result<Self> {
        let release = facts::release()?;
        let machine = rustix::system::uname();
        let find = |name: &&'static str| Found::look(name, &release);
        Ok(Version {
            schema: SCHEMA,
            program: Program::this(),
            modules: MODULES.iter().map(find).collect(),
            schemas: SCHEMAS,
            kernel: Kernel {
                rows: rows::of(&release),
                machine: machine.machine().to_string_lossy().into_owned(),
                release,
            },
        })
    }

    pub fn for_people(&self) -> String {
        let mut text = line() + "\n\n";
        let kernel = &self.kernel;
        let row = match &kernel.rows[..] {
            [] => "none of those that the project builds for (scripts/kernels)".into(),
            rows => rows.join(" or "),
        };
        let _ = writeln!(text, "kernel  {} ({})", kernel.release, kernel.machine);
        let _ = writeln!(text, "row     {row}\n");
        for module in &self.modules {
            let loaded = if module.is_loaded { ", loaded" } else { "" };
            let told = match (&module.path, &module.trouble) {
                (_, Some(trouble)) => trouble.clone(),
                (None, None) => "none for this kernel".into(),
                (Some(path), None) => {
                    let version = module.version.as_ref().or(module.srcversion.as_ref());
                    let version = version.map(|version| format!(", version {version}"));
                    format!("{}{}", path.display(), version.unwrap_or_default())
                }
            };
            // Never wrapped, so that the path can be copied.
            let _ = writeln!(text, "{:<12}  {told}{loaded}", module.name);
        }
        text.push('\n');
        text += &wrapped("documents     ", &self.schemas.join(" "));
        text
    }
}

impl Found {
    fn look(name: &'static str, release: &str) -> Self {
        let mut found = Found {
            name,
            path: None,
            version: None,
            srcversion: None,
            trouble: None,
            is_loaded: Path::new("/sys/module")
                .join(name)
                .join("initstate")
                .exists(),
        };
        match module::locate(name, release) {
            Ok(path) => found.path = path,
            Err(error) => found.trouble = Some(format!("{error:#}")),
        }
        if let Some(path) = &found.path {
            match Module::read(path, release) {
                Ok(module) => {
                    found.version = module.info("version");
                    found.srcversion = module.info("srcversion");
                }
                Err(error) => found.trouble = Some(format!("{error:#}")),
            }
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;
    use std::fs;

    /// Collects the schemas that are constants in the source.
    fn schemas(dir: &Path, found: &mut BTreeSet<String>) {
        for entry in fs::read_dir(dir).unwrap().flatten() {
            let path = entry.path();
            if path.is_dir() {
                schemas(&path, found);
            } else if path.extension().is_some_and(|end| end == "rs") {
                let text = fs::read_to_string(&path).unwrap();
                for line in text.lines().filter(|line| line.contains("const ")) {
                    let Some((_, rest)) = line.split_once(": &str = \"faultline.") else {
                        continue;
                    };
                    if let Some((schema, _)) = rest.split_once("\";") {
                        if schema.contains('/') {
                            found.insert(format!("faultline.{schema}"));
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn every_schema_is_listed() {
        let mut found = BTreeSet::new();
        schemas(
            &Path::new(env!("CARGO_MANIFEST_DIR")).join("src"),
            &mut found,
        );
        let listed: Vec<_> = SCHEMAS.iter().map(|schema| schema.to_string()).collect();
        assert_eq!(found.into_iter().collect::<Vec<_>>(), listed);
    }

    #[test]
    fn json_is_as_the_schema_says() {
        let mut version = Version::look().unwrap();
        let complaint = |version: &Version| {
            let document = serde_json::to_value(version).unwrap();
            crate::schema::complaint("version.schema.json", &document)
        };
        assert_eq!(complaint(&version), None);
        version.program.commit = Some("0123456789abcdef0123456789abcdef01234567");
        version.modules[0].path = Some("/lib/modules/6.12.1/updates/lockup.ko".into());
        version.modules[0].srcversion = Some("0123".into());
        version.kernel.rows = vec!["debian-13"];
        assert_eq!(complaint(&version), None);
        version.schema = "faultline.version/2";
        assert!(complaint(&version).is_some());
    }

    #[test]
    fn what_people_are_told() {
        let module = |name, path: Option<&str>, trouble: Option<&str>| Found {
            name,
            path: path.map(PathBuf::from),
            version: None,
            srcversion: Some("0F".into()),
            trouble: trouble.map(String::from),
            is_loaded: name == "lockup",
        };
        let version = Version {
            schema: SCHEMA,
            program: Program::this(),
            kernel: Kernel {
                release: "6.12.1+deb13-cloud-amd64".into(),
                machine: "x86_64".into(),
                rows: vec!["debian-13"],
            },
            modules: vec![
                module("lockup", Some("/x/lockup.ko"), None),
                module("route_probe", None, None),
                module("func_probe", Some("/x/func_probe.ko"), Some("too old")),
            ],
            schemas: SCHEMAS,
        };
        let text = version.for_people();
        for line in [
            "kernel  6.12.1+deb13-cloud-amd64 (x86_64)",
            "row     debian-13",
            "lockup        /x/lockup.ko, version 0F, loaded",
            "route_probe   none for this kernel",
            "func_probe    too old",
        ] {
            assert!(text.lines().any(|told| told == line), "{line}: {text}");
        }
    }
}
