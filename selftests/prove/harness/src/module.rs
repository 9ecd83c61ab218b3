// SPDX-License-Identifier: GPL-2.0

//! A module: loading, using and unloading it, and what it leaves where the kernel shows it.

use anyhow::Context;
use rustix::io::Errno;
use std::ffi::CString;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

pub struct Module {
    name: String,
    image: File,
    arguments: CString,
}

impl Module {
    /// `file` has the module's image; `arguments` are what would follow it after `insmod`.
    pub fn open(file: &Path, arguments: &str) -> anyhow::Result<Self> {
        Ok(Self {
            name: Self::name_of(file)?,
            image: File::open(file).with_context(|| file.display().to_string())?,
            arguments: CString::new(arguments)?,
        })
    }

    pub fn name_of(file: &Path) -> anyhow::Result<String> {
        let name = file.file_stem().and_then(|name| name.to_str());
        name.map(str::to_string)
            .context("a module's file is called NAME.ko")
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    pub fn load(&self) -> Result<(), Errno> {
        rustix::system::finit_module(&self.image, &self.arguments, 0)
    }

    pub fn unload(&self) -> Result<(), Errno> {
        let name = CString::new(self.name.as_str()).map_err(|_| Errno::INVAL)?;
        rustix::system::delete_module(&name, 0)
    }

    pub fn parameter(&self, name: &str) -> PathBuf {
        Path::new("/sys/module")
            .join(&self.name)
            .join("parameters")
            .join(name)
    }
}

/// Opens a file, writes each line at once, and closes it.
pub fn session<'a>(path: &Path, mut lines: impl Iterator<Item = &'a str>) -> Result<(), Errno> {
    let file = OpenOptions::new().read(true).write(true).open(path);
    file.and_then(|mut file| {
        lines.try_for_each(|line| file.write_all(format!("{line}\n").as_bytes()))
    })
    .map_err(errno)
}

pub fn write(file: &Path, value: &str) -> Result<(), Errno> {
    let file = OpenOptions::new().write(true).open(file);
    file.and_then(|mut file| file.write_all(value.as_bytes()))
        .map_err(errno)
}

pub fn read(file: &Path) -> Result<(), Errno> {
    let mut bytes = Vec::with_capacity(1 << 16);
    File::open(file)
        .and_then(|mut file| file.read_to_end(&mut bytes))
        .map_err(errno)?;
    Ok(())
}

fn errno(error: io::Error) -> Errno {
    Errno::from_io_error(&error).unwrap_or(Errno::IO)
}

/// What the kernel shows of a module.
#[derive(Debug)]
pub struct Traces {
    files: Vec<PathBuf>,
    kprobes: Vec<String>,
}

impl Traces {
    /// `theirs` are kprobes of others: the kernel does not say whose one is.
    pub fn of(name: &str, theirs: &[String]) -> anyhow::Result<Self> {
        let places = [
            "/sys/module",
            "/sys/kernel/debug",
            "/sys/kernel/tracing/events",
        ];
        let files = places.iter().map(|place| Path::new(place).join(name));
        let mut kprobes = kprobes()?;
        kprobes.retain(|probe| !theirs.contains(probe));
        Ok(Self {
            files: files.filter(|file| file.exists()).collect(),
            kprobes,
        })
    }

    pub fn is_clean(&self) -> bool {
        self.files.is_empty() && self.kprobes.is_empty()
    }
}

/// All that are registered.
pub fn kprobes() -> anyhow::Result<Vec<String>> {
    let list = "/sys/kernel/debug/kprobes/list";
    let list = fs::read_to_string(list).context(list)?;
    Ok(list.lines().map(str::to_string).collect())
}
