// SPDX-License-Identifier: GPL-2.0

//! The state that a drill saves before the fault: what the next boot needs to find the dump and to
//! judge it.

use crate::fault::case::Case;
use crate::fault::mode;
use crate::files::store::Store;
use crate::here::find::Known;
use crate::ledger::fingerprint::Fingerprint;
use crate::run::plan::{Policy, Setting};
use anyhow::{ensure, Context};
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// The schema of the file.
pub const SCHEMA: &str = "faultline.armed/1";
/// The file's name.
pub const NAME: &str = "armed.json";
/// A file that reserves space for the verdict, in case a dump fills the disk.
pub const ROOM: &str = "room";
const ROOM_BYTES: usize = 256 << 10;
/// The name under which an unreadable state file is kept.
pub const BROKEN: &str = "armed.broken";

/// A drill that is armed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Armed {
    pub schema: String,
    pub run_id: String,
    pub mode: String,
    pub detector: String,
    pub policy: Policy,
    /// The user's choice of CPUs; none if the module chooses.
    pub cpus: Option<String>,
    /// The detector's threshold in effect.
    pub threshold: Option<u32>,
    /// The module's parameters.
    pub parameters: String,
    pub module: PathBuf,
    /// The settings, and their values before.
    pub set: Vec<Setting>,
    pub before: Vec<Setting>,
    pub host: String,
    pub machine_id: String,
    pub release: String,
    /// The device of the root file system, as the kernel's command line names it.
    pub root: Option<String>,
    pub boot_id: String,
    /// Seconds since 1970, and since the boot.
    pub armed_at: u64,
    pub uptime_secs: u64,
    /// Whether a crash kernel was loaded.
    pub crash_kernel_loaded: bool,
    /// The directories for the dump, and the files in them before the drill.
    pub directories: Vec<PathBuf>,
    pub remote: Option<String>,
    pub dumps: Vec<Known>,
    /// The overridden findings of the doctor, each with the stage that it predicts.
    pub overridden: Vec<Overridden>,
    pub fingerprint: Fingerprint,
    /// The files that were made for the next boot.
    pub made: Vec<PathBuf>,
    /// The program's version.
    pub program: String,
}

/// A finding of the doctor that was overridden with `--force`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Overridden {
    pub says: String,
    pub stage: Option<crate::verdict::stage::Stage>,
}

impl Armed {
    /// Returns the mode with the detector expected to report it.
    pub fn case(&self) -> anyhow::Result<Case> {
        let mode = mode::find(&self.mode)
            .with_context(|| format!("unknown mode '{}' in the armed drill", self.mode))?;
        Case::new(mode, Some(&self.detector)).map_err(anyhow::Error::msg)
    }

    pub fn write(&self, store: &Store) -> anyhow::Result<()> {
        store.write(ROOM, &vec![b' '; ROOM_BYTES])?;
        store.write(NAME, serde_json::to_string_pretty(self)?.as_bytes())
    }
}

/// Removes the state for the next boot.
pub fn disarm(store: &Store) -> anyhow::Result<()> {
    store.remove(ROOM)?;
    store.remove(NAME)
}

/// The state file as found.
#[derive(Debug)]
pub enum Found {
    Nothing,
    Armed(Box<Armed>),
    /// A file that cannot be read, with the reason.
    Broken(String),
}

impl Found {
    pub fn read(store: &Store) -> anyhow::Result<Self> {
        let Some(bytes) = store.read(NAME)? else {
            return Ok(Self::Nothing);
        };
        Ok(match parse(&bytes) {
            Ok(armed) => Self::Armed(Box::new(armed)),
            Err(error) => Self::Broken(format!(
                "{} ({} bytes) cannot be read: {error:#}",
                store.path().join(NAME).display(),
                bytes.len()
            )),
        })
    }
}

/// Parses the armed drill.
pub fn parse(bytes: &[u8]) -> anyhow::Result<Armed> {
    ensure!(
        bytes.iter().any(|byte| *byte != 0),
        "it is empty: it had not reached the disk when the machine crashed"
    );
    let armed: Armed = serde_json::from_slice(bytes)?;
    ensure!(
        armed.schema == SCHEMA,
        "its schema is {}, expected {SCHEMA}",
        armed.schema
    );
    armed.case()?;
    Ok(armed)
}

#[cfg(test)]
pub mod tests {
    use super::*;
    use crate::files::store::tests::me;

    pub fn armed(run_id: &str) -> Armed {
        Armed {
            schema: SCHEMA.into(),
            run_id: run_id.into(),
            mode: "soft".into(),
            detector: "soft-lockup".into(),
            policy: Policy::Panic,
            cpus: Some("1".into()),
            threshold: Some(10),
            parameters: format!("mode=soft run_id={run_id} cpus=1"),
            module: "/lib/modules/6.12/updates/lockup.ko".into(),
            set: vec![Setting::new("kernel.softlockup_panic", 1)],
            before: vec![Setting::new("kernel.softlockup_panic", 0)],
            host: "server".into(),
            machine_id: "0123".into(),
            release: "6.12".into(),
            root: Some("UUID=1234".into()),
            boot_id: "a".into(),
            armed_at: 1_795_000_000,
            uptime_secs: 100,
            crash_kernel_loaded: true,
            directories: vec!["/var/crash".into()],
            remote: None,
            dumps: Vec::new(),
            overridden: Vec::new(),
            fingerprint: Fingerprint::default(),
            made: Vec::new(),
            program: "0.1.0".into(),
        }
    }

    #[test]
    fn what_a_crash_leaves_of_it() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path(), me()).unwrap();
        assert!(matches!(Found::read(&store).unwrap(), Found::Nothing));
        armed("x").write(&store).unwrap();
        let Found::Armed(read) = Found::read(&store).unwrap() else {
            panic!()
        };
        assert_eq!(*read, armed("x"));
        let room = std::fs::metadata(dir.path().join(ROOM)).unwrap();
        assert_eq!(room.len(), 256 << 10);
        let whole = std::fs::read(dir.path().join(NAME)).unwrap();
        let zeros = vec![0; whole.len()];
        for (torn, said) in [
            (&b""[..], "(0 bytes) cannot be read: it is empty"),
            (&zeros, "it is empty"),
            (&whole[..whole.len() - 1], "EOF"),
        ] {
            std::fs::write(dir.path().join(NAME), torn).unwrap();
            let Found::Broken(why) = Found::read(&store).unwrap() else {
                panic!()
            };
            assert!(why.contains(said), "{why}");
        }
        disarm(&store).unwrap();
        assert!(matches!(Found::read(&store).unwrap(), Found::Nothing));
        assert_eq!(store.read(ROOM).unwrap(), None);
    }
}
