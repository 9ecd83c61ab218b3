// SPDX-License-Identifier: GPL-2.0

//! Reverts the changes of a drill that did not inject its fault.

use super::{state, unit};
use crate::files::store::Store;
use crate::run::plan::Setting;
use crate::run::strike::{read, setting_file};
use crate::terminal::tell::tell;
use anyhow::{ensure, Context};
use std::fs;
use std::path::PathBuf;

/// The changes to revert, in the order in which they were made.
pub struct Undo<'s> {
    store: &'s Store,
    pub before: Vec<Setting>,
    pub made: Vec<PathBuf>,
    pub is_armed: bool,
    is_kept: bool,
}

impl<'s> Undo<'s> {
    pub fn new(store: &'s Store) -> Self {
        Undo {
            store,
            before: Vec::new(),
            made: Vec::new(),
            is_armed: false,
            is_kept: false,
        }
    }

    /// Sets a sysctl or another file, and notes its previous value.
    pub fn set(&mut self, setting: &Setting) -> anyhow::Result<()> {
        let file = setting_file(&setting.key);
        let before = read(&file).with_context(|| format!("{setting} cannot be set"))?;
        if before == setting.value {
            return Ok(());
        }
        self.before.push(Setting::new(&setting.key, &before));
        fs::write(&file, &setting.value).with_context(|| format!("{setting} cannot be set"))?;
        let now = read(&file)?;
        let is_same = now.split_whitespace().eq(setting.value.split_whitespace());
        ensure!(
            is_same,
            "{setting} was accepted, but {} is {now}",
            setting.key
        );
        Ok(())
    }

    /// Reverts nothing: the verdict does so later.
    pub fn keep(&mut self) {
        self.is_kept = true;
    }
}

impl Drop for Undo<'_> {
    fn drop(&mut self) {
        if self.is_kept {
            return;
        }
        if self.is_armed {
            if let Err(error) = state::disarm(self.store) {
                tell(format_args!("{error:#}"));
            }
        }
        files(&self.made);
        settings(&self.before);
    }
}

/// Restores settings, the last one first.
pub fn settings(before: &[Setting]) {
    for setting in before.iter().rev() {
        if let Err(error) = fs::write(setting_file(&setting.key), &setting.value) {
            tell(format_args!("{setting} cannot be restored: {error}"));
        }
    }
}

/// Removes the files that were made for the next boot.
pub fn files(made: &[PathBuf]) {
    for path in made {
        if let Err(error) = unit::remove(path) {
            tell(format_args!("{error:#}"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::store::tests::me;
    use crate::here::state::tests::armed;

    #[test]
    fn all_is_as_it_was() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(&dir.path().join("store"), me()).unwrap();
        let knob = dir.path().join("knob");
        fs::write(&knob, "0\n").unwrap();
        let setting = Setting::new(knob.to_str().unwrap(), 1);
        let change = |is_kept: bool| {
            let mut undo = Undo::new(&store);
            undo.set(&setting).unwrap();
            armed("x").write(&store).unwrap();
            undo.is_armed = true;
            assert_eq!(fs::read_to_string(&knob).unwrap(), "1");
            if is_kept {
                undo.keep();
            }
        };
        change(false);
        assert_eq!(fs::read_to_string(&knob).unwrap(), "0");
        assert_eq!(store.read(state::NAME).unwrap(), None);
        change(true);
        assert_eq!(fs::read_to_string(&knob).unwrap(), "1");
        assert!(store.read(state::NAME).unwrap().is_some());
        let missing = Setting::new(dir.path().join("none").to_str().unwrap(), 1);
        assert!(Undo::new(&store).set(&missing).is_err());
    }
}
