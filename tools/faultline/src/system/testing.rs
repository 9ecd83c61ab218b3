// SPDX-License-Identifier: GPL-2.0

//! Machines made of a few files, for tests.

use super::System;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::PathBuf;
use tempfile::TempDir;

/// A directory that is made into a machine's root, file by file.
pub struct Machine(TempDir);

impl Machine {
    pub fn new() -> Self {
        Machine(tempfile::tempdir().unwrap())
    }

    /// The place of a path, in a directory that is there.
    pub fn place(&self, path: &str) -> PathBuf {
        let place = self.0.path().join(path.trim_start_matches('/'));
        fs::create_dir_all(place.parent().unwrap()).unwrap();
        place
    }

    /// A file; one that is there is replaced.
    pub fn file(self, path: &str, text: &str) -> Self {
        fs::write(self.place(path), text).unwrap();
        self
    }

    pub fn dir(self, path: &str) -> Self {
        fs::create_dir_all(self.place(path)).unwrap();
        self
    }

    pub fn link(self, path: &str, target: &str) -> Self {
        symlink(target, self.place(path)).unwrap();
        self
    }

    /// A sysctl's value now.
    pub fn sysctl(self, name: &str, value: &str) -> Self {
        self.file(&super::sysctl_path(name), &format!("{value}\n"))
    }

    /// The kernel log.
    pub fn log(self, text: &str) -> Self {
        self.file("/sos_commands/kernel/dmesg", text)
    }

    /// Takes a file away, or a directory with all in it.
    pub fn without(self, path: &str) -> Self {
        let place = self.place(path);
        match place.is_dir() {
            true => fs::remove_dir_all(place).unwrap(),
            false => fs::remove_file(place).unwrap(),
        }
        self
    }

    /// The machine, which goes when this view of it does.
    pub fn system(self) -> System {
        let mut system = System::at(self.0.path()).unwrap();
        system.made = Some(self.0);
        system
    }
}
