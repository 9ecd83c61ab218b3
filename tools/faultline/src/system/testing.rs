// SPDX-License-Identifier: GPL-2.0

//! Machines with a few files, for tests.

use super::System;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::PathBuf;
use tempfile::TempDir;

/// A directory that becomes a machine's root, file by file.
pub struct Machine(TempDir);

impl Machine {
    pub fn new() -> Self {
        Machine(tempfile::tempdir().unwrap())
    }

    /// Returns the place of a path, and creates its directory.
    pub fn place(&self, path: &str) -> PathBuf {
        let place = self.0.path().join(path.trim_start_matches('/'));
        fs::create_dir_all(place.parent().unwrap()).unwrap();
        place
    }

    /// Writes a file, and replaces an existing one.
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

    /// Sets the current value of a sysctl.
    pub fn sysctl(self, name: &str, value: &str) -> Self {
        self.file(&super::sysctl_path(name), &format!("{value}\n"))
    }

    /// Sets the kernel log.
    pub fn log(self, text: &str) -> Self {
        self.file("/sos_commands/kernel/dmesg", text)
    }

    /// Removes a file, or a directory with its contents.
    pub fn without(self, path: &str) -> Self {
        let place = self.place(path);
        match place.is_dir() {
            true => fs::remove_dir_all(place).unwrap(),
            false => fs::remove_file(place).unwrap(),
        }
        self
    }

    /// Returns the machine, which is removed when this view is dropped.
    pub fn system(self) -> System {
        let mut system = System::at(self.0.path()).unwrap();
        system.made = Some(self.0);
        system
    }
}
